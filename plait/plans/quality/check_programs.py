"""Which programs a shell command certainly starts: what has to be there before anybody is asked to make it green."""

import re
import shlex

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
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
    line = next((line for line in command.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if any(sign in line for sign in ("`", "$(", "<<", "(", "{")):
        return ()
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # quotes that do not close
        return ()
    if "||" in words:
        return ()
    named = list[str]()
    part = list[str]()
    for word in (*words, ";"):
        if word not in ("&&", ";", "|", "&"):
            part.append(word)
            continue
        program = _program(part)
        if program is None:
            return tuple(dict.fromkeys(named))
        if program not in _BUILTIN:
            named.append(program)
        if word != "|" and program not in _HARMLESS:
            break
        part = []
    return tuple(dict.fromkeys(named))


def _program(words: list[str]) -> str | None:
    """The program of a simple command; nothing where it is none, or not a bare name."""
    rest = [word for word in words if word]
    while rest and _ASSIGNMENT.match(rest[0]):
        rest = rest[1:]
    if not rest:
        return ":" if words else None
    first = rest[0]
    return first if first in _BUILTIN or (_NAME.match(first) and first not in _WORDS_OF_THE_SHELL) else None
