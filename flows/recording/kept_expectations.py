"""Reads what a run kept of its plan, without Prefect: the forecast and the graph that it started with."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from plait.advice.forecasts.forecast_record import FORECAST_FILE, Forecast, forecast_from_json
from plait.show.pictures.plan_graph import GRAPH_FILE, PlanGraph, graph_from_json
from plait.workspace.small_files import read_plain_file

Kept = TypeVar("Kept")


def kept_forecast(directory: Path) -> Forecast | None:
    """The forecast in the folder of a run; nothing where none was made, or it cannot be read."""
    return _read(directory / FORECAST_FILE, forecast_from_json)


def kept_graph(directory: Path) -> PlanGraph | None:
    """The graph in the folder of a run; nothing in those of older versions."""
    return _read(directory / GRAPH_FILE, graph_from_json)


def _read(path: Path, parse: Callable[[str], Kept]) -> Kept | None:
    try:
        return parse(read_plain_file(path))
    except (OSError, ValueError):
        return None
