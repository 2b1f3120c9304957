"""What calls use up, and how far that may go."""
