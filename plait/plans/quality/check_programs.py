"""Which programs a shell command certainly starts: what has to be there before anybody is asked to make it green."""

import re
import shlex
from collections.abc import Sequence
from itertools import dropwhile

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_SECONDS = re.compile(r"\d+(?:\.\d+)?[smhd]?\Z")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_BUILTIN = frozenset(
    ". : [ alias bg break cd command continue echo eval exec exit export false fg getopts hash jobs kill local printf "  # noqa: SIM905
    "pwd read readonly return set shift source test times trap true type ulimit umask unalias unset wait".split()
)
_WORDS_OF_THE_SHELL = frozenset(
    "if then else elif fi for in do done while until case esac function select time { } ! [[".split()  # noqa: SIM905
)
_HARMLESS = frozenset({"cd", "export", "set", ":", "true", "umask", "unset"})
"""Builtins after which what follows `&&` or `;` is certainly reached."""


def programs_of(command: str) -> tuple[str, ...]:
    """The bare names of the programs that a command starts whatever happens, in their order.

    Nothing is said of what stands behind another program or a condition, nor of names with a slash, which a plan may be
    asked to make. Example: `cd web && CI=1 npm test | tee log` gives `npm` and `tee`; `test -x a || make a` gives none.
    """
    named = list[str]()
    for line in command.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        programs, goes_on = _of_line(line)
        named += programs
        if not goes_on:
            break
    return tuple(dict.fromkeys(named))


def programs_of_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """The same of a shell with its line, `[sh, -c, 'claude -p']`; none of any other program."""
    if len(arguments) < 3 or arguments[1] != "-c" or arguments[0].rpartition("/")[2] not in _SHELLS:
        return ()
    return programs_of(arguments[2])


def _of_line(line: str) -> tuple[list[str], bool]:
    """The programs of a line, and whether the next one is certainly reached."""
    named = list[str]()
    if any(sign in line for sign in ("`", "$(", "<<", "(", "{")) or line.endswith("\\"):
        return named, False
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # quotes that do not close
        return named, False
    if "||" in words:
        return named, False
    part = list[str]()
    for word in (*words, ";"):
        if word not in ("&&", ";", "|", "&"):
            part.append(word)
            continue
        programs = _programs(part)
        if programs is None:
            return named, False
        named += [program for program in programs if program not in _BUILTIN]
        if word != "|" and not _HARMLESS.issuperset(programs):
            return named, False
        part = []
    return named, True


def _programs(words: list[str]) -> tuple[str, ...] | None:
    """The program of a simple command, after those that only start it; nothing where it is none, or no bare name."""
    rest = _without_assignments([word for word in words if word])
    if not rest:
        return (":",) if words else None
    first, behind = rest[0], rest[1:]
    if first not in _BUILTIN and (not _NAME.match(first) or first in _WORDS_OF_THE_SHELL):
        return None
    started = _started_by(first, behind)
    inner = _programs(started) if started else ()
    return (*(() if first == "exec" and started else (first,)), *(inner or ()))


def _started_by(program: str, arguments: list[str]) -> list[str]:
    """The command that a program is only a way to start; nothing where it has options, which may mean anything."""
    rest = arguments
    if program == "timeout" and rest and _SECONDS.match(rest[0]):
        rest = rest[1:]
    elif program == "env":
        rest = _without_assignments(rest)
    elif program not in ("exec", "nohup", "nice"):
        return []
    return [] if rest and rest[0].startswith("-") else rest


def _without_assignments(words: list[str]) -> list[str]:
    return list(dropwhile(_ASSIGNMENT.match, words))
