"""What a checkout holds becomes a commit, once the processes that worked in it are gone; only its files count."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from plait.workspace.checkouts import Checkout, naming_full_disk
from plait.workspace.control import HEADS, Control
from plait.workspace.errors import GitFailed, RefMoved
from plait.workspace.git import ZERO
from plait.workspace.scanning import LIMITS, ROOT, HarvestLimits, Odd, Survey, excess, survey
from plait.workspace.selection import Selection, Staging
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
    """Paths that differ from what was handed out, a rename as two; their bytes as surrogates where not UTF-8."""
    problems: tuple[str, ...] = ()
    """Why it cannot be committed, one sentence each."""


def harvest(
    control: Control,
    checkout: Checkout,
    *,
    message: str,
    parents: tuple[str, ...],
    date: str,
    author: str,
    limits: HarvestLimits = LIMITS,
) -> Harvest:
    """Commit the files of a checkout as they are, whatever its own `.git` says; the checkout stays as it is.

    May be repeated: equal files and arguments give the equal commit. Nothing refers to the commit yet.

    Args:
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
        selection = staging.select(seen)
        sizes = {path: seen.files.get(path, 0) for path in selection.write}
        odd = [*selection.odd, *excess(sizes, selection.new, limits, pointers=selection.pointers)]
        if odd:
            return _refused(checkout, odd)
        failed = _stage(staging, selection)
        if failed:
            return _refused(checkout, failed)
        tree = _tree(staging, selection)
    if tree == checkout.tree and len(parents) == 1:
        return Harvest(None, tree, ())
    commit = control.store.commit_tree(tree, parents, message, date=date, author=author)
    return Harvest(commit, tree, control.store.changed_paths(checkout.tree, tree))


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
        selection = staging.select(seen).restricted(only)
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

    What cannot be committed (too large, too many, a nested repository's `.git`) is left out and named in the message.

    Args:
        branch: The name to use; `-2`, `-3` … is added when another commit has it.
        aside: Where files go that only a filter keeps from being committed: in git their content may be for nobody.

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
        selection = staging.select(seen)
        left_out = [*unsafe, *selection.odd, *_over(selection, seen, limits)]
        selection = selection.without(_kept_back(selection, left_out))
        left_out += _stage(staging, selection)
        tree = _tree(staging, selection)
    if aside is not None:
        _move_aside(checkout, selection.unfiltered, aside)
    if tree == checkout.tree:
        return None
    text = with_note(message, _note(left_out)) if left_out else message
    commit = control.store.commit_tree(tree, (checkout.commit,), text, date=date)
    return _new_branch(control, branch, commit)


@contextmanager
def _staging(control: Control, checkout: Checkout) -> Iterator[Staging]:
    """Work on a copy of the index that the files were handed out with; `copy2` keeps its time, for git's racy check."""
    with naming_full_disk(), tempfile.TemporaryDirectory(prefix="harvest-", dir=checkout.place) as directory:
        yield Staging(control, checkout, Path(shutil.copy2(checkout.index, Path(directory) / "index")))


def _refused(checkout: Checkout, odd: list[Odd]) -> Harvest:
    named = [str(oddity) for oddity in odd[:_NAMED_AT_MOST]]
    if len(odd) > _NAMED_AT_MOST:
        named.append(f"and {len(odd) - _NAMED_AT_MOST} more")
    return Harvest(None, checkout.tree, (), tuple(named))


def _stage(staging: Staging, selection: Selection) -> list[Odd]:
    """Bring the index up to date; gives the files that git refuses, which stay as they were handed out."""
    if selection.remove:
        staging.write("update-index", "-z", "--force-remove", "--stdin", paths=selection.remove)
    failed: list[Odd] = []
    pending = [selection.write] if selection.write else []
    while pending:
        part = pending.pop()
        complaint = _add(staging, part)
        if complaint is None:
            continue
        if len(part) == 1 or len(failed) > _NAMED_AT_MOST:
            failed += [Odd(path, f"git refuses it ({complaint})") for path in part]
        else:  # git gives up at the first: halve, until those to blame are alone
            pending += [part[len(part) // 2 :], part[: len(part) // 2]]
    return failed


def _add(staging: Staging, paths: tuple[str, ...]) -> str | None:
    """Put files into the index: all of them, or none and git's first complaint."""
    answer = staging.on_paths("update-index", "-z", "--add", "--replace", "--stdin", paths=paths)
    if answer.status == 0 and not _COMPLAINT.search(_OF_OTHERS.sub("", answer.stderr)):
        return None
    if _INFRASTRUCTURE.search(answer.stderr):
        raise GitFailed("update-index", answer.status, answer.stderr)
    return next(iter(answer.stderr.strip().splitlines()), f"status {answer.status}")


def _tree(staging: Staging, selection: Selection) -> str:
    if not selection.write and not selection.remove:
        return staging.checkout.tree
    answer = staging.control.store.ask("write-tree", index=staging.index)
    if _COMPLAINT.search(answer.stderr):
        raise GitFailed("write-tree", answer.status, answer.stderr)
    return answer.text


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


def _move_aside(checkout: Checkout, odd: Sequence[Odd], aside: Path) -> None:
    """Keep files out of git, by their paths."""
    for oddity in odd:
        place = aside / oddity.path
        place.parent.mkdir(parents=True, exist_ok=True)
        (checkout.directory / oddity.path).replace(place)


def _note(odd: list[Odd]) -> str:
    named = [f"  {oddity}" for oddity in odd[:_NAMED_AT_MOST]]
    more = [f"  and {len(odd) - _NAMED_AT_MOST} more"] if len(odd) > _NAMED_AT_MOST else []
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
