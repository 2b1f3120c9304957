"""The option that names a repository for commands which look for a run."""

from pathlib import Path
from typing import Annotated

import typer

RepositoryOfRun = Annotated[
    Path | None,
    typer.Option(
        "--repo",
        help="The repository whose run is meant, or any directory in it; the one that you stand in when absent.",
        metavar="PATH",
        show_default=False,
    ),
]
