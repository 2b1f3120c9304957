"""The model door: a reverse proxy of ours between agent programs and their providers."""
