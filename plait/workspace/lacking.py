"""Tells what a checkout of plait's does not have, although the user's own may: submodules, files kept by Git LFS."""

import re
from collections.abc import Iterator

from plait.plans.phrases import listed
from plait.workspace.git import GitRepository
from plait.workspace.output import plain

_NAMED = 5
"""Paths that a notice names; of more it says how many."""
_SUBMODULE = re.compile(r"^\s*path\s*=\s*(\S.*?)\s*$", re.MULTILINE)
_LFS = re.compile(r"^\s*([^\s#]\S*)[ \t](?:.*[ \t])?filter=lfs(?:\s|$)", re.MULTILINE)


def lacking_in_checkouts(store: GitRepository, commit: str) -> Iterator[str]:
    """A sentence for submodules and one for Git LFS, where the root of a commit's tree speaks of them."""
    modules, attributes = _contents(store, f"{commit}:.gitmodules", f"{commit}:.gitattributes")
    if found := _SUBMODULE.findall(modules):
        yield f"submodules are empty in the checkouts that agents work in: {_first(found)}"
    if found := _LFS.findall(attributes):
        yield f"of files kept by Git LFS the checkouts that agents work in have the pointers only: {_first(found)}"


def _contents(store: GitRepository, *names: str) -> Iterator[str]:
    """The texts of these blobs, empty where there is none: `<name> <type> <size>`, newline, content, newline."""
    rest = store.ask("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode()).stdout
    for _ in names:
        facts, _, rest = rest.partition(b"\n")
        if facts.endswith(b" missing"):
            yield ""
            continue
        _, kind, size = facts.split()
        yield rest[: int(size)].decode("utf-8", "replace") if kind == b"blob" else ""
        rest = rest[int(size) + 1 :]


def _first(found: list[str]) -> str:
    named = [plain(path)[:80] for path in dict.fromkeys(found)]
    more = len(named) - _NAMED
    return listed([*named[:_NAMED], *([f"{more} more"] if more > 0 else [])], "and")
