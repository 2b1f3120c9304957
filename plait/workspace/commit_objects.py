"""Commits written as git writes them, without git: a chain of a thousand merges is a thousand processes shorter by it.

A commit is a small text under the hash of itself. It goes into plait's own store, which nobody else writes.
"""

import hashlib
import re
import zlib
from pathlib import Path
from secrets import token_hex

from plait.plans.errors import CallError
from plait.plans.persons import PLAIT, Person, read_person
from plait.workspace.git import GitRepository
from plait.workspace.starting import explaining

_DATE = re.compile(r"[1-9][0-9]{8,11} [+-][0-9]{4}")
"""Seconds of few digits are something else to git."""


def write_commit(
    repository: GitRepository, tree: str, parents: tuple[str, ...], message: str, *, date: str, author: Person = PLAIT
) -> str:
    """The commit that `GitRepository.commit_tree` makes of these; nobody asks whether tree and parents are there.

    Args:
        date: As git writes it, such as `1700000000 +0000`.
        author: Who has written it; the committer is always plait.

    Raises:
        EnvironmentProblem: it cannot be written (DiskFull: for want of space).
        CallError: git would not write that, or would write something else.
    """
    if "\0" in message or not _is_as_written(author) or not _DATE.fullmatch(date):
        raise CallError(f"not a commit as git writes it: by {author} at {date!r}")
    people = f"author {author} {date}\ncommitter {PLAIT} {date}\n"
    head = f"tree {tree}\n" + "".join(f"parent {parent}\n" for parent in dict.fromkeys(parents)) + people
    content = f"{head}\n".encode("utf-8", "replace") + message.encode("utf-8", "replace")
    whole = b"commit %d\0%b" % (len(content), content)
    oid = hashlib.new("sha256" if len(tree) == 64 else "sha1", whole, usedforsecurity=False).hexdigest()
    _write(repository.objects or repository.git_dir / "objects", oid, zlib.compress(whole, 1))
    return oid


def _is_as_written(person: Person) -> bool:
    """Whether git would drop nothing of it, as it does with brackets and with points at an end."""
    try:
        return read_person(str(person)) == person
    except ValueError:
        return False


def _write(objects: Path, oid: str, data: bytes) -> None:
    """Put a loose object in its place whole or not at all; one that is there is young again, as git does it."""
    place = objects / oid[:2] / oid[2:]
    with explaining(f"cannot write {objects}"):
        if place.exists():
            place.touch()
            return
        place.parent.mkdir(exist_ok=True)
        unfinished = place.with_name(f"tmp_obj_{token_hex(8)}")
        try:
            unfinished.write_bytes(data)
            unfinished.chmod(0o444)
            unfinished.rename(place)
        finally:
            unfinished.unlink(missing_ok=True)
