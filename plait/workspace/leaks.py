"""Which changed files hold a secret that was not in them before."""

from collections.abc import Iterable, Sequence

from plait.plans.redaction import Redaction
from plait.workspace.git import GitRepository
from plait.workspace.redacting import encoded
from plait.workspace.trees import blobs

LARGEST = 1 << 20
"""Bytes of a file that is looked at."""
_FILE = "100"
"""What the modes of files begin with, and not those of links, folders and submodules."""


def leaking_files(repository: GitRepository, old: str, new: str, secrets: Iterable[str]) -> Sequence[str]:
    """The paths in one tree whose files hold more secrets than in the other, however they are written there."""
    redaction = Redaction([encoded(secret) for secret in secrets])
    if not redaction or old == new:
        return ()
    fields = repository.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).records
    changed = [(row.split(" "), path) for row, path in zip(fields[::2], fields[1::2], strict=True)]
    files = [(before, after, path) for (_, mode, before, after, _), path in changed if mode.startswith(_FILE)]
    contents = blobs(repository, [after for _, after, _ in files], largest=LARGEST)
    suspects = [(before, after, path) for before, after, path in files if redaction.spans(contents.get(after, b""))]
    earlier = blobs(repository, [before for before, _, _ in suspects if before.strip("0")], largest=LARGEST)
    return [
        path
        for before, after, path in suspects
        if len(redaction.spans(contents[after])) > len(redaction.spans(earlier.get(before, b"")))
    ]
