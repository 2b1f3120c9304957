"""The command line of an agent program: plait's options, where the user has not given the same ones."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """An option, and what stands after it."""

    flag: str
    values: tuple[str, ...] = ()
    short: str = ""
    """Its other name."""

    def is_among(self, arguments: Iterable[str]) -> bool:
        """Whether the user has given it: programs refuse what comes twice, or take the first."""
        names = tuple(name for name in (self.flag, self.short) if name)
        return any(argument.partition("=")[0] in names for argument in arguments)


def command_line(
    start: Iterable[str], options: Iterable[Option | None], arguments: tuple[str, ...], end: Iterable[str] = ()
) -> tuple[str, ...]:
    """The whole command line; what is `None` is left out.

    Example: with `arguments=("--sandbox", "read-only")` the option `--sandbox workspace-write` gives way.
    """
    kept = (option for option in options if option is not None and not option.is_among(arguments))
    return (*start, *(word for option in kept for word in (option.flag, *option.values)), *arguments, *end)
