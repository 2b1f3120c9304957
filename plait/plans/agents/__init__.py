"""What agent programs are told, what they print, and what that means: one contract for all of them, without I/O."""
