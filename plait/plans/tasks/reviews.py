"""Peer reviews of finished work: what git remembers of them, and what an author is told."""

from dataclasses import dataclass
from typing import Literal

ReviewStatus = Literal["approved", "rejected", "waiting"]
LONGEST_FINDINGS = 4_000
"""Characters: as much as a line of a journal keeps of a text."""
MISSED = 3
"""How often a reviewer may give no verdict on one commit before a person is asked."""


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """What git remembers of the newest review of a task."""

    task: str
    commit: str
    """That was reviewed."""
    status: ReviewStatus
    """`waiting`: for a person."""
    rounds: int = 0
    """How often a reviewer has sent the task's work back by then."""
    by: str = ""
    """Who said it: the agent, such as `qa-1`, or a person; of one that waits, the agent that spoke last."""
    is_person: bool = False
    score: float | None = None
    """0 to 10, by the reviewer that spoke last."""
    reason: str = ""
    """The findings, or why a person is asked."""
    approved: str = ""
    """The newest commit of the task that was approved by then, if any was."""
    oid: str = ""
    """The object that holds the record, for a compare-and-swap."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer says of the work that it has read."""

    approves: bool
    score: float
    """0 to 10."""
    findings: str
    """A list in Markdown; empty where there are none."""


@dataclass(frozen=True, slots=True)
class ReviewRemarks:
    """Why work was sent back to its author, who answers."""

    number: int
    """1 for the first answer of this task, over all of its runs."""
    by: str
    """A reviewing agent, or a person."""
    findings: str
    score: float | None = None


def review_job(task: str) -> str:
    """What dispatch calls the review of a task: no task can have that name."""
    return f"{task} (review)"
