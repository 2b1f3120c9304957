"""The model door, on real sockets."""
