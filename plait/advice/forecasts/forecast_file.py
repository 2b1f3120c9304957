"""A forecast as JSON, as a run keeps it from its start, so that what happened can be shown beside it."""

from functools import cache

from pydantic import TypeAdapter

from plait.advice.forecasts.forecast import Forecast

FORECAST_FILE = "forecast.json"
"""Its name in the folder of a run."""


def forecast_json(forecast: Forecast) -> str:
    """One line; times in seconds."""
    return _adapter().dump_json(forecast).decode("utf-8")


def forecast_from_json(text: str) -> Forecast:
    """The forecast again; keys that a later version added are passed over.

    Raises:
        ValueError: it is no forecast.
    """
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[Forecast]:
    return TypeAdapter(Forecast)
