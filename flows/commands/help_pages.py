"""What `--help` shows: values of options as `PATH`, `text|json`, and nothing for a flag; each example in a line."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_WORDS = {"str": "TEXT", "int": "NUMBER", "float": "NUMBER"}


def in_lines(epilog: str) -> str:
    """`Examples: a · b` as Markdown with a line for each."""
    first, _, rest = epilog.partition("\n\n")
    label, _, examples = first.partition(": ")
    listed = "\n".join(f"- {example}" for example in examples.split(" · "))
    return "\n\n".join(filter(None, [f"{label}:", listed, rest]))


class _PlainValues:
    """Options and arguments without the names that Python has for their types, which typer 0.29 shows."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with what the page of help shows for each."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # of the command that this is mixed into
        for param in params:
            if not hasattr(param, "display_type"):  # an older typer shows PATH and INTEGER by itself
                continue
            shown = _shown(param, ctx)
            if param.param_type_name == "argument":
                vars(param)["display_type_rich"] = lambda ctx, shown=shown: shown if "|" in shown else None  # noqa: ARG005
            elif param.metavar is None:
                param.metavar = shown
        return params


def _shown(param: Any, ctx: Any) -> str:
    if getattr(param, "is_flag", False):
        return ""
    name = str(param.display_type(ctx)).strip("<>").removeprefix("list[").removesuffix("]").removesuffix(" range")
    return name if "|" in name else _WORDS.get(name, name.upper())


class Command(_PlainValues, TyperCommand):
    """A command."""


class CommandGroup(_PlainValues, TyperGroup):
    """All commands."""
