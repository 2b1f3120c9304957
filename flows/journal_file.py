"""The file of a run's journal: written line by line, so that a kill loses at most the last; read by whoever asks."""

import logging
import os
from pathlib import Path
from typing import Self, TextIO

from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.journal.events import Event
from plait.plans.journal.lines import Journal, first_line, line_of, read_journal
from plait.plans.journal.manifest import Manifest
from plait.workspace.small_files import read_plain_file

JOURNAL = "journal.jsonl"
LARGEST = 256 * 1024 * 1024
"""Bytes of a journal that are read: 10,000 tasks have been seen to take 12 MB."""

_LOG = logging.getLogger("plait")


class JournalFile:
    """Written by the loop of the run alone."""

    def __init__(self, file: TextIO) -> None:
        self._file: TextIO | None = file

    @classmethod
    def begin(cls, directory: Path, manifest: Manifest) -> Self:
        """Begin the journal of a run."""
        descriptor = os.open(directory / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        file = cls(os.fdopen(descriptor, "w", encoding="utf-8"))
        file._write(first_line(manifest))
        return file

    def append(self, at: float, event: Event) -> None:
        """Write an event down before it is heard, as it is heard.

        Raises:
            EnvironmentProblem: it could not be written, as on a full disk; nothing is written from then on.
        """
        self._write(line_of(at, event))

    def close(self) -> None:
        """Nothing more is written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as problem:
            self._file = None  # a journal with a hole is none
            reason = f"the journal of the run cannot be written: {problem.strerror or problem}"
            raise EnvironmentProblem(reason, hint="free some space; `plait run` goes on with the rest") from problem


def kept_journal(directory: Path) -> Journal | None:
    """The journal in the folder of a run; nothing in those of older versions.

    Raises:
        CallError: it is of a later version, or damaged.
    """
    try:
        text = read_plain_file(directory / JOURNAL, most=LARGEST, errors="replace")
    except OSError:
        return None
    except ValueError as problem:
        raise CallError(str(problem), hint="it is too large to be read") from None
    # Killed in its first moments, a run has left no line; half a sign at the end of a torn line is passed over with it.
    try:
        return read_journal(text) if "\n" in text else None
    except CallError as problem:
        raise CallError(f"run {directory.name}: {problem}", hint=problem.hint) from None
