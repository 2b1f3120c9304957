"""The agent host: a model with tools in a checkout, and plait as a client of ACP."""
