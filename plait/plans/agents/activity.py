"""What an agent does at this moment, for whoever looks on: the live table, `plait status`, the page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """An agent at work, as far as its program tells while it works."""

    words: str = ""
    """What it said or did last, in a line."""
    tool: str = ""
    """The tool that it is using; empty between two of them."""
    model: str | None = None
    tokens: int | None = None
    """Read and written so far, in this try; nothing where the program does not tell before it ends."""
    usd: float | None = None
    is_exact: bool = True
    """false: part of the tokens is an estimate."""
