"""A conflict as the one who mends it sees it: files with readable markers, and a short description for the prompt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, ConflictPath
from plait.workspace.trees import REGULAR, blob, entries_of, is_mergeable_text, tree_with, write_blob

Labels = tuple[tuple[str, str], tuple[str, str]]
"""Our commit and its label, their commit and its label."""

_COLLISION = "case collision"
_OPENING = re.compile(rb"<{7} \S")
_ANCESTOR = re.compile(rb"\|{7} \S")
_CLOSING = re.compile(rb">{7} \S")


@dataclass(frozen=True, slots=True)
class ConflictCheckout:
    """What a repair starts from."""

    tree: str
    """Everything that merged, and files with markers; never a tree to land."""
    marked: tuple[str, ...]
    """Paths that hold markers."""
    kept_ours: tuple[str, ...]
    """Paths that markers would ruin (binary files, LFS pointers): they hold our version, and need a decision."""
    conflicts: tuple[ConflictPath, ...]
    """All that conflicted, by the names that the tree has for it."""
    unmarked: tuple[str, ...]
    """In a sentence each, what git made of the conflicts that have no markers."""

    @property
    def may_stay(self) -> bool:
        """Whether it can be the right answer as it is: nothing holds markers, nor would conflict with itself again."""
        return not self.marked and not self.has_collisions

    @property
    def has_collisions(self) -> bool:
        """Whether two of its names are one file on some machines."""
        return any(_COLLISION in path.kinds for path in self.conflicts)


def conflict_checkout(
    repository: GitRepository, conflict: Conflict, ours_label: str, theirs_label: str
) -> ConflictCheckout:
    """Write the tree that a repair works in: markers name `ours_label` and `theirs_label` in place of commits.

    Raises:
        GitFailed: an object is missing.
    """
    labels = _labels(conflict, ours_label, theirs_label)
    entries = entries_of(repository, conflict.tree)
    wanted = dict(entries)
    marked, kept = [], []
    for path in conflict.paths:
        mode, oid = entries.get(path.path, ("", ""))
        if mode not in REGULAR:
            continue
        content = blob(repository, oid)
        ours = next((stage for stage in path.stages if stage.number == 2), None)
        if ours and _cannot_hold_markers(repository, path, content):
            kept.append(_renamed(path.path, labels))
            wanted[path.path] = (ours.mode, ours.oid)
        elif _holds_markers_of(conflict, content):
            marked.append(_renamed(path.path, labels))
            wanted[path.path] = (mode, write_blob(repository, _relabel(content, labels)))
    # git moves one side of a file/directory conflict to `path~<commit>`.
    named = {_renamed(name, labels): wanted[name] for name in wanted}
    changes: dict[str, tuple[str, str] | None] = {path: None for path in entries if path not in named}
    changes |= {path: entry for path, entry in named.items() if entries.get(path) != entry}
    tree = tree_with(repository, conflict.tree, changes)
    conflicts = tuple(replace(path, path=_renamed(path.path, labels)) for path in conflict.paths)
    unmarked = tuple(_as_left(path, named.get(path.path), labels) for path in conflicts if path.path not in marked)
    return ConflictCheckout(tree, tuple(marked), tuple(kept), conflicts, unmarked)


def _as_left(path: ConflictPath, entry: tuple[str, str] | None, labels: Labels) -> str:
    """Such as `x.txt (modify/delete): as CART has it`."""
    sides = {number: label for number, (_, label) in zip((2, 3), labels, strict=True)}
    whose = [sides[stage.number] for stage in path.stages if stage.number in sides and entry == (stage.mode, stage.oid)]
    if _COLLISION in path.kinds:
        left = "there, but one file with another one on some machines"
    elif entry is None:
        left = "not there"
    elif whose:
        left = f"as {' and '.join(whose)} {'has' if len(whose) == 1 else 'have'} it"
    else:
        left = "there, with what both made of it"
    return f"{path.path} ({', '.join(path.kinds) or 'moved'}): {left}"


def left_as_handed_out(repository: GitRepository, tree: str, handed_out: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of some paths that a tree or commit has exactly as the tree that was handed out.

    Raises:
        GitFailed: a tree is missing.
    """
    if not paths:
        return ()
    now, before = entries_of(repository, tree), entries_of(repository, handed_out)
    return tuple(path for path in paths if now.get(path) == before.get(path))


def left_over_markers(
    repository: GitRepository, tree: str, paths: Sequence[str], *, parents: Sequence[str] = ()
) -> tuple[str, ...]:
    """The paths of a tree or commit that still hold conflict markers.

    A line of seven `=` alone is none: it underlines a heading in Markdown.

    Args:
        parents: Commits or trees whose own lines do not count: documentation about git may show markers.

    Raises:
        GitFailed: the tree is missing.
    """
    entries = entries_of(repository, tree)
    before = [entries_of(repository, parent) for parent in parents]
    marked = []
    for path in dict.fromkeys(paths):
        mode, oid = entries.get(path, ("", ""))
        if mode not in REGULAR or any(there.get(path, ("", ""))[1] == oid for there in before):
            continue
        known = {line for there in before if path in there for line in blob(repository, there[path][1]).splitlines()}
        if any(line not in known for line in _marker_lines(blob(repository, oid))):
            marked.append(path)
    return tuple(marked)


def describe(
    repository: GitRepository, conflict: Conflict, ours_label: str, theirs_label: str, *, limit: int = 8000
) -> str:
    """The conflict for a prompt: git's messages, then the hunks of text files, at most about `limit` characters.

    Raises:
        GitFailed: an object is missing.
    """
    checkout = conflict_checkout(repository, conflict, ours_label, theirs_label)
    labels = _labels(conflict, ours_label, theirs_label)
    parts = [_renamed_text(message, labels) for message in conflict.messages]
    parts += [f"{path} cannot hold markers and has the version of {labels[0][1]}." for path in checkout.kept_ours]
    entries = entries_of(repository, checkout.tree)
    for path in checkout.marked:
        text = blob(repository, entries[path][1]).decode("utf-8", "replace")
        parts += [f"--- {path}\n{hunk}" for hunk in _hunks(text)]
    return _bounded(parts, limit)


def _cannot_hold_markers(repository: GitRepository, path: ConflictPath, content: bytes) -> bool:
    if "binary" in path.kinds:
        return True
    versions = [blob(repository, stage.oid) for stage in path.stages if stage.mode in REGULAR]
    return not all(map(is_mergeable_text, (content, *versions)))


def _holds_markers_of(conflict: Conflict, content: bytes) -> bool:
    """Whether this very merge wrote markers into a file: a text about markers may have some of its own."""
    commits = b"|".join(commit.encode() for commit in (conflict.ours, conflict.theirs))
    return re.search(rb"(?m)^<{7} (?:" + commits + rb")", content) is not None


def _marker_lines(content: bytes) -> list[bytes]:
    """Lines that git writes into a conflict: an opening, an ancestor, or a closing after a line of seven `=`."""
    markers = []
    divided = False
    for line in content.splitlines():
        if _OPENING.match(line) or _ANCESTOR.match(line) or (divided and _CLOSING.match(line)):
            markers.append(line)
        divided = divided or line == b"======="
    return markers


def _labels(conflict: Conflict, ours_label: str, theirs_label: str) -> Labels:
    return ((conflict.ours, _one_line(ours_label)), (conflict.theirs, _one_line(theirs_label)))


def _relabel(content: bytes, labels: Labels) -> bytes:
    for oid, label in labels:
        literal = label.encode("utf-8", "replace").replace(b"\\", b"\\\\")
        content = re.sub(rb"(?m)^([<>]{7,} )" + oid.encode(), rb"\g<1>" + literal, content)
    return re.sub(rb"(?m)^(\|{7,} )[0-9a-f]{4,64}\b", rb"\g<1>common ancestor", content)


def _renamed(path: str, labels: Labels) -> str:
    for oid, label in labels:
        path = path.replace(f"~{oid}", "~" + re.sub(r"[^A-Za-z0-9._-]", "_", label))
    return path


def _renamed_text(text: str, labels: Labels) -> str:
    text = _renamed(text, labels)
    for oid, label in labels:
        text = text.replace(oid, label)
    return text


def _one_line(label: str) -> str:
    """A label within the line of a marker."""
    return " ".join("".join(char if char.isprintable() else " " for char in label).split())[:100] or "other"


def _hunks(text: str, context: int = 3) -> list[str]:
    """Each conflict of a file, with a few lines around and the number of its first line."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("<<<<<<< ")]
    hunks = []
    for start in starts:
        end = next((n for n in range(start, len(lines)) if lines[n].startswith(">>>>>>> ")), len(lines) - 1)
        shown = lines[max(0, start - context) : end + 1 + context]
        hunks.append(f"@@ line {start + 1}\n" + "\n".join(line[:300] for line in shown))
    return hunks


def _bounded(parts: Sequence[str], limit: int) -> str:
    """Whole parts as long as they fit, the first cut if need be, and how many are not shown."""
    shown: list[str] = []
    room = limit
    for part in parts:
        if len(part) > room and shown:
            break
        shown.append(part if len(part) <= room else part[:room] + " …")
        room -= len(part) + 1
    left = len(parts) - len(shown)
    return "\n".join([*shown, f"({left} more not shown)"] if left else shown)
