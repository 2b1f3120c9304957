"""Which job starts next: the dispatcher, its bounds and its simulation, and the search for better orders."""
