"""The declared cache directories of one slot, as its last green tree left them: so that the next tree starts warm.

Only what a green tree left is handed on, and only within one run and one slot. Code of a branch that turns out red may
have written anything there, such as results that make the next tree green. What is handed on is known by this object
and lies under a name that is drawn anew: what somebody puts beside it is never looked at.
"""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from plait.workspace.deleting import delete_later

MOST_BYTES = 4 << 30
"""Of one cache; a larger one is not kept."""
MOST_ENTRIES = 500_000


class WarmCaches:
    """Where the caches of a slot are between two verifications."""

    def __init__(self, place: Path) -> None:
        """Get ready; `place` is a directory of the slot alone, on its disk, and outside of its checkout."""
        self._place = place.absolute()
        self._kept: dict[str, Path] = {}

    def bring_back(self, directory: Path, paths: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Move what is kept into a restored checkout, and forget the rest.

        Returns:
            The paths that are free for a cache (where neither tree nor set-up has anything, and no link leads), and
            those of them that are warm now.
        """
        own, warm = set[str](), set[str]()
        for path in sorted(paths):  # the outer one first, which brings the inner one along
            if os.path.lexists(directory / path) or not _parents_are_real(directory, path):
                continue
            own.add(path)
            with suppress(OSError):
                if path in self._kept:
                    (directory / path).parent.mkdir(parents=True, exist_ok=True)
                    self._kept.pop(path).rename(directory / path)
                    warm.add(path)
        self.drop()
        return frozenset(own), frozenset(warm)

    def set_aside(self, directory: Path, own: Collection[str]) -> None:
        """Keep what a green tree left in these paths: real directories of bounded size."""
        self.drop()
        for path in sorted(own):
            cache, kept = directory / path, self._place / token_hex(16)
            with suppress(OSError):  # it cannot be read, say, or is on another disk: the next tree starts cold
                if _parents_are_real(directory, path) and _is_real(cache) and _is_bounded(cache):
                    self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
                    cache.chmod(0o700)  # a directory that nobody may write cannot be moved
                    cache.rename(kept)
                    self._kept[path] = kept

    def drop(self) -> None:
        """Forget what is kept."""
        self._kept.clear()
        with suppress(OSError):  # it stays until the run ends, and nobody looks at it
            delete_later(self._place)


def _is_real(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _parents_are_real(directory: Path, path: str) -> bool:
    """Whether each folder above is a directory, or is not there yet; a link could lead anywhere."""
    parents = [directory / parent for parent in Path(path).parents if parent != Path()]
    return all(_is_real(parent) or not os.path.lexists(parent) for parent in parents)


def _is_bounded(cache: Path) -> bool:
    """Whether it is small enough; no link is followed.

    Raises:
        OSError: a directory in it cannot be read.
    """
    size = entries = 0
    pending = [str(cache)]
    while pending:
        with os.scandir(pending.pop()) as listed:
            for entry in listed:
                entries += 1
                size += entry.stat(follow_symlinks=False).st_size
                if size > MOST_BYTES or entries > MOST_ENTRIES:
                    return False
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
    return True
