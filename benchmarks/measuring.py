"""What every benchmark shares: the machine's name, a table, a JSON file."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def numbers_given(usage: str | None, **defaults: float) -> list[float]:
    """The numbers of the command line in their order, each with its default: of that type, a whole number or not."""
    parser = argparse.ArgumentParser(description=usage)
    for name, default in defaults.items():
        parser.add_argument(name, nargs="?", type=type(default), default=default, help=f"{default:,} by default")
    return list(vars(parser.parse_args()).values())


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": [round(value, 2) for value in os.getloadavg()],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def show(name: str, title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print a table and write `results/<name>.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"name": name, "machine": machine(), "rows": list(rows)}, indent=1), encoding="utf-8")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(column), *(len(line[index]) for line in cells)) for index, column in enumerate(columns)]
    sys.stdout.write(f"\n{title}\n")
    for line in (columns, ["-" * width for width in widths], *cells):
        sys.stdout.write("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + "\n")
    sys.stdout.flush()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
