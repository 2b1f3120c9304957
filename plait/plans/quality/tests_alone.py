"""The command that runs certain tests alone, of runners that are known to take names; else there is none."""

import re
import shlex
from collections.abc import Callable, Sequence
from itertools import takewhile

from plait.plans.language.verify_stages import Check, commands_of_check

MOST = 50
"""Tests that are named on one command line; of more the whole is run again."""

_SHELL = re.compile(r"[\n\r;&|<>()$`\\*?\[\]{}!#~]")
"""What makes a line more than a program and its arguments; `*`, `?` and `[` would be written anew, quoted."""
_RUNS_IT = (("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("pipenv", "run"), ("npx",), ("bunx",))
_VARIABLE = re.compile(r"[A-Za-z_]\w*=")
_PYTEST_ALONE = {"-q", "-qq", "-v", "-vv", "-s", "-x", "-l", "--exitfirst", "--verbose", "--quiet", "--showlocals"}
_PYTEST_VALUED = {"-k", "-m", "-n", "-p", "-c", "-o", "-W", "-r"}


def alone(command: str, failing: Sequence[str]) -> str | None:
    """The same command for these tests alone; nothing where it is not known how, or they are too many.

    >>> alone("python -m pytest -q tests", ["tests/test_cart.py::test_total"])
    'python -m pytest -q tests/test_cart.py::test_total'
    """
    if not 0 < len(failing) <= MOST or _SHELL.search(command):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    variables = list(takewhile(_VARIABLE.match, words))
    at = len(variables) + _starters(words[len(variables) :])
    program, rest = words[at : at + 1], words[at + 1 :]
    name = program[0].rpartition("/")[2] if program else ""
    if re.fullmatch(r"python[\d.]*", name) and rest[:2] == ["-m", "pytest"]:
        program, rest, name = [*program, "-m", "pytest"], rest[2:], "pytest"
    elif f"{name} {''.join(rest[:1])}" in _RUNNERS:
        name, program, rest = f"{name} {rest[0]}", [*program, rest[0]], rest[1:]
    arguments = _RUNNERS[name](rest, failing) if name in _RUNNERS else None
    if arguments is None:
        return None
    assigned = (f"{name}={shlex.quote(value)}" for name, _, value in (word.partition("=") for word in variables))
    return " ".join([*assigned, *map(shlex.quote, [*words[len(variables) : at], *program, *arguments])])


def with_tests_alone(checks: Sequence[Check], command: str | None, failing: Sequence[str]) -> tuple[Check, ...] | None:
    """The checks up to the command that failed, and that one for the failed tests alone; nothing where none does that.

    What came before it stays: it may have built what the tests run.
    """
    narrow = alone(command, failing) if command else None
    for at, check in enumerate(checks):
        commands = commands_of_check(check)
        if narrow is None or command not in commands:
            continue
        before = commands[: commands.index(command)]
        last = narrow if isinstance(check, str) else check.model_copy(update={"run": (*before, narrow)})
        return (*checks[:at], last)
    return None


def _starters(words: Sequence[str]) -> int:
    """How many words only run the program that follows, such as `uv run`."""
    return next((len(starter) for starter in _RUNS_IT if tuple(words[: len(starter)]) == starter), 0)


def _pytest(arguments: Sequence[str], failing: Sequence[str]) -> list[str] | None:
    """Its options, and in place of the paths that it was given the tests."""
    if not all(re.match(r"[^-\s][^\s]*\.py::", name) for name in failing):
        return None
    kept, rest = list[str](), list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _PYTEST_VALUED and rest:
            kept += [word, rest.pop(0)]
        elif word in _PYTEST_ALONE or re.match(r"--[\w-]+=|-n\w+$|-[rpWo]\S+$", word):
            kept.append(word)
        elif word.startswith("-"):
            return None  # whether the next word is its value, or a path, is not known
    return [*kept, *failing]


def _go(words: Sequence[str], failing: Sequence[str]) -> list[str] | None:
    """By the names of whole tests: of a part of a test, the test."""
    names = dict.fromkeys(name.partition("/")[0] for name in failing)
    if not all(re.fullmatch(r"\w+", name) for name in names) or any(word.startswith("-run") for word in words):
        return None
    return [*words, "-count=1", "-run", f"^({'|'.join(names)})$"]


def _cargo(words: Sequence[str], failing: Sequence[str]) -> list[str] | None:
    if not all(re.fullmatch(r"\w+(::\w+)*", name) for name in failing) or "--" in words:
        return None
    return [*words, "--", "--exact", *failing]


def _jest(words: Sequence[str], failing: Sequence[str]) -> list[str] | None:
    """By the words of the tests, joined as jest and vitest join them: `describe › test`, `file > describe > test`."""
    if any(word in ("-t", "--testNamePattern") for word in words):
        return None
    names = [name.split(" > ")[1:] if " > " in name else name.split(" › ") for name in failing]
    if not all(len(parts) > 1 or " > " in name for parts, name in zip(names, failing, strict=True)):
        return None  # from elsewhere than its output: what matches no test would be green
    return [*words, "-t", f"^({'|'.join(re.escape(' '.join(parts)) for parts in names)})$"]


_RUNNERS: dict[str, Callable[[Sequence[str], Sequence[str]], list[str] | None]] = {
    "pytest": _pytest,
    "go test": _go,
    "cargo test": _cargo,
    "jest": _jest,
    "vitest run": _jest,
}
