"""What the model door saw of one try: the calls of its agent, seen alike for all programs."""

from dataclasses import dataclass

from plait.plans.accounts.refusals import Refusal
from plait.plans.agents.stream import Tokens


@dataclass(frozen=True, slots=True)
class DoorSight:
    """The calls that an agent made through the door, and how they ended."""

    calls: int = 0
    """Answers that a provider gave, good or bad."""
    tokens: Tokens = Tokens()  # noqa: RUF009  (frozen)
    usd: float | None = None
    """By the price list; nothing where a model that was used has no price there."""
    is_exact: bool = True
    """false: an answer broke off before it told its usage."""
    model: str | None = None
    """Of the last answer."""
    status: int | None = None
    """The HTTP status of the last answer."""
    refusal: Refusal | None = None
    """What the account said, where the last answer was its refusal."""
    spent: str = ""
    """The budget that the door stopped it for, in words such as `usd of the task: 2.00`."""
