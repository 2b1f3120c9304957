"""Which programs agents can be: those that plait drives, and those that crews may name already."""

from typing import Literal

Backend = Literal["command", "scripted", "claude", "codex", "opencode", "aider", "model"]
"""The name of an agent program in a crew."""

PROGRAMS: tuple[Backend, ...] = ("claude", "codex", "opencode", "aider")
"""Agent programs that are looked for on the PATH when a role names no backend."""
LATER: tuple[Backend, ...] = (*PROGRAMS, "model")
"""Backends that crews may name and that this version does not carry out."""
