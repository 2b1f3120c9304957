"""How much a plan may cost: tokens, US dollars and time of a run, and what a day of this machine may."""

from pydantic import Field, model_validator

from plait.plans.language.durations import SomeSeconds
from plait.plans.language.fields import Part

_MOST_TOKENS = 10**12


class DayBudget(Part):
    """What all runs of this machine may spend in a day, whatever their plans."""

    tokens: int | None = Field(
        default=None, ge=1, le=_MOST_TOKENS, description="The most tokens, read and written, in a day of this machine."
    )
    usd: float | None = Field(default=None, gt=0, le=10**9, description="The most US dollars in a day of this machine.")

    @model_validator(mode="after")
    def _says_something(self) -> "DayBudget":
        if self.tokens is None and self.usd is None:
            raise ValueError("limits nothing: say tokens or usd")
        return self


class Budget(Part):
    """Where a limit is reached, the work is stopped and kept; nothing of it is lost."""

    tokens: int | None = Field(
        default=None, ge=1, le=_MOST_TOKENS, description="The most tokens, read and written, of all tasks of a run."
    )
    usd: float | None = Field(
        default=None, gt=0, le=10**9, description="The most that all tasks of a run may cost, in US dollars."
    )
    time: SomeSeconds | None = Field(
        default=None, description="The longest that a run may work, such as 12h; while it is paused, time stands still."
    )
    day: DayBudget | None = Field(
        default=None, description="What all runs of this machine may spend in a day; this run keeps to it."
    )

    @model_validator(mode="after")
    def _says_something(self) -> "Budget":
        if (self.tokens, self.usd, self.time, self.day) == (None, None, None, None):
            raise ValueError("limits nothing: say tokens, usd, time or day")
        return self
