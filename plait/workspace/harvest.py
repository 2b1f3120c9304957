"""What a checkout holds becomes a commit, once the processes that worked in it are gone; only its files count."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from plait.plans.wording import listed
from plait.workspace.checkouts import Checkout, naming_full_disk
from plait.workspace.claims import ANYTHING, EVERYTHING, Claims
from plait.workspace.control import HEADS, Control
from plait.workspace.errors import GitFailed, RefMoved
from plait.workspace.git import ZERO
from plait.workspace.scanning import LIMITS, ROOT, HarvestLimits, Odd, Survey, excess, shown, survey
from plait.workspace.selection import Selection, Staging
from plait.workspace.set_up_state import SetUpState, index_in, read_set_up_state, write_set_up_state
from plait.workspace.swallowed import Swallowed, swallowed, work_inside
from plait.workspace.trailers import message_with_trailers, trailers_of, with_note

__all__ = ["Harvest", "harvest", "message_with_trailers", "salvage", "trailers_of"]

_NAMED_AT_MOST = 20
_COMPLAINT = re.compile(r"^(error|fatal): |^Ignoring path ", re.MULTILINE)
_OF_OTHERS = re.compile(r"^error: failed to encode .*\n?", re.MULTILINE)
"""Said of files that git only looks at again; of one that is to be written it is fatal."""
_INFRASTRUCTURE = re.compile(
    r"insufficient permission|unable to create temporary|unable to write|Read-only file system|the LFS store|\.lock"
)


@dataclass(frozen=True, slots=True)
class Harvest:
    """What came of a checkout."""

    commit: str | None
    """Nothing when nothing changed, or when there are problems."""
    tree: str
    changed: tuple[str, ...]
    """Paths that differ from what the work began with, a rename as two; their bytes as surrogates where not UTF-8."""
    problems: tuple[str, ...] = ()
    """Why it cannot be committed, one sentence each."""
    notes: tuple[str, ...] = ()
    """What whoever looks at the work should know, one sentence each."""
    swallowed: tuple[Swallowed, ...] = ()
    """What was to be there, and is left out: where a pattern of the claims has no changed file."""


def harvest(
    control: Control,
    checkout: Checkout,
    *,
    message: str,
    parents: tuple[str, ...],
    date: str,
    author: str,
    claims: Claims = ANYTHING,
    limits: HarvestLimits = LIMITS,
) -> Harvest:
    """Commit the files of a checkout as they are, whatever its own `.git` says; the checkout stays as it is.

    May be repeated: equal files and arguments give the equal commit. Nothing refers to the commit yet. Where set-up
    commands ran, what they left is not part of it, unless it was changed again: then the file is taken as it is.

    Args:
        claims: What the work may hold.
        message: From `message_with_trailers`.
        parents: Several when the files are a merge: then there is a commit even where nothing was changed.
        date: As git writes it, such as `1700000000 +0000`.
        author: A name without control characters.

    Raises:
        GitFailed: the target's object store is damaged or cannot be written.
        DiskFull: no space for the objects.
    """
    seen = survey(checkout.directory, limits)
    if seen.unsafe:
        return _refused(checkout, seen.unsafe)
    with _staging(control, checkout) as staging:
        selection = staging.select(seen, claims)
        sizes = {path: seen.files.get(path, 0) for path in selection.write}
        odd = [*selection.odd, *excess(sizes, selection.new, limits, pointers=selection.pointers)]
        if odd:
            return _refused(checkout, odd)
        failed = _stage(staging, selection)
        if failed:
            return _refused(checkout, failed)
        again = _changed_again(staging, selection.write)
        tree = _tree(staging, selection)
        changed = control.store.changed_paths(checkout.compared_with, tree)
        left = swallowed(staging, selection, claims, changed=changed)
    commit = None
    if tree != checkout.compared_with or len(parents) > 1:
        commit = control.store.commit_tree(tree, parents, message, date=date, author=author)
    notes = (*selection.notes, *_told_of_the_set_up(again & set(changed)))
    return Harvest(commit, tree, changed, notes=notes, swallowed=left)


def note_set_up(
    control: Control, checkout: Checkout, limits: HarvestLimits = LIMITS, *, undecided: Iterable[str] = ()
) -> tuple[str, ...]:
    """Write down how set-up commands left a checkout: what is so then is not the work of the agent that comes next.

    Args:
        undecided: Files in conflict: what a set-up makes of one (`npm install` of its lock file) is an answer to it.

    Returns:
        Why no agent may begin, one sentence each: git must not run beside what they left.

    Raises:
        GitFailed: git could not compare it.
        DiskFull: no space for the note.
    """
    seen = survey(checkout.directory, limits)
    if seen.unsafe:
        return tuple(map(str, seen.unsafe))
    with naming_full_disk(), tempfile.TemporaryDirectory(prefix="set-up-", dir=checkout.place) as directory:
        place = Path(directory) / checkout.set_up.name
        place.mkdir()
        staging = Staging(control, checkout, Path(shutil.copy2(checkout.index, index_in(place))))
        selection = staging.select(seen, EVERYTHING).without(undecided)
        # git compares a link with its object, and a file with its name alone.
        links = tuple(path for path in selection.write if path in seen.links)
        failed = _stage(staging, selection.without(links), "--info-only")
        failed += _stage(staging, replace(selection, write=links, remove=()))
        odd = {oddity.path for oddity in seen.odd}
        ignored = selection.ignored.union(oddity.path for oddity in failed)
        write_set_up_state(place, checkout.directory, odd=odd, ignored=ignored, inside=selection.inside)
        place.rename(checkout.set_up)
    return ()


def harvested_tree(
    control: Control, checkout: Checkout, *, only: Callable[[str], bool], limits: HarvestLimits = LIMITS
) -> Harvest:
    """The tree that comes of a checkout when some of its files are taken, and all others stay as they were handed out.

    Raises:
        GitFailed, DiskFull: as `harvest`.
    """
    seen = survey(checkout.directory, limits)
    if seen.unsafe:
        return _refused(checkout, seen.unsafe)
    with _staging(control, checkout) as staging:
        selection = staging.select(seen, EVERYTHING).restricted(only)
        sizes = {path: seen.files.get(path, 0) for path in selection.write}
        odd = [*selection.odd, *excess(sizes, selection.new, limits, pointers=selection.pointers)] or _stage(
            staging, selection
        )
        if odd:
            return _refused(checkout, odd)
        tree = _tree(staging, selection)
    return Harvest(None, tree, control.store.changed_paths(checkout.tree, tree))


def salvage(
    control: Control,
    checkout: Checkout,
    *,
    branch: str,
    message: str,
    date: str,
    limits: HarvestLimits = LIMITS,
    aside: Path | None = None,
) -> str | None:
    """Keep whatever a try left behind: commit it and make a branch for it in the target.

    What cannot be committed (too many, a nested repository's `.git`) is left out and named in the message.

    Args:
        branch: The name to use; `-2`, `-3` … is added when another commit has it.
        aside: Where files go that no branch may have: those that only a filter keeps from being committed, as their
            content may be for nobody, those that git refuses, those that are too large, and what was changed in
            submodules.

    Returns:
        The branch, or nothing when there is nothing to keep.

    Raises:
        GitFailed: the target's object store is damaged or cannot be written.
        DiskFull: no space for the objects.
    """
    seen = survey(checkout.directory, limits)
    unsafe = seen.unsafe
    if unsafe:
        _set_aside(checkout, unsafe)
        seen = survey(checkout.directory, limits)
    if seen.unsafe:
        return None
    with _staging(control, checkout) as staging:
        selection = staging.select(seen, EVERYTHING)
        over = _over(selection, seen, limits)
        left_out = [*unsafe, *selection.odd, *over]
        selection = selection.without(_kept_back(selection, left_out))
        failed = _stage(staging, selection)
        left_out += failed
        tree = _tree(staging, selection.without(oddity.path for oddity in failed))
        refused = {oddity.path for oddity in (*selection.unfiltered, *failed)} & seen.files.keys()
        beside = [*sorted(refused), *work_inside(staging, selection, seen, limits), *_giants(over, seen, limits)]
    if aside is not None:
        _move_aside(checkout, beside, aside)
    if tree == checkout.compared_with:
        return None
    named = [*map(str, left_out), *selection.notes]
    text = with_note(message, _note(named)) if named else message
    commit = control.store.commit_tree(tree, (checkout.commit,), text, date=date)
    return _new_branch(control, branch, commit)


def checkpoint(
    control: Control, checkout: Checkout, *, message: str, date: str, limits: HarvestLimits = LIMITS
) -> str | None:
    """Commit what a checkout holds while its agent works on; the checkout stays as it is, and no branch is made.

    A file may be caught half written: whoever goes on from it is told that it is a state of work.

    Returns:
        The commit; nothing when there is no work in it, or git must not run beside what lies there.

    Raises:
        GitFailed: the target's object store is damaged or cannot be written, or the files changed meanwhile.
        DiskFull: no space for the objects.
    """
    seen = survey(checkout.directory, limits)
    if seen.unsafe:
        return None
    with _staging(control, checkout) as staging:
        selection = staging.select(seen, EVERYTHING)
        over = _over(selection, seen, limits)
        selection = selection.without(_kept_back(selection, [*selection.odd, *over]))
        failed = _stage(staging, selection)
        tree = _tree(staging, selection.without(oddity.path for oddity in failed))
    if tree == checkout.compared_with:
        return None
    return control.store.commit_tree(tree, (checkout.commit,), message, date=date)


@contextmanager
def _staging(control: Control, checkout: Checkout) -> Iterator[Staging]:
    """Work on a copy of the index that the files were handed out with; `copy2` keeps its time, for git's racy check."""
    with naming_full_disk(), tempfile.TemporaryDirectory(prefix="harvest-", dir=checkout.place) as directory:
        set_up = read_set_up_state(checkout)
        index = set_up.index if set_up else checkout.index
        yield Staging(control, checkout, Path(shutil.copy2(index, Path(directory) / "index")), set_up)


def _refused(checkout: Checkout, odd: list[Odd]) -> Harvest:
    named = [str(oddity) for oddity in odd[:_NAMED_AT_MOST]]
    if len(odd) > _NAMED_AT_MOST:
        named.append(f"and {len(odd) - _NAMED_AT_MOST} more")
    return Harvest(None, checkout.tree, (), tuple(named))


def _changed_again(staging: Staging, paths: Iterable[str]) -> set[str]:
    """Those of the paths that the set-up had made or changed, and that are other again."""
    if staging.set_up is None:
        return set()
    before, then = staging.entries(staging.checkout.index), staging.entries(staging.set_up.index)
    now = staging.entries(staging.index)
    return {path for path in paths if path in then and then[path] not in (before.get(path), now.get(path))}


def _told_of_the_set_up(paths: Iterable[str]) -> Iterator[str]:
    named = [shown(path) for path in sorted(paths)]
    if named:
        yield f"the set-up had changed {listed(named, limit=5)} before the agent did: what is there now is taken whole"


def _stage(staging: Staging, selection: Selection, *options: str) -> list[Odd]:
    """Bring the index up to date; gives the files that git refuses, which stay as they were handed out."""
    if selection.remove:
        staging.write("update-index", "-z", "--force-remove", "--stdin", paths=selection.remove)
    failed: list[Odd] = []
    pending = [selection.write] if selection.write else []
    while pending:
        part = pending.pop()
        complaint = _add(staging, part, options)
        if complaint is None:
            continue
        if len(part) == 1 or len(failed) > _NAMED_AT_MOST:
            failed += [Odd(path, f"git refuses it ({complaint})") for path in part]
        else:  # git gives up at the first: halve, until those to blame are alone
            pending += [part[len(part) // 2 :], part[: len(part) // 2]]
    return failed


def _add(staging: Staging, paths: tuple[str, ...], options: tuple[str, ...]) -> str | None:
    """Put files into the index: all of them, or none and git's first complaint."""
    answer = staging.on_paths("update-index", "-z", "--add", "--replace", *options, "--stdin", paths=paths)
    if answer.status == 0 and not _COMPLAINT.search(_OF_OTHERS.sub("", answer.stderr)):
        return None
    if _INFRASTRUCTURE.search(answer.stderr):
        raise GitFailed("update-index", answer.status, answer.stderr)
    return next(iter(answer.stderr.strip().splitlines()), f"status {answer.status}")


def _tree(staging: Staging, selection: Selection) -> str:
    if not selection.write and not selection.remove:
        return staging.checkout.tree
    index = _over_handed_out(staging, selection, staging.set_up) if staging.set_up else staging.index
    answer = staging.control.store.ask("write-tree", index=index)
    if _COMPLAINT.search(answer.stderr):
        raise GitFailed("write-tree", answer.status, answer.stderr)
    return answer.text


def _over_handed_out(staging: Staging, selection: Selection, set_up: SetUpState) -> Path:
    """The handed-out index with what the agent changed alone, and nothing of what the set-up did."""
    index = Path(shutil.copy2(staging.checkout.index, staging.index.with_name("over-handed-out")))
    then, now = staging.entries(set_up.index), staging.entries(staging.index)
    lines = [f"0 {'0' * len(staging.checkout.tree)}\t{path}" for path in selection.remove]
    # A file that was only written again, or that git refused, is as it was.
    changed = [path for path in selection.write if path in now and now[path] != then.get(path)]
    lines += [f"{' '.join(now[path])}\t{path}" for path in changed]
    entries = b"".join(os.fsencode(line) + b"\0" for line in lines)
    staging.control.store.ask("update-index", "-z", "--replace", "--index-info", stdin=entries, index=index)
    return index


def _over(selection: Selection, seen: Survey, limits: HarvestLimits) -> list[Odd]:
    """What to leave out so that the rest is within the limits: the largest files first."""
    over: list[Odd] = []
    total, fresh = 0, 0
    for size, path in sorted((seen.files.get(path, 0), path) for path in selection.write):
        is_new = path in selection.new
        if (
            (size > limits.file_bytes and path not in selection.pointers)
            or total + size > limits.total_bytes
            or fresh + is_new > limits.new_files
        ):
            over.append(Odd(path, f"{size:,} bytes, over what may be committed"))
        else:
            total, fresh = total + size, fresh + is_new
    return over


def _giants(over: list[Odd], seen: Survey, limits: HarvestLimits) -> list[str]:
    """Those that are each too large for a commit, within what all may have together."""
    giants, total = list[str](), 0
    for oddity in over:
        size = seen.files.get(oddity.path, 0)
        if size > limits.file_bytes and total + size <= limits.total_bytes:
            giants.append(oddity.path)
            total += size
    return giants


def _kept_back(selection: Selection, odd: list[Odd]) -> list[str]:
    """The odd files, and the `HEAD` without which nothing looks like a bare repository."""
    named = {oddity.path for oddity in odd}
    parts = [(path, *path.rpartition("/")[::2]) for path in selection.write]
    return [path for path, above, name in parts if path in named or (name.casefold() == "head" and above in named)]


def _set_aside(checkout: Checkout, odd: list[Odd]) -> None:
    """Move what git must not read out of the files, but not out of the checkout's place."""
    aside = Path(tempfile.mkdtemp(prefix="left-out-", dir=checkout.place))
    for number, oddity in enumerate(odd):
        if oddity.path != ROOT:
            (checkout.directory / oddity.path).rename(aside / str(number))


def _move_aside(checkout: Checkout, paths: Iterable[str], aside: Path) -> None:
    """Keep files out of git, by their paths."""
    for path in paths:
        place = aside / path
        place.parent.mkdir(parents=True, exist_ok=True)
        (checkout.directory / path).replace(place)


def _note(left_out: list[str]) -> str:
    named = [f"  {sentence}" for sentence in left_out[:_NAMED_AT_MOST]]
    more = [f"  and {len(left_out) - _NAMED_AT_MOST} more"] if len(left_out) > _NAMED_AT_MOST else []
    return "\n".join(["Left out, because it cannot be committed:", *named, *more])


def _new_branch(control: Control, branch: str, commit: str) -> str:
    """Make a branch under the first free name; one that is there already with this very commit will do."""
    for number in count(1):
        name = branch if number == 1 else f"{branch}-{number}"
        try:
            control.move_ref(HEADS + name, commit, ZERO, reason="plait: salvage")
        except RefMoved:
            if control.branch(name) != commit:
                continue
        return name
    raise AssertionError("numbers do not end")
