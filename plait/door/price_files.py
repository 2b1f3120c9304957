"""The prices of models: plait's own list, and what the user has written over it in PLAIT_HOME."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from plait.plans.agents.prices import PriceList, price_list
from plait.plans.errors import CallError

NAME = "prices.yaml"
_LONGEST = 1_000_000


def load_prices(home: Path) -> PriceList:
    """plait's own prices under those of `prices.yaml` in PLAIT_HOME, where there is one.

    Raises:
        CallError: That file cannot be read, or is no list of prices.
    """
    own = home / NAME
    try:
        text = own.read_text(encoding="utf-8") if own.stat().st_size <= _LONGEST else None
    except FileNotFoundError:
        return _shipped()
    except (OSError, UnicodeDecodeError) as problem:
        raise CallError(f"{own} cannot be read: {problem}", "mend the file, or remove it") from None
    if text is None:
        raise CallError(f"{own} is longer than {_LONGEST:,} bytes", "write only the models that you use")
    return _shipped().under(price_list(_document(text, str(own)), str(own)))


@cache
def _shipped() -> PriceList:
    text = files("plait.door").joinpath(NAME).read_text(encoding="utf-8")
    return price_list(_document(text, NAME), NAME)


def _document(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (both are safe)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise CallError(f"{source} is not YAML: {' '.join(str(problem).split())[:200]}", "mend the file") from None
