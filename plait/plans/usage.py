"""What agents used up: tokens, money, turns, as far as somebody told; and the sum over several of them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=10**15)]
Number = TypeVar("Number", int, float)
Words = Annotated[str, Field(max_length=200)]


class Usage(BaseModel):
    """What one agent used up in one try, or several in several; what nobody told is absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    input_tokens: Count | None = Field(default=None, description="Tokens that the model read, cached ones included.")
    output_tokens: Count | None = Field(default=None, description="Tokens that it wrote.")
    cached_input_tokens: Count | None = Field(
        default=None, description="Of those that it read, the ones that came from a cache."
    )
    usd: float | None = Field(default=None, ge=0, le=10**9, description="What it cost, in US dollars.")
    turns: Count | None = Field(default=None, description="How often the model was asked.")
    model: Words | None = Field(default=None, description="The model's name; of several the last one's.")
    session: Words | None = Field(default=None, description="What the program calls its session; the last one's.")
    exact: bool = Field(
        default=True, description="Whether that is all of it; false: an estimate, or a part that somebody told."
    )


def usage_of(uses: Iterable[Usage | None]) -> Usage | None:
    """The sum of what several tries used up, oldest first; nothing where none of them told anything.

    It is exact when each of them told exactly: a try that says nothing has cost something as well.
    """
    every = list(uses)
    told = [usage for usage in every if usage is not None]
    if not told:
        return None
    return Usage(
        input_tokens=_sum(usage.input_tokens for usage in told),
        output_tokens=_sum(usage.output_tokens for usage in told),
        cached_input_tokens=_sum(usage.cached_input_tokens for usage in told),
        usd=_sum(usage.usd for usage in told),
        turns=_sum(usage.turns for usage in told),
        model=next((usage.model for usage in reversed(told) if usage.model is not None), None),
        session=next((usage.session for usage in reversed(told) if usage.session is not None), None),
        exact=len(told) == len(every) and all(usage.exact for usage in told),
    )


def added(*stages: Mapping[str, float]) -> dict[str, float]:
    """Seconds by stage, of several tries together."""
    total: dict[str, float] = {}
    for seconds in stages:
        for stage, taken in seconds.items():
            total[stage] = total.get(stage, 0.0) + taken
    return {stage: round(taken, 3) for stage, taken in total.items()}


def _sum(figures: Iterable[Number | None]) -> Number | None:
    """Nothing where nobody told, and not 0."""
    known = [figure for figure in figures if figure is not None]
    return sum(known, start=type(known[0])()) if known else None
