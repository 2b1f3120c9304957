"""The command as a process, on real repositories."""
