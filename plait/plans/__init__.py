"""What was asked, and every decision: no input, no output, no clock."""
