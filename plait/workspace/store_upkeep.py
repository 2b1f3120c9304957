"""Keeps the control repository small: what has gone into the target, or has come to nothing, is deleted in the end."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plait.workspace.control import Control
from plait.workspace.deleting import delete_tree

SOON = 3600.0
"""Seconds after which an object goes when no run is alive: a command that takes no lock ends within them."""
LATE = 30 * 24 * 3600.0
"""Seconds after which it goes although runs are alive, or work of a killed one has not been salvaged yet."""

_LANDINGS = ("refs/plait/base/", "refs/plait/landed/")
"""What these name the target has, or nobody."""
_PASSING = ("refs/plait/intent/", "refs/plait/checkpoint/")
"""What these name the control repository has, for as long as it is wanted."""


@contextmanager
def store_in_use(control: Control, *, unsalvaged: bool) -> Iterator[None]:
    """Be a run that makes objects in the control repository; before that, delete what no run needs any more.

    What a run makes is needed by that run alone. Of what outlives it refs of the target name every part, and the target
    has it.

    Args:
        unsalvaged: Whether checkouts of killed runs, which rest on the control repository, still have work in them.
    """
    with (control.directory / "store.lock").open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        except BlockingIOError:
            is_alone = False
        delete_unneeded(control, age=SOON if is_alone and not unsalvaged else LATE)
        fcntl.flock(file, fcntl.LOCK_SH)  # waits for another one's deletions at most
        yield


def delete_unneeded(control: Control, *, age: float) -> None:
    """Delete what the control repository alone has, and nobody wrote within `age` seconds, and refs to what is gone.

    git makes an object young when it is to be written again.
    """
    before, store = time.time() - age, control.store
    named = {ref: oid for prefix in _LANDINGS for ref, oid in store.refs(prefix).items()}
    there = frozenset(control.target.present(dict.fromkeys(named.values())))
    store.set_refs({ref: None for ref, oid in named.items() if oid not in there}, reason="plait: gone")
    for path in _own(store.git_dir):
        with suppress(OSError):  # another process may delete, too
            if path.stat().st_mtime < before:
                for file in (path.with_suffix(".idx"), path) if path.suffix == ".pack" else (path,):
                    delete_tree(file)
    passing = {ref: oid for prefix in _PASSING for ref, oid in store.refs(prefix).items()}
    there = frozenset(store.present(passing.values()))
    store.set_refs({ref: None for ref, oid in passing.items() if oid not in there}, reason="plait: gone")


def _own(git_dir: Path) -> Iterator[Path]:
    """Loose objects, packs, and what a killed git or plait was about to make of either."""
    yield from git_dir.glob("objects/[0-9a-f][0-9a-f]/*")
    yield from git_dir.glob("objects/pack/*.pack")
    yield from git_dir.glob("objects/pack/tmp_*")
    yield from git_dir.glob("bring-*")
