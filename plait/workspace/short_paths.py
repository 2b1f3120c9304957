"""Paths that leave room for the name of a socket: the kernel takes 107 bytes of it, 103 on macOS."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from plait.plans.errors import EnvironmentProblem

LONGEST = 103 - 32
"""Bytes: Python's multiprocessing puts `/pymp-xxxxxxxx/listener-xxxxxxxx` below `TMPDIR`, and others less."""


def short_path(place: Path, home: Path | None) -> Path:
    """A name for a folder that is short enough for `TMPDIR`: its own, or a link to it.

    Example: `~/.local/state/plait/repositories/…/tries/…/tmp` of 108 bytes is called `~/.local/state/plait/t/5b1c9a04`.

    Args:
        home: Plait's own; the link is in the system's folder for temporary files where that is too long, or none.

    Raises:
        EnvironmentProblem: what stands in the way belongs to somebody else.
    """
    if len(os.fsencode(place)) <= LONGEST:
        return place
    name = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    shared = Path(tempfile.gettempdir()) / f"plait-{os.getuid()}"
    folder = home / "t" if home and len(os.fsencode(home / "t" / name)) <= LONGEST else shared
    _own(folder)
    link = folder / name
    if _target(link) != place:
        _sweep(folder)
        half = folder / f"{name}-{os.getpid()}"
        half.unlink(missing_ok=True)
        half.symlink_to(place, target_is_directory=True)
        half.replace(link)
    return link


def _own(folder: Path) -> None:
    """Make a folder of ours alone; in one that others may write, somebody may have been there before.

    Raises:
        EnvironmentProblem: somebody was.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink() or found.st_mode & 0o022:
        raise EnvironmentProblem(
            f"{folder} is somebody else's", hint="remove it, or set TMPDIR to a folder of your own"
        )


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None


def _sweep(folder: Path) -> None:
    """Remove links to folders that are gone; whoever needs one makes it anew when it starts something."""
    for link in folder.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
