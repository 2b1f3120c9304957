"""Names of models that agent programs know: their short ones by heart, and what a full one looks like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plait.plans.language.backends import Backend
from plait.plans.wording import listed, near_match, quoted

_FULL = re.compile(r".*[0-9/:@].*")
"""A version, a provider, a region: `claude-opus-4-8`, `openai/x`, `us.anthropic.x-v1:0`. No short name has that."""


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What one program takes as a model's short name, and when that was looked up."""

    short: tuple[str, ...]
    seen: str
    """The version that has them, and the day."""
    endings: tuple[str, ...] = ()
    """What may stand behind a short name."""


NAMES: Final[Mapping[Backend, KnownNames]] = MappingProxyType(
    {
        # The list in the program itself, and `default`, which its `/model` takes.
        "claude": KnownNames(
            ("sonnet", "opus", "haiku", "fable", "mythos", "best", "opusplan", "default"),
            "2.1.332, 2026-11-30",
            ("[1m]",),
        ),
    }
)
"""Of other programs no list is known that would not be old soon: what they are given they get."""


def model_problem(backend: Backend, model: str) -> str:
    """What is wrong with a model's name for a backend, as a sentence's end; empty where nothing is known to be wrong.

    A name that looks full is never refused: programs take more models than anybody lists.
    """
    if backend == "opencode" and "/" not in model:
        return f"its model {quoted(model)} names no provider: opencode wants provider/model, such as anthropic/{model}"
    known = NAMES.get(backend)
    if known is None or _FULL.fullmatch(_without(model, known.endings)):
        return ""
    if _without(model, known.endings) in known.short:
        return ""
    hint = near_match(model, known.short) or f"it knows {listed(known.short, limit=None)}, or a full name"
    return f"its model {quoted(model)} is none that {backend} knows: {hint}"


def _without(model: str, endings: tuple[str, ...]) -> str:
    return next((model.removesuffix(ending) for ending in endings if model.endswith(ending)), model)
