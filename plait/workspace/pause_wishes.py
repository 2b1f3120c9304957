"""A person's wish that a feature be paused: kept beside the control repository, so that it outlives every run."""

import json
from contextlib import suppress
from pathlib import Path

from plait.workspace.control import Control
from plait.workspace.small_files import read_json_object, write_whole

_FOLDER = "paused"
_LONGEST = 100
"""Characters of a name."""


def wish_to_pause(control: Control, feature: str) -> str | None:
    """Who wants the feature to be paused, in a word or two; nothing when nobody does."""
    try:
        by = read_json_object(_place(control, feature)).get("by", "")
    except OSError:  # what cannot be read is nobody's wish
        return None
    except ValueError:
        return ""
    return by[:_LONGEST] if isinstance(by, str) and by.isprintable() else ""


def ask_to_pause(control: Control, feature: str, *, by: str) -> bool:
    """Write the wish down; whether it is new."""
    place = _place(control, feature)
    is_new = not place.exists()
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, json.dumps({"by": by}))
    return is_new


def ask_to_resume(control: Control, feature: str) -> bool:
    """Take the wish back; whether there was one."""
    with suppress(FileNotFoundError):
        _place(control, feature).unlink()
        return True
    return False


def _place(control: Control, feature: str) -> Path:
    return control.directory / _FOLDER / f"{feature}.json"
