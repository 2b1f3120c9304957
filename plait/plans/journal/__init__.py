"""What a run began with and what it heard, as data: enough to play it again."""
