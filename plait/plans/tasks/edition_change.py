"""What an edition of a feature landed beside the one before it, and in words."""

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from plait.plans.wording import count, listed

MOST_PATHS = 20
"""How many of the files that differ are named."""


class EditionChange(BaseModel):
    """The landed tree of an edition held against that of the edition before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: str
    """The feature of the edition before."""
    commit: str
    """What it had landed."""
    files: int = 0
    """How many differ."""
    added: int = 0
    """Lines; a binary file has none."""
    removed: int = 0
    paths: tuple[str, ...] = ()
    """The first of the files that differ."""
    landed_now: tuple[str, ...] = ()
    """Tasks that have landed, and had not then."""
    not_landed_now: tuple[str, ...] = ()
    """Tasks that had landed then, and have not now."""


def landed_otherwise(then: Collection[str], now: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks that have landed now and not then, and those of which it is the other way round, each in its order."""
    return tuple(task for task in now if task not in then), tuple(task for task in then if task not in now)


def edition_words(change: EditionChange | None) -> str:
    """What people should know of it, in a sentence without a full stop; nothing where there was no edition before.

    Example: `since nightly-2026-11-29: 2 files differ (+10 −3): a.py and b.py; B has not landed this time`.
    """
    if change is None:
        return ""
    if change.files:
        lines = f"(+{change.added} −{change.removed})"
        told = f"{count(change.files, 'file')} {'differs' if change.files == 1 else 'differ'} {lines}: {_paths(change)}"
    else:
        told = "no file differs"
    parts = [f"since {change.before}: {told}"]
    if change.landed_now:
        parts.append(f"{listed(change.landed_now)} landed this time, and not then")
    if change.not_landed_now:
        has = "has" if len(change.not_landed_now) == 1 else "have"
        parts.append(f"{listed(change.not_landed_now)} {has} not landed this time")
    return "; ".join(parts)


def _paths(change: EditionChange) -> str:
    more = change.files - len(change.paths)
    return f"{', '.join(change.paths)} and {more} more" if more else listed(change.paths, limit=None)
