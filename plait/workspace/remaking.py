"""Files that a command makes anew on a merged tree: in a verification slot, once for each tree."""

import hashlib
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait.plans.merging.path_rules import FileRule
from plait.plans.merging.soundness import has_new_markers, is_broken
from plait.plans.paths import is_protected, matches
from plait.workspace.checkouts import Checkout
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
from plait.workspace.harvest import Harvest, harvested_tree
from plait.workspace.merging import SettledPath
from plait.workspace.small_files import write_whole
from plait.workspace.stage_runs import Outcome
from plait.workspace.trees import REGULAR, blobs, entries_of
from plait.workspace.verification import Verifier
from plait.workspace.verification_slots import Slot

_LARGEST = 16 * 1024 * 1024
"""Bytes above which a file is not looked into."""
_TOLD = 2000
"""Characters of a command's output that tell why it failed."""


@dataclass(frozen=True, slots=True)
class Remade:
    """A tree with the files that commands made anew."""

    tree: str
    failed: FileRule | None = None
    """The rule whose command did not do it."""
    problem: str = ""
    """How it failed, with the end of what it printed."""
    outcome: Outcome = "green"
    """`infrastructure` and `cancelled` say nothing about any branch."""


@dataclass(frozen=True, slots=True)
class Remaker:
    """Runs the commands of rules; for any number of threads."""

    control: Control
    verifier: Verifier
    """Whose slots, set-up, environment and time limit are used."""
    _known: dict[str, Remade] = field(default_factory=dict, init=False, compare=False)

    def remake(self, tree: str, settled: Sequence[SettledPath], *, stop: threading.Event | None = None) -> Remade:
        """Make anew what of a merge was left to commands, one rule after the other.

        Of what a command leaves, only files that its rule is for are taken, control files only where they conflicted.
        A file with markers, or one that does not parse any more, is a failure.

        Raises:
            GitFailed: an object is missing.
            DiskFull, EnvironmentProblem: as `Verifier.verify`.
        """
        rules = dict.fromkeys(done.remake for done in settled if done.remake)
        for rule in rules:
            paths = tuple(dict.fromkeys(done.path for done in settled if done.remake == rule))
            remade = self._one(tree, rule, tuple(sorted(paths)), stop)
            if remade.failed:
                return remade
            tree = remade.tree
        return Remade(tree)

    def _one(self, tree: str, rule: FileRule, paths: tuple[str, ...], stop: threading.Event | None) -> Remade:
        given = [self.verifier.variables] if self.verifier.variables else []
        key = hashlib.sha256(json.dumps((tree, rule.command, rule.paths, paths, *given)).encode()).hexdigest()[:40]
        known = self._known.get(key) or self._read(key, tree)
        if known is None:
            known = self._make(tree, rule, paths, stop)
            self._keep(key, known)
        return known

    def _make(self, tree: str, rule: FileRule, paths: tuple[str, ...], stop: threading.Event | None) -> Remade:
        made: list[Harvest] = []

        def collect(slot: Slot) -> None:
            checkout = Checkout(slot.directory, slot.index, tree, tree, slot.temporary, self.verifier.copied.paths)
            made.append(harvested_tree(self.control, checkout, only=lambda path: _is_of(path, rule, paths)))

        ran = self.verifier.run_once(tree, rule.command or "false", paths, collect=collect, stop=stop)
        if not ran.green:
            how = "timed out" if ran.outcome == "timeout" else "failed"
            tail = ran.tail.strip()[-_TOLD:]
            return Remade(tree, rule, f"`{ran.command or rule.command}` {how}:\n{tail}", ran.outcome)
        problems = made[-1].problems or self._unsound(tree, made[-1].tree, paths)
        if problems:
            return Remade(tree, rule, f"what `{rule.command}` left cannot be taken: {'; '.join(problems)}", "red")
        return Remade(made[-1].tree)

    def _unsound(self, before: str, after: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        old, new = (entries_of(self.control.store, tree) for tree in (before, after))
        problems = []
        for path in paths:
            if path not in new or path not in old or new[path][0] not in REGULAR or old[path][0] not in REGULAR:
                continue
            oids = old[path][1], new[path][1]
            held = blobs(self.control.store, oids, largest=_LARGEST)
            if len(held) < len(set(oids)):
                continue
            was, content = (held[oid] for oid in oids)
            if has_new_markers(content, was) or is_broken(path, content, was):
                problems.append(f"{path} has conflict markers, or does not parse")
        return tuple(problems)

    @property
    def _directory(self) -> Path:
        return self.control.directory / "remade"

    def _read(self, key: str, tree: str) -> Remade | None:
        """What an earlier run made; nothing where a garbage collection has been at it."""
        with suppress(OSError, ValueError, KeyError, TypeError, GitFailed):
            made: str = json.loads((self._directory / key).read_text(encoding="utf-8"))["tree"]
            self.control.store.ask("rev-list", "--objects", "--no-object-names", made, f"^{tree}")
            return Remade(made)
        return None

    def _keep(self, key: str, remade: Remade) -> None:
        """Remember what came of it for this run, and a success for the next ones."""
        if remade.outcome not in ("infrastructure", "cancelled"):
            self._known[key] = remade
        with suppress(OSError):  # a full disk, say: the next run makes them anew
            if remade.failed is None:
                self._directory.mkdir(parents=True, exist_ok=True)
                write_whole(self._directory / key, json.dumps({"tree": remade.tree}))


def _is_of(path: str, rule: FileRule, paths: tuple[str, ...]) -> bool:
    return path in paths or (matches(path, rule.paths) and not is_protected(path))
