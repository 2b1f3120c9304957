"""The process of an agent that is no program of its own: a model with tools, or the other end of an ACP program."""
