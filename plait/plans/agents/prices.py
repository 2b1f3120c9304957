"""What tokens cost: by the model's name, from a list; a model without a price has none, and none is guessed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from plait.plans.agents.stream import Tokens
from plait.plans.errors import CallError

_MILLION: Final = 1_000_000
Dollars = Annotated[float, Field(ge=0, le=100_000)]
"""US dollars for a million tokens."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Price(_Strict):
    """What a model costs. What is left out costs what is read."""

    read: Dollars = Field(description="Tokens of the prompt that no cache had.")
    written: Dollars = Field(description="Tokens of the answer, the thoughts included.")
    cached: Dollars | None = Field(default=None, description="Tokens that came from a cache.")
    stored: Dollars | None = Field(default=None, description="Tokens that went into a cache, for minutes.")
    stored_hour: Dollars | None = Field(default=None, description="Tokens that went into a cache, for an hour.")

    def of(self, tokens: Tokens) -> float:
        """US dollars."""
        cached = min(tokens.cached, tokens.read)
        stored = min(tokens.stored, tokens.read - cached)
        hour = min(tokens.stored_hour, stored)
        at_store = self.read if self.stored is None else self.stored
        parts = (
            (tokens.read - cached - stored, self.read),
            (cached, self.read if self.cached is None else self.cached),
            (stored - hour, at_store),
            (hour, at_store if self.stored_hour is None else self.stored_hour),
            (tokens.written, self.written),
        )
        return sum(count * price for count, price in parts) / _MILLION


class LongPrice(Price):
    """What a call costs whose whole prompt is longer than `tokens`."""

    tokens: int = Field(ge=1, description="The longest prompt that still has the ordinary price.")


class ModelPrice(Price):
    """What a model costs, in US dollars for a million tokens."""

    above: LongPrice | None = Field(default=None, description="The prices of calls with longer prompts.")

    def of_call(self, tokens: Tokens) -> float:
        """US dollars of one call: long prompts may cost more, and that goes by the prompt of each call."""
        is_long = self.above is not None and tokens.read > self.above.tokens
        return self.above.of(tokens) if self.above and is_long else self.of(tokens)


class _Document(_Strict):
    dated: Annotated[str, BeforeValidator(str)] = ""
    models: dict[str, ModelPrice] = {}


_AROUND = re.compile(r"\[\w{1,10}\]$")
"""claude's `claude-opus-5-5[1m]`."""
_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)$")


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by model."""

    models: Mapping[str, ModelPrice] = field(default_factory=dict)
    dated: str = ""
    """When the newest of them was known, such as `2026-09-22`."""

    def price_of(self, model: str | None) -> ModelPrice | None:
        """The price of a model, however a program or provider calls it; nothing where it is not in the list.

        Example: `anthropic/claude-opus-5-5[1m]`, `models/gemini-2.5-pro`, and `gpt-5.5-2026-04-23`, which has the price
        of `gpt-5.5` as long as it has none of its own.
        """
        return next((price for name in _names(model or "") if (price := self.models.get(name)) is not None), None)

    def cost(self, tokens: Tokens, model: str | None) -> float | None:
        """US dollars of one call; nothing where the model's price is not known."""
        price = self.price_of(model)
        return None if price is None else price.of_call(tokens)

    def under(self, other: "PriceList") -> "PriceList":
        """This list with another lying over it, model by model."""
        return PriceList({**self.models, **other.models}, other.dated or self.dated)


def price_list(document: Any, source: str) -> PriceList:
    """Prices out of a document such as plait's own `prices.yaml`.

    Args:
        document: What YAML or JSON made of it.
        source: Where it comes from, for messages.

    Raises:
        CallError: It is not a list of prices.
    """
    try:
        known = _Document.model_validate({} if document is None else document)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise CallError(
            f"{source} is no list of prices: {place}: {first['msg']}",
            "write it as `models: {name: {read: 3, written: 15}}`, in US dollars for a million tokens",
        ) from None
    return PriceList({name.strip().lower(): price for name, price in known.models.items()}, known.dated)


def _names(model: str) -> Iterator[str]:
    """The names that a model may have in the list, the closest first."""
    name = _AROUND.sub("", model.strip().lower()[:200])
    yield name
    bare = name.rpartition("/")[2]
    yield bare
    yield _DATE.sub("", bare)
