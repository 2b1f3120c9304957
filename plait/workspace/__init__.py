"""The door to git and to processes."""
