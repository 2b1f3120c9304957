"""One reader for the stream of each agent program; `by_backend.py` says which."""
