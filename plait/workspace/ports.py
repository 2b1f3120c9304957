"""A range of ports for each checkout, so that two test suites at once do not meet on port 8000."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plait.plans.errors import EnvironmentProblem
from plait.workspace.home import ports_directory

FIRST, END = 20000, 32768
"""Below where Linux takes ports for outgoing connections from (32768)."""
BLOCK = 10
"""Ports that one lock file stands for."""


@contextmanager
def lease_ports(home: Path, count: int = 10) -> Iterator[int]:
    """The first of `count` ports in a row that no other lease under this home has and where nothing listens.

    Nothing is kept from taking them: they are told to programs as `PLAIT_PORT`, by the caller.

    Raises:
        EnvironmentProblem: there are no such ports.
    """
    directory, blocks = ports_directory(home), -(-count // BLOCK)
    held: list[int] = []
    try:
        for first in range(FIRST, END - blocks * BLOCK + 1, BLOCK):
            _take(directory, first, blocks, held)
            if len(held) == blocks and all(_is_free(port) for port in range(first, first + count)):
                yield first
                return
            _release(held)
        hint = f"free some ports from {FIRST} to {END - 1}"
        raise EnvironmentProblem(f"there are no {count} free ports in a row", hint=hint)
    finally:
        _release(held)


def _take(directory: Path, first: int, blocks: int, held: list[int]) -> None:
    """Lock the blocks from `first` on, as far as they are free."""
    for number in range(first, first + blocks * BLOCK, BLOCK):
        descriptor = os.open(directory / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        held.append(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held.pop())
            return


def _release(held: list[int]) -> None:
    while held:
        os.close(held.pop())


def _is_free(port: int) -> bool:
    """Whether nothing listens on a port, on any address of this machine."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), (socket.AF_INET6, "")):
        try:
            probe = socket.socket(family)
        except OSError:  # a machine without IPv6
            continue
        with probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port whose last user has just gone is free
            try:
                probe.bind((address, port))
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    return False
    return True
