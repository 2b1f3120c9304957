"""What was asked, and every decision that a run needs: no input, no output, no clock."""
