"""What an agent is doing at this moment, as far as its program tells: for whoever watches a run."""

from dataclasses import dataclass

from plait.plans.usage import Usage


@dataclass(frozen=True, slots=True)
class Activity:
    """The state of one try, not a step of it: the newest one counts, and those before it may be forgotten."""

    words: str = ""
    """What it said last, in a line."""
    tool: str = ""
    """The tool that it uses now and what for, such as `Bash: pytest -q`; empty while it uses none."""
    model: str | None = None
    usage: Usage | None = None
    """What this try has used up so far, which is an estimate for some programs; nothing where nobody told."""
