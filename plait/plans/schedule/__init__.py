"""Which job starts next: the dispatcher, and what it knows of jobs, needs, slots and resources."""
