"""One body of tests for every backend and every database."""
