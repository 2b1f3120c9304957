"""What a model can do in a checkout: list, search, read, edit and write files, and run commands."""

import fnmatch
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from plait.agent_host.checkout_files import CheckoutFiles, Entry, FileRefused
from plait.agent_host.telling import clean
from plait.plans.errors import PlaitError
from plait.workspace.process import Ended, Limits, run_supervised

PASSED: Final = frozenset({"node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache", ".ruff_cache"})
"""Folders that are looked into only when they are named: they hold what others have made, in masses."""
MOST_ENTRIES: Final = 1_000
MOST_LINES: Final = 2_000
MOST_MATCHES: Final = 200
LONGEST_LINE: Final = 2_000
LONGEST_OUTPUT: Final = 30_000
SEARCH_SECONDS: Final = 20
SHELL_SECONDS: Final = 120
LONGEST_SHELL_SECONDS: Final = 3600
_NO_QUESTIONS: Final = {"PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}
"""Nobody answers, so nobody may be asked."""


class TooSlow(PlaitError):
    """A search that would not end."""


def listing(files: CheckoutFiles, path: str, *, recursive: bool) -> str:
    """The entries of a folder, a line for each."""
    entries = list[Entry]()
    for entry in files.walk(path, passed=PASSED) if recursive else files.list(path):
        entries.append(entry)
        if len(entries) > MOST_ENTRIES:
            break
    lines = [clean(_entry_line(entry), LONGEST_LINE) for entry in entries[:MOST_ENTRIES]]
    if len(entries) > MOST_ENTRIES:
        lines.append(f"[more than {MOST_ENTRIES}: name a folder]")
    return "\n".join(lines) or "[empty]"


def search(files: CheckoutFiles, pattern: str, path: str, glob: str) -> str:
    """Lines that fit a regular expression, as `file:number:line`. In the main thread: an alarm ends it.

    Raises:
        FileRefused: the expression is none, or it takes too long.
    """
    try:
        fits = re.compile(pattern).search
    except (re.error, RecursionError, OverflowError) as problem:
        raise FileRefused(f"{pattern[:200]!r} is no regular expression of Python's: {problem}") from problem
    matches = list[str]()
    with _alarm(SEARCH_SECONDS, pattern):
        for entry in files.walk(path, passed=PASSED):
            name = entry.path.rpartition("/")[2]
            if entry.kind != "file" or not (fnmatch.fnmatch(entry.path, glob) or fnmatch.fnmatch(name, glob)):
                continue
            with suppress(FileRefused):
                text = files.read(entry.path)
                if b"\0" in text[:8192]:
                    continue
                for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), start=1):
                    if fits(line[:LONGEST_LINE]):
                        matches.append(f"{clean(entry.path)}:{number}:{line[:300]}")
                        if len(matches) >= MOST_MATCHES:
                            return "\n".join([*matches, f"[{MOST_MATCHES} lines, and there may be more]"])
    return "\n".join(matches) or "[no line fits]"


def read(files: CheckoutFiles, path: str, offset: int, limit: int) -> str:
    """Some lines of a file of text.

    Raises:
        FileRefused: it is none.
    """
    content = files.read(path)
    if b"\0" in content[:8192]:
        raise FileRefused(f"{path} is no text: {len(content)} bytes")
    lines = content.decode("utf-8", "replace").splitlines(keepends=True)
    first = max(1, offset)
    wanted = lines[first - 1 : first - 1 + max(1, min(limit, MOST_LINES))]
    text = "".join(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}[cut]\n" for line in wanted)
    last = first + len(wanted) - 1
    if (first, last) != (1, len(lines)) and lines:
        text += f"\n[lines {first} to {last} of {len(lines)}]"
    return text or "[empty]"


def edit(files: CheckoutFiles, path: str, old: str, new: str, *, everywhere: bool) -> str:
    """Put `new` where `old` is, which is there exactly once unless it is meant everywhere.

    Raises:
        FileRefused: it is not there, or not once.
    """
    if not old:
        raise FileRefused("`old` is empty: use `write` for a new file")
    content, before, after = files.read(path), _encoded(old), _encoded(new)
    if before not in content and b"\r\n" in content:
        before, after = (each.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for each in (before, after))
    count = content.count(before)
    if count == 0:
        raise FileRefused(f"`old` is not in {path}: read it again, and give the text exactly as it is there")
    if count > 1 and not everywhere:
        raise FileRefused(f"`old` is in {path} {count} times: give more of the text around it, or set `everywhere`")
    files.write(path, content.replace(before, after))
    return f"replaced in {path}" if count == 1 else f"replaced {count} times in {path}"


def write(files: CheckoutFiles, path: str, content: str) -> str:
    """A file with this content."""
    text = _encoded(content)
    files.write(path, text)
    return f"wrote {len(text)} bytes to {path}"


def shell(
    command: str,
    *,
    directory: str,
    environment: Mapping[str, str],
    temporary: str,
    seconds: float,
    stop: threading.Event,
    on_line: Callable[[str], None],
) -> tuple[bool, str]:
    """Run a command in the checkout to its end, with all that it starts; whether it went well, and what it printed."""
    log = Path(temporary) / f"command-{os.urandom(6).hex()}.log"
    limits = Limits(
        timeout=max(1.0, min(seconds, LONGEST_SHELL_SECONDS)),
        output_bytes=256 << 20,
        kept_bytes=LONGEST_OUTPUT,
    )
    try:
        ended = run_supervised(
            ["/bin/sh", "-c", "--", command],
            directory=Path(directory),
            environment={**environment, **_NO_QUESTIONS},
            output=log,
            limits=limits,
            stop=stop,
            on_line=on_line,
        )
        printed = log.read_bytes()
    except PlaitError as problem:
        raise FileRefused(f"the command was not run: {problem}") from problem
    finally:
        log.unlink(missing_ok=True)
    text = clean(printed.decode("utf-8", "replace"), LONGEST_OUTPUT + 1000)
    return ended.ok, f"{text}\n[{_how(ended, limits)}]" if text else f"[{_how(ended, limits)}]"


def _how(ended: Ended, limits: Limits) -> str:
    match ended.cause:
        case "exited":
            left = f"; {ended.killed} processes that it left behind were ended" if ended.killed else ""
            return f"exit status {ended.status}{left}"
        case "timeout":
            return f"stopped after {limits.timeout:.0f} seconds"
        case "flooded":
            return "stopped: it printed too much"
        case "signalled":
            return f"ended by signal {-(ended.status or 0)}"
        case _:
            return "stopped"


def _entry_line(entry: Entry) -> str:
    match entry.kind:
        case "folder":
            return f"{entry.path}/"
        case "file":
            return f"{entry.path} ({entry.size} bytes)"
        case "symbolic link":
            return f"{entry.path} -> {entry.link}"
        case _:
            return f"{entry.path} ({entry.kind})"


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as problem:
        raise FileRefused("the text has half a surrogate pair in it, which no file can hold") from problem


@contextmanager
def _alarm(seconds: int, pattern: str) -> Iterator[None]:
    """Ends what takes too long, a regular expression in the middle of its work as well."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"the search for {pattern[:200]!r} took more than {seconds} seconds: make it simpler")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
