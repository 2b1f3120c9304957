"""What calls of models use up, how far that may go, and what providers refuse: read and decided without I/O."""
