"""Role limits across the runs of one machine: a slot is a file held by `flock`, freed by the kernel with its holder."""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from plait.plans.errors import CallError, EnvironmentProblem


class SlotSource(Protocol):
    """Where the dispatcher gets role slots: tried, never waited for."""

    def try_take(self, role: str) -> object | None:
        """A slot of the role, or nothing now."""

    def release(self, slot: object) -> None:
        """Give a slot back."""

    def close(self) -> None:
        """Give back all that are still held."""


@dataclass(frozen=True, slots=True)
class RoleSlot:
    """One slot of a role, held until it is released or its process has ended."""

    role: str
    number: int
    """From 1 to the role's limit."""
    descriptor: int

    def release(self) -> None:
        """Give it back; once only."""
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class SlotFiles:
    """The slots below one directory, for every process that uses it."""

    directory: Path

    def try_take(self, role: str, limit: int) -> RoleSlot | None:
        """The first free slot from 1 to `limit`, or nothing when all are held, by us or by others.

        Raises:
            EnvironmentProblem: the files cannot be made.
        """
        for number in range(1, limit + 1):
            descriptor = _locked(self.directory / role / str(number))
            if descriptor is not None:
                return RoleSlot(role, number, descriptor)
        return None


class FileSlots:
    """A `SlotSource` of files: the limits of one run, the slots of all runs of the machine."""

    def __init__(self, directory: Path, limits: Mapping[str, int]) -> None:
        self._files, self._limits = SlotFiles(directory), dict(limits)
        self._held: set[RoleSlot] = set()

    def try_take(self, role: str) -> RoleSlot | None:
        """A slot of the role, or nothing now.

        Raises:
            CallError: the role has no limit: a missing limit is a mistake, not "no limit".
        """
        if role not in self._limits:
            raise CallError(f"the role {role!r} has no limit of slots", hint="name it in the crew")
        slot = self._files.try_take(role, self._limits[role])
        if slot is not None:
            self._held.add(slot)
        return slot

    def release(self, slot: object) -> None:
        """Give a slot back; nothing happens when it was given back before."""
        if isinstance(slot, RoleSlot) and slot in self._held:
            self._held.remove(slot)
            slot.release()

    def close(self) -> None:
        """Give back all that are still held."""
        for slot in tuple(self._held):
            self.release(slot)


def _locked(path: Path) -> int | None:
    """The descriptor of a file that nobody else holds; closed on exec, so that no child keeps it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise EnvironmentProblem(f"cannot use the slot file {path}: {problem.strerror}") from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
