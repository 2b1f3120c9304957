"""How long checks took while they were green, kept beside the remembered verdicts: by that a hanging one is known."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from plait.plans.quality.learned_limits import REMEMBERED, learned_limit
from plait.workspace.small_files import read_plain_file, write_whole

_LARGEST = 10_000
"""Bytes of a file; ours have under a thousand."""


class LearnedTimes:
    """The newest green times of each command of a repository; of two that learn at once, one is not heard."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def limit(self, command: str, *, cold: bool = False) -> float | None:
        """Seconds after which a command counts as hanging; nothing while that is not known.

        `cold`: it finds nothing in the caches that it declares, and is compared with such runs alone.
        """
        return learned_limit(self._read(_case(command, cold)))

    def learn(self, command: str, seconds: float, *, cold: bool = False) -> None:
        """A command was green, and took so long."""
        command = _case(command, cold)
        newest = [*self._read(command), round(seconds, 3)][-REMEMBERED:]
        with suppress(OSError):  # a full disk, say: it is learned another time
            self._directory.mkdir(parents=True, exist_ok=True)
            write_whole(self._file(command), json.dumps(newest))

    def _file(self, command: str) -> Path:
        return self._directory / hashlib.sha256(command.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _read(self, command: str) -> list[float]:
        with suppress(OSError, ValueError, RecursionError):
            times = json.loads(read_plain_file(self._file(command), most=_LARGEST))
            if isinstance(times, list) and all(type(time) in (int, float) and 0 <= time < 1e9 for time in times):
                return list(map(float, times))
        return []


def _case(command: str, cold: bool) -> str:
    return f"cold\0{command}" if cold else command
