"""What a terminal shows, and plain text where there is none."""
