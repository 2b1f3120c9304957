"""Landing a verified commit: intent, one compare-and-swap, mark; and making up for what a kill cut off."""

import fcntl
import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TextIO

from plait.plans.errors import CallError, PlaitError
from plait.workspace.control import HEADS, Control
from plait.workspace.errors import DiskFull, GitFailed, RefMoved
from plait.workspace.git import ZERO
from plait.workspace.stale_locks import past_stale_locks

_INTENTS = "refs/plait/intent/"
_MARKS = "refs/plait/landed/"
_VOID = "refs/plait/void/"
_READY = "ready/"


@dataclass(frozen=True, slots=True)
class RefLanded:
    """The feature branch is at this commit now."""

    commit: str


@dataclass(frozen=True, slots=True)
class ReadyToLand:
    """The feature branch is checked out, and plait moves nothing under its user: they type the command."""

    worktree: Path
    command: str


@dataclass(frozen=True, slots=True)
class _Intent:
    """What is about to happen, written down before it does."""

    batch: str
    branch: str
    old: str | None
    new: str


def land(
    control: Control, *, feature: str, batch: str, branch: str, old: str | None, new: str, base: str
) -> RefLanded | ReadyToLand:
    """Move the feature branch from `old` to `new`, or say how its user does; call with the feature's lock held.

    Args:
        branch: The integration branch, without `refs/heads/`.
        old: Where it must be; nothing when it must not exist yet.
        new: The commit whose tree was verified.
        base: The commit that a branch made anew starts from.

    Raises:
        RefMoved: the branch is elsewhere; the batch is to be built again on where it is.
        GitFailed: git could not; the branch is at `old` or at `new`, and `reconcile` tells which.
    """
    if not control.store.is_ancestor(old or base, new):
        raise PlaitError(f"landing {new[:12]} on {branch} would lose {(old or base)[:12]}: it does not contain it")
    worktree = control.worktree_of(branch)
    if worktree is not None and new != old:
        return _hand_over(control, _Intent(batch, branch, old, new), feature, worktree)
    _write_intent(control, feature, _Intent(batch, branch, old, new))
    none = "0" * len(new)
    try:
        with control.bringing(new, old=old):
            _past_stale_locks(
                control,
                branch,
                lambda: control.target.move_ref(HEADS + branch, new, old or none, reason=f"plait: {batch}"),
            )
    except RefMoved:
        if control.branch(branch) != new:
            _drop_intent(control, feature)
            raise
    with suppress(GitFailed, DiskFull):  # it has landed: the intent stays, and `reconcile` marks it another time
        _mark(control, feature, batch, new)
    return RefLanded(new)


class Lander(Protocol):
    """Brings what was verified to where a feature's work comes together; call with the feature's lock held."""

    def tip(self) -> str | None:
        """Where that is now; nothing when it does not exist yet."""

    def land(self, *, batch: str, old: str | None, new: str) -> RefLanded | ReadyToLand:
        """Bring it from `old` to `new`, once, or say how its user does.

        Raises:
            RefMoved: it is not at `old`; the batch is to be built again on where it is.
            GitFailed: git could not, and `reconcile` tells what has happened.
        """


@dataclass(frozen=True, slots=True)
class BranchLander:
    """Moves the integration branch in the target repository, by one compare-and-swap."""

    control: Control
    feature: str
    branch: str
    """The integration branch, without `refs/heads/`."""
    base: str
    """The commit that a branch made anew starts from."""

    def tip(self) -> str | None:
        return self.control.branch(self.branch)

    def land(self, *, batch: str, old: str | None, new: str) -> RefLanded | ReadyToLand:
        place = {"feature": self.feature, "branch": self.branch, "base": self.base}
        self.control.hold(self.feature, new)  # what comes next starts from it, wherever the branch is by then
        return land(self.control, **place, batch=batch, old=old, new=new)


def reconcile(control: Control, feature: str) -> tuple[str, ...]:
    """Make up for what a kill cut off; call at the start of a run, with the feature's lock held.

    Returns:
        A sentence for each thing found, for the log.
    """
    return (*_replay_intent(control, feature), *_landed_by_hand(control, feature))


def landed_batches(control: Control, feature: str) -> dict[str, str]:
    """The batches that have landed, by id, and their commits: a memory; the truth is what the branch contains."""
    prefix = f"{_MARKS}{_part(feature)}/"
    return {ref.removeprefix(prefix): commit for ref, commit in control.store.refs(prefix).items()}


def mark_landed(control: Control, feature: str, batch: str, commit: str) -> None:
    """Remember what has landed elsewhere than on a branch of the target; call with the feature's lock held."""
    with suppress(GitFailed, DiskFull):  # a memory; the truth is where it landed
        _mark(control, feature, batch, commit)


def void_landings(control: Control, feature: str) -> frozenset[str]:
    """The commits that had landed when the feature was begun anew: nobody misses them."""
    return frozenset(control.store.refs(f"{_VOID}{_part(feature)}/").values())


def let_landings_go(control: Control, feature: str) -> None:
    """Begin the feature anew: what has landed of it until now counts for nothing."""
    prefix = f"{_VOID}{_part(feature)}/"
    voided = {prefix + batch: commit for batch, commit in landed_batches(control, feature).items()}
    control.store.set_refs(voided, reason="plait: begun anew")


def last_landed(control: Control, feature: str, tip: str, *, base: str) -> str:
    """The newest commit of a feature branch that plait itself has landed, and so verified; base where there is none.

    Example: plait lands A, a person pushes two commits on top: A's. They squash all of it: base.

    Raises:
        GitFailed: a commit is missing.
    """
    landed = frozenset(landed_batches(control, feature).values())
    return next(
        filter(landed.__contains__, control.store.ask("rev-list", "--first-parent", tip, f"^{base}").lines), base
    )


@contextmanager
def feature_lock(control: Control, feature: str, run_id: str) -> Iterator[None]:
    """Be the only live run of this feature in this repository; the kernel ends it with the process, however that ends.

    Raises:
        CallError: another run is live; it is named.
    """
    path = control.directory / "locks" / f"{_part(feature)}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CallError(
                f"feature {feature!r} is already being run here{_holder(file)}",
                hint="wait for it, or end it with `plait cancel`",
            ) from None
        _write_holder(file, json.dumps({"run_id": run_id, "pid": os.getpid()}))
        yield
        _write_holder(file, "")  # before the lock goes: nobody is named who does not hold it


def _holder(file: TextIO) -> str:
    """` by run <id> (process <pid>)`, when the other has already written it."""
    file.seek(0)
    try:
        facts = json.loads(file.read(10_000))
        return f" by run {facts['run_id']} (process {facts['pid']})"
    except (ValueError, KeyError, TypeError):
        return ""


def _write_holder(file: TextIO, text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()


def _hand_over(control: Control, intent: _Intent, feature: str, worktree: Path) -> ReadyToLand:
    """Keep the commit for the user, who gets the command; what it contains need not be kept any more."""
    current = control.branch(intent.branch)
    if current is not None and not control.store.is_ancestor(current, intent.new):
        raise RefMoved(HEADS + intent.branch, intent.old or ZERO)
    pin = f"{_READY}{_part(feature)}/{_part(intent.batch)}"
    control.pin(pin, intent.new)
    for name, commit in _ready(control, feature).items():
        if name != pin and _contains(control, intent.new, commit):
            control.unpin(name)
    return ReadyToLand(worktree, shlex.join(("git", "-C", str(worktree), "merge", "--ff-only", intent.new)))


def _ready(control: Control, feature: str) -> dict[str, str]:
    """Pins of batches that wait for their user: name to commit."""
    refs = control.target.refs(f"refs/plait/pin/{_READY}{_part(feature)}/")
    return {ref.removeprefix("refs/plait/pin/"): commit for ref, commit in refs.items()}


def _landed_by_hand(control: Control, feature: str) -> list[str]:
    """Batches that were ready to land, and that a branch contains now."""
    sentences = []
    for name, commit in _ready(control, feature).items():
        if control.target.ask("for-each-ref", "--count=1", f"--contains={commit}", HEADS).text:
            batch = name.rpartition("/")[2]
            _mark(control, feature, batch, commit)
            control.unpin(name)
            sentences.append(f"batch {batch} has been landed by its user")
    return sentences


def _write_intent(control: Control, feature: str, intent: _Intent) -> None:
    """An annotated tag of the commit: one ref that both keeps it and says what for."""
    head = f"object {intent.new}\ntype commit\ntag plait-intent\ntagger plait <plait@localhost> 0 +0000\n\n"
    tag = control.store.ask("mktag", stdin=(head + json.dumps(asdict(intent)) + "\n").encode()).text
    _past_stale_locks(control, None, lambda: control.store.set_ref(_INTENTS + _part(feature), tag, reason="plait"))


def _parse_intent(text: str) -> _Intent | None:
    try:
        return _Intent(**json.loads(text.partition("\n\n")[2]))
    except (ValueError, TypeError):
        return None


def _drop_intent(control: Control, feature: str) -> None:
    _past_stale_locks(control, None, lambda: control.store.delete_ref(_INTENTS + _part(feature)))


def _mark(control: Control, feature: str, batch: str, commit: str) -> None:
    mark = f"{_MARKS}{_part(feature)}/{_part(batch)}"
    _past_stale_locks(control, None, lambda: control.store.set_ref(mark, commit, reason="plait: landed"))
    _drop_intent(control, feature)


def _replay_intent(control: Control, feature: str) -> list[str]:
    ref = _INTENTS + _part(feature)
    if ref not in control.store.refs(ref):
        return []
    intent = _parse_intent(control.store.run("cat-file", "tag", ref).text)
    if intent is None:  # it says nothing, and git says what has landed
        _drop_intent(control, feature)
        return ["an intent that cannot be read was dropped"]
    current = control.branch(intent.branch)
    if current is not None and _contains(control, current, intent.new):
        _mark(control, feature, intent.batch, intent.new)
        return [f"batch {intent.batch} had landed on {intent.branch} when the run ended: it is marked now"]
    _drop_intent(control, feature)
    if current == intent.old:
        return [f"batch {intent.batch} was about to land when the run ended: it is built again"]
    where = f"at {current[:12]}" if current else "gone"
    return [
        f"batch {intent.batch} had not landed, and {intent.branch} is {where}: somebody moved it; nothing is undone"
    ]


def _contains(control: Control, newer: str, older: str) -> bool:
    return control.store.resolve(older) is not None and control.store.is_ancestor(older, newer)


def _past_stale_locks(control: Control, branch: str | None, action: Callable[[], None]) -> None:
    """Do it, and once more when the lock file of a killed git was in the way; anybody's live lock is left alone.

    Args:
        branch: The one branch of the target whose lock may go; other files of the user's repository never.
    """
    past_stale_locks(action, ours=lambda lock: _is_ours(control, branch, lock))


def _is_ours(control: Control, branch: str | None, lock: Path) -> bool:
    place = os.path.realpath(lock)
    if branch is not None and place == os.path.realpath(control.target.git_dir / f"{HEADS}{branch}.lock"):
        return True
    return Path(place).is_relative_to(os.path.realpath(control.store.git_dir))


def _part(name: str) -> str:
    """A name as one part of a ref or file name: itself when safe, else a hash; so `a` and `a/b` can both exist."""
    if re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", name) and len(name) <= 100 and not name.endswith(".lock"):
        return name
    return "x" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:20]
