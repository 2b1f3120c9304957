"""The door to SQL: the history of runs, on SQLite or PostgreSQL."""
