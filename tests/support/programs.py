"""The one way to find agent programs for tests: as `make agents-installed` leaves them, in a folder, or on PATH."""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

from plait.plans.agents.programs import PROGRAM_FACTS
from plait.plans.language.backends import Backend

PROJECT = Path(__file__).parents[2]
FOLDER = "AGENT_PROGRAMS"
"""The variable with another folder: `npm/node_modules/.bin/` and `aider/bin/` are looked for in it."""


@cache
def program(name: Backend) -> Path | None:
    """The agent program of a backend; of the version that tests are for wherever that was installed."""
    folder = Path(os.environ.get(FOLDER) or PROJECT / ".programs")
    places = (folder / "npm" / "node_modules" / ".bin", folder / "aider" / "bin", folder)
    found = shutil.which(name, path=os.pathsep.join(map(str, places))) or shutil.which(name)
    return Path(found).absolute() if found else None


def require(name: Backend) -> Path:
    """The agent program; without it the test is skipped."""
    found = program(name)
    if found is None:
        pytest.skip(f"{PROGRAM_FACTS[name].package} is not installed: `make agents-installed` does it")
    return found


def path_with(*names: Backend) -> str:
    """A PATH on which these programs come first; without one of them the test is skipped."""
    folders = dict.fromkeys(str(require(name).parent) for name in names)
    return os.pathsep.join((*folders, os.environ.get("PATH", os.defpath)))
