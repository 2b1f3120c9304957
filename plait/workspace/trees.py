"""Files of a tree in git's object database: read, written, and put in place of others."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository

REGULAR = ("100644", "100755")
_LFS_POINTER = b"version https://git-lfs"


def is_mergeable_text(content: bytes) -> bool:
    """Whether lines of it mean something: no binary file by git's own rule, and no pointer to one in LFS."""
    return b"\0" not in content[:8000] and not content.startswith(_LFS_POINTER)


def entries_of(repository: GitRepository, tree: str) -> dict[str, tuple[str, str]]:
    """Every file of a tree or commit: path to mode and object name."""
    entries = {}
    for record in repository.ask("ls-tree", "-r", "-z", "--full-tree", tree).records:
        facts, path = record.split("\t", 1)
        mode, _, oid = facts.split(" ")
        entries[path] = (mode, oid)
    return entries


def blob(repository: GitRepository, oid: str) -> bytes:
    """What an object holds."""
    return repository.ask("cat-file", "blob", oid).stdout


def blobs(repository: GitRepository, oids: Sequence[str], *, largest: int) -> dict[str, bytes]:
    """What several objects hold, by one git process after one that asks their sizes; the larger ones are left out.

    Raises:
        GitFailed: one is missing.
    """
    names = tuple(dict.fromkeys(oids))
    listing = "".join(f"{oid}\n" for oid in names).encode()
    sizes = repository.ask("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=listing).lines
    fit = [line.split(" ")[0] for line in sizes if line.split(" ")[1] == "blob" and int(line.split(" ")[2]) <= largest]
    if any(line.endswith(" missing") for line in sizes):
        raise GitFailed("cat-file", 128, f"an object is missing: {' '.join(sizes)}")
    output = repository.ask("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in fit).encode()).stdout
    held: dict[str, bytes] = {}
    at = 0
    for oid in fit:
        head = output.index(b"\n", at)
        size = int(output[at:head].split(b" ")[2])
        held[oid] = output[head + 1 : head + 1 + size]
        at = head + size + 2
    return held


def write_blob(repository: GitRepository, content: bytes) -> str:
    """Keep a content and give its object's name."""
    return repository.ask("hash-object", "-w", "--no-filters", "--stdin", stdin=content).text


def tree_with(repository: GitRepository, tree: str, changes: Mapping[str, tuple[str, str] | None]) -> str:
    """The tree with other files, by way of an index of its own; nothing in place of a file takes it out."""
    if not changes:
        return tree
    lines = []
    for path, entry in changes.items():
        facts = f"0 {'0' * len(tree)}" if entry is None else f"{entry[0]} {entry[1]}"
        lines.append(f"{facts}\t{path}".encode("utf-8", "surrogateescape") + b"\0")
    with TemporaryDirectory(prefix="plait-index-") as directory:
        index = Path(directory) / "index"
        repository.ask("read-tree", tree, index=index)
        repository.ask("update-index", "-z", "--index-info", stdin=b"".join(lines), index=index)
        return repository.ask("write-tree", index=index).text
