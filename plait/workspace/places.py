"""Asks about places that somebody else named: what may not be entered, or can be no name, is not there.

`Path.is_file` and its kin raise for these, before Python 3.14, which a traceback made of a closed folder on PATH.
"""

import os
from pathlib import Path


def is_file(path: str | Path) -> bool:
    """Whether there is such a file, as far as we may see."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Whether there is such a folder, as far as we may see."""
    return os.path.isdir(path)  # noqa: PTH112


def is_there(path: str | Path) -> bool:
    """Whether there is anything of that name, as far as we may see."""
    return os.path.exists(path)  # noqa: PTH110
