"""Reads and replaces single files of a commit in git's object database: no checkout, no index of anybody's."""

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository, ask_about
from plait.workspace.places import is_folder

_PLAIN = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class TrackedFile:
    """A plain file as a commit has it."""

    mode: str
    """`100644` or `100755`."""
    content: bytes


def place_in(control: Control, folder: Path) -> str | None:
    """Where a folder lies in a checkout of the target: `docs/specs/`, or empty for its top; nothing when elsewhere.

    It need not be there: somebody may have checked out a branch that does not have it.
    """
    there = next((place for place in (folder, *folder.parents) if is_folder(place)), folder)
    answer = ask_about(there, "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-prefix")
    facts = answer.text.split("\n")
    if answer.status or not facts[0] or Path(facts[0]).resolve() != control.common_dir:
        return None
    gone = "".join(f"{name}/" for name in folder.relative_to(there).parts)
    return f"{facts[1] if len(facts) == 2 else ''}{gone}" if len(facts) <= 2 else None


def files_in(
    repository: GitRepository, commit: str, folder: str, *, largest: int, names: Collection[str] | None = None
) -> dict[str, TrackedFile]:
    """The plain files right in a folder of a commit, by name; none when it has no such folder.

    Args:
        folder: From the repository's top, with a slash at its end; or empty.
        largest: Bytes above which a file is left out.
        names: Those that are wanted; all when absent. An agent may have put thousands of others beside them.

    Raises:
        GitFailed: an object is missing.
    """
    tree = repository.run("ls-tree", "-z", "-l", f"{commit}:{folder.rstrip('/')}")
    if tree.status:
        return {}
    files: dict[str, tuple[str, str]] = {}
    for record in tree.records:
        facts, _, name = record.partition("\t")
        mode, _, oid, size = facts.split()
        if mode in _PLAIN and int(size) <= largest and (names is None or name in names):
            files[name] = (mode, oid)
    contents = _contents(repository, {oid for _, oid in files.values()})
    return {name: TrackedFile(mode, contents[oid]) for name, (mode, oid) in files.items()}


def _contents(repository: GitRepository, oids: set[str]) -> dict[str, bytes]:
    """Blobs through one `cat-file --batch`: `<name> <type> <size>`, newline, content, newline."""
    if not oids:
        return {}
    asked = "".join(f"{oid}\n" for oid in sorted(oids)).encode()
    answer, at, contents = repository.ask("cat-file", "--batch", stdin=asked).stdout, 0, dict[str, bytes]()
    while at < len(answer):
        end = answer.index(b"\n", at)
        facts = answer[at:end].decode("ascii", "replace").split()
        if len(facts) != 3:
            raise GitFailed("cat-file --batch", 128, f"an object is missing: {' '.join(facts)}")
        start, size = end + 1, int(facts[2])
        contents[facts[0]] = answer[start : start + size]
        at = start + size + 1
    return contents


def replace_files(repository: GitRepository, commit: str, folder: str, files: Mapping[str, TrackedFile]) -> str:
    """The tree of the commit with these files of the folder replaced.

    Raises:
        GitFailed: an object is missing or cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="plait-index-") as place:
        index = Path(place) / "index"
        repository.ask("read-tree", commit, index=index)
        records = b""
        for name, file in files.items():
            oid = repository.ask("hash-object", "-w", "--stdin", stdin=file.content).text
            path = f"{folder}{name}".encode("utf-8", "surrogateescape")
            records += f"{file.mode} {oid}\t".encode() + path + b"\0"
        repository.ask("update-index", "-z", "--index-info", stdin=records, index=index)
        return repository.ask("write-tree", index=index).text
