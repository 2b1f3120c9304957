"""A conflict as the one who mends it sees it: files with readable markers, and a short description for the prompt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, ConflictPath

Labels = tuple[tuple[str, str], tuple[str, str]]
"""Our commit and its label, their commit and its label."""

_REGULAR = ("100644", "100755")
_LFS_POINTER = b"version https://git-lfs"
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


def conflict_checkout(
    repository: GitRepository, conflict: Conflict, ours_label: str, theirs_label: str
) -> ConflictCheckout:
    """Write the tree that a repair works in: markers name `ours_label` and `theirs_label` in place of commits.

    Raises:
        GitFailed: an object is missing.
    """
    labels = _labels(conflict, ours_label, theirs_label)
    entries = _entries(repository, conflict.tree)
    wanted = dict(entries)
    marked, kept = [], []
    for path in conflict.paths:
        mode, oid = entries.get(path.path, ("", ""))
        if mode not in _REGULAR:
            continue
        content = _blob(repository, oid)
        ours = next((stage for stage in path.stages if stage.number == 2), None)
        if ours and _cannot_hold_markers(repository, path, content):
            kept.append(_renamed(path.path, labels))
            wanted[path.path] = (ours.mode, ours.oid)
        elif _marker_lines(content):
            marked.append(_renamed(path.path, labels))
            wanted[path.path] = (mode, _write_blob(repository, _relabel(content, labels)))
    # git moves one side of a file/directory conflict to `path~<commit>`.
    tree = _changed(repository, conflict.tree, entries, {_renamed(name, labels): wanted[name] for name in wanted})
    return ConflictCheckout(tree, tuple(marked), tuple(kept))


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
    entries = _entries(repository, tree)
    before = [_entries(repository, parent) for parent in parents]
    marked = []
    for path in dict.fromkeys(paths):
        mode, oid = entries.get(path, ("", ""))
        if mode not in _REGULAR or any(there.get(path, ("", ""))[1] == oid for there in before):
            continue
        known = {line for there in before if path in there for line in _blob(repository, there[path][1]).splitlines()}
        if any(line not in known for line in _marker_lines(_blob(repository, oid))):
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
    entries = _entries(repository, checkout.tree)
    for path in checkout.marked:
        text = _blob(repository, entries[path][1]).decode("utf-8", "replace")
        parts += [f"--- {path}\n{hunk}" for hunk in _hunks(text)]
    return _bounded(parts, limit)


def _cannot_hold_markers(repository: GitRepository, path: ConflictPath, content: bytes) -> bool:
    if "binary" in path.kinds:
        return True
    versions = [_blob(repository, stage.oid) for stage in path.stages if stage.mode in _REGULAR]
    return any(_is_binary(version) or version.startswith(_LFS_POINTER) for version in (content, *versions))


def _is_binary(content: bytes) -> bool:
    return b"\0" in content[:8000]  # git's own rule


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


def _entries(repository: GitRepository, tree: str) -> dict[str, tuple[str, str]]:
    """Every file of a tree: path to mode and object name."""
    entries = {}
    for record in repository.ask("ls-tree", "-r", "-z", "--full-tree", tree).records:
        facts, path = record.split("\t", 1)
        mode, _, oid = facts.split(" ")
        entries[path] = (mode, oid)
    return entries


def _blob(repository: GitRepository, oid: str) -> bytes:
    return repository.ask("cat-file", "blob", oid).stdout


def _write_blob(repository: GitRepository, content: bytes) -> str:
    return repository.ask("hash-object", "-w", "--no-filters", "--stdin", stdin=content).text


def _changed(
    repository: GitRepository, tree: str, before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]
) -> str:
    """The tree with other entries, by way of an index of its own."""
    changes = [f"0 {'0' * len(tree)}\t{path}" for path in before if path not in after]
    changes += [f"{mode} {oid}\t{path}" for path, (mode, oid) in after.items() if before.get(path) != (mode, oid)]
    if not changes:
        return tree
    with TemporaryDirectory(prefix="plait-index-") as directory:
        index = Path(directory) / "index"
        repository.ask("read-tree", tree, index=index)
        lines = b"".join(change.encode("utf-8", "surrogateescape") + b"\0" for change in changes)
        repository.ask("update-index", "-z", "--index-info", stdin=lines, index=index)
        return repository.ask("write-tree", index=index).text
