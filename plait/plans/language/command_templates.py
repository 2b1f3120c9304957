"""What the `command` of a role may hold: words that stand for something, and the values that they need."""

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from plait.plans.language.backends import BACKENDS
from plait.plans.language.model_names import model_problem
from plait.plans.wording import listed, near_match

if TYPE_CHECKING:
    from plait.plans.language.crew import Complexity, Crew, Role  # which imports this

PLACEHOLDERS = ("{prompt_file}", "{task}", "{model}", "{directory}")
"""What stands for something in an argv template, always as a whole argument."""

_PLACEHOLDER = re.compile(r"\{[A-Za-z][A-Za-z0-9_ -]*\}")

_BEHIND_AN_OPTION = re.compile(r"[^\s{}]*[=@:](\{[A-Za-z][A-Za-z0-9_ -]*\})")
"""`--prompt={prompt}`; braces in the midst of other text are awk's, jq's or a shell's."""


def check_argument(item: str) -> str:
    """An argument of a template.

    Raises:
        ValueError: it stands for nothing that there is, or is one of the placeholders within a longer word.
    """
    if "\0" in item:
        raise ValueError("an argument cannot hold a NUL character")
    if _PLACEHOLDER.fullmatch(item) and item not in PLACEHOLDERS:
        near = near_match(item, PLACEHOLDERS)
        hint = f"; {near}" if near else ""
        raise ValueError(f"unknown placeholder {item}: there are {', '.join(PLACEHOLDERS)}{hint}")
    if item not in PLACEHOLDERS and (inside := [known for known in PLACEHOLDERS if known in item]):
        raise ValueError(f"{inside[0]} must be an argument of its own, not a part of {item!r}")
    behind = _BEHIND_AN_OPTION.fullmatch(item)
    if behind and (near := near_match(behind[1], PLACEHOLDERS)):
        raise ValueError(f"unknown placeholder {behind[1]} in {item!r}; {near} as an argument of its own")
    return item


def check_program(command: tuple[str, ...]) -> tuple[str, ...]:
    """A template that begins with a program.

    Raises:
        ValueError: it begins with a placeholder.
    """
    if command and (not command[0] or _PLACEHOLDER.fullmatch(command[0])):
        raise ValueError(f"the program must be named, not {command[0]!r}")
    return command


def lack_of(crew: "Crew", name: str, complexities: Collection["Complexity"]) -> str:
    """Why no agent can work as a role, as far as the crew says it; empty where nothing is known, as without a backend.

    Args:
        complexities: Those of the tasks that the role has: each may have a model of its own.
    """
    role = crew.role(name)
    backend = role.own_backend or crew.default_backend
    if backend is None:
        return ""
    key = BACKENDS[backend].setting
    if key and not getattr(role, key):
        return f"its backend {backend} has no {key}"
    models = (role.model_for(complexity) for complexity in complexities)
    if wrong := next(filter(None, (model_problem(backend, model) for model in models if model)), ""):
        return wrong
    return next(_missing_values(role, complexities), "") if backend == "command" else ""


def _missing_values(role: "Role", complexities: Collection["Complexity"]) -> Iterator[str]:
    """What the template of a role lacks for tasks of these complexities, each as `its command …`."""
    command = role.command or ()
    if role.prompt_by == "file" and "{prompt_file}" not in command:
        yield 'its prompt comes as a file, but its command does not say where: add the argument "{prompt_file}"'
    if "{model}" not in command:
        return
    nameless = [complexity for complexity in complexities if role.model_for(complexity) is None]
    if nameless:
        of_these = f" for tasks that are {listed(sorted(nameless), limit=None)}" if role.model else ""
        yield f"its command wants {{model}}, but the role names none{of_these}"
    before = command[: command.index("{model}")]
    models = role.model.values() if isinstance(role.model, dict) else filter(None, [role.model])
    for model in dict.fromkeys(models):
        if model.startswith("-") and "--" not in before:
            yield f"its model {model!r} would be read as an option: put '--' before {{model}} in its command"
