"""What came of verifying trees, and the memory of it: all of a run, and what was green in earlier ones."""

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from plait.plans.quality.known_reds import RedCommand
from plait.workspace.small_files import write_whole
from plait.workspace.stage_runs import Outcome, StageVerdict

RED_REMEMBERED = 24 * 3600.0
"""Seconds: what was red may have been the machine's fault, and that changes without a commit."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of verifying a tree."""

    tree: str
    outcome: Outcome
    """`timeout` and `infrastructure` happened twice, and say nothing about any branch."""
    command: str | None = None
    """The first command that failed; nothing where the trouble came before any."""
    tail: str = ""
    """The end of what it printed."""
    log: Path | None = None
    """All that was printed; nothing when no command ran."""
    seconds: float = 0.0
    remembered: bool = False
    """Whether this tree had been verified before, with the same commands, and nothing was run now."""
    unverified: bool = False
    """Green only because there is nothing to verify with."""
    failing: tuple[str, ...] = ()
    """The tests that failed, as far as output or report name them."""
    stages: tuple[StageVerdict, ...] = ()
    """A verdict for each entry of `verify`, in their order; nothing when no command ran."""
    reds: tuple[RedCommand, ...] = ()
    """All that was red. Of a green tree: it is red on base as well, and does not count."""

    @property
    def green(self) -> bool:
        return self.outcome == "green"

    @property
    def unaffected(self) -> bool:
        """Green because no stage looks at what was changed."""
        return bool(self.stages) and all(stage.outcome == "unaffected" for stage in self.stages)


class Memory:
    """What came of trees: all verdicts of this run, and the green ones of earlier runs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Verification] = {}
        self._locks: dict[str, threading.Lock] = {}

    def lock_of(self, tree: str) -> threading.Lock:
        """Held by who verifies a tree: others wait for what comes of it."""
        return self._locks.setdefault(tree, threading.Lock())

    def recall(self, tree: str) -> Verification | None:
        known = self._known.get(tree) or self._read(tree)
        return replace(known, remembered=True) if known else None

    def note(self, verdict: Verification) -> Verification:
        """Remember within this run alone, for whoever asks later what came of the tree."""
        return self._known.setdefault(verdict.tree, verdict)

    def keep(self, verdict: Verification) -> None:
        """Remember a verdict; trouble and cancellation are none, and no red takes back a green of the same tree."""
        known = self._known.get(verdict.tree)
        if verdict.outcome not in ("infrastructure", "cancelled") and (verdict.green or not (known and known.green)):
            self._known[verdict.tree] = verdict
        if verdict.green:
            with suppress(OSError):  # a full disk, say: the verdict stands, and the next run verifies again
                self._write(verdict)

    def keep_red(self, tree: str, words: str) -> None:
        """Remember what was red on a tree that runs start from, for whoever only wants to be told."""
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            write_whole(self._red(tree), json.dumps({"tree": tree, "words": words}))

    def known_red(self, tree: str) -> str | None:
        """What was red there within the day; nothing where nobody knows, or where it was green since."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            facts = json.loads(self._red(tree).read_text(encoding="utf-8"))
            is_recent = 0 <= time.time() - self._red(tree).stat().st_mtime < RED_REMEMBERED
            return str(facts["words"]) if is_recent and facts["tree"] == tree and self.recall(tree) is None else None
        return None

    def _red(self, tree: str) -> Path:
        return self._directory / f"{tree}.red"

    def _read(self, tree: str) -> Verification | None:
        try:
            facts = json.loads((self._directory / tree).read_text(encoding="utf-8"))
            reds = tuple(
                RedCommand(stage, command, tuple(map(str, failing)), bool(timed_out))
                for stage, command, failing, timed_out in facts.get("reds", ())
            )
            seconds = float(facts["seconds"])
            return Verification(tree, "green", seconds=seconds, reds=reds) if facts["tree"] == tree else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _write(self, verdict: Verification) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        reds = [[red.stage, red.command, red.failing, red.timed_out] for red in verdict.reds]
        record = {"tree": verdict.tree, "seconds": round(verdict.seconds, 3)} | ({"reds": reds} if reds else {})
        write_whole(self._directory / verdict.tree, json.dumps(record))


def key_of(*parts: Sequence[str]) -> str:
    """A name for all that a verdict depends on beside the tree."""
    # "-e": what was green while only the last line of a command counted is not remembered.
    return hashlib.sha256(json.dumps(("-e", *parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
