"""What filters mean for the files of a checkout: which changed, which git may have, and which Git LFS keeps."""

import filecmp
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path

from plait.workspace.checkouts import Checkout
from plait.workspace.control import Control
from plait.workspace.filters import (
    ATTRIBUTES,
    LFS,
    converting,
    filters_of,
    has_attributes_beside,
    lfs_storage,
    unfiltered,
)
from plait.workspace.scanning import Odd


def have_attributes(control: Control, *paths: Iterable[str]) -> bool:
    """Whether any file may have attributes at all: asking git costs a process or two."""
    if has_attributes_beside(control.common_dir):
        return True
    return any(path.endswith(ATTRIBUTES) for some in paths for path in some)


def as_handed_out(control: Control, checkout: Checkout, paths: Collection[str]) -> set[str]:
    """Those files that are byte for byte what was handed out, though git would store them in another way now.

    As a text with CRLF ends does under `text`, when its attributes came after it: for git it is changed for ever.

    Raises:
        DiskFull: no space to look.
    """
    if not paths:
        return set()
    with tempfile.TemporaryDirectory(prefix="anew-", dir=checkout.place) as place:
        index = Path(shutil.copy2(checkout.index, Path(place) / "index"))
        anew = Path(place) / "files"
        anew.mkdir()
        control.store.run(
            *("checkout-index", "-z", "--stdin"),
            stdin=b"".join(os.fsencode(path) + b"\0" for path in paths),
            work_tree=anew,
            index=index,
            configuration=converting(control.common_dir),
        )
        return {path for path in paths if _are_same(anew / path, checkout.directory / path)}


def filtered(
    control: Control, checkout: Checkout, index: Path, files: Sequence[str], known: Iterable[str]
) -> tuple[tuple[Odd, ...], frozenset[str]]:
    """Files that cannot be stored as a filter wants them, and those that Git LFS keeps.

    Args:
        index: Of the checkout, to look for attributes in that it has no file for.
        files: To be committed.
        known: All that was handed out.

    Raises:
        GitFailed: an index is damaged.
    """
    directory, common_dir = checkout.directory, control.common_dir
    handed_out = partial(filters_of, control.store, common_dir=common_dir, index=checkout.index)
    before = handed_out(files)
    after = filters_of(control.store, files, common_dir=common_dir, index=index, work_tree=directory)
    if not before and not after:
        return (), frozenset()
    records = control.store.ask("ls-files", "--stage", "-z", index=checkout.index).records
    blobs = {path: facts.split(" ")[1] for facts, _, path in (record.partition("\t") for record in records)}
    stored: dict[str, set[str]] = {}
    for path, name in handed_out(known).items():
        stored.setdefault(name, set()).add(blobs.get(path, ""))
    storage = lfs_storage(common_dir)
    refused = unfiltered(directory, files, before=before, after=after, stored=stored, storage=storage)
    pointers = frozenset(path for path, name in after.items() if name == LFS)
    return tuple(Odd(path, reason) for path, reason in refused), pointers


def _are_same(one: Path, other: Path) -> bool:
    """Whether two files have the same bytes, and both may be executed or neither."""
    try:
        before, now = one.lstat(), other.lstat()
        if (before.st_size, before.st_mode & stat.S_IXUSR) != (now.st_size, now.st_mode & stat.S_IXUSR):
            return False
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
