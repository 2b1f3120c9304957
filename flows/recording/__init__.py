"""What is written down of a run while it goes on and when it is over, and read again afterwards."""
