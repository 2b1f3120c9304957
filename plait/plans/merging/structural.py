"""Settling a conflict in one file by its structure: definitions of Python, keys of JSON, YAML and TOML."""

from collections.abc import Callable
from dataclasses import dataclass

from plait.plans.merging.json_files import merge_json
from plait.plans.merging.python_files import merge_python
from plait.plans.merging.three_way import GivesUp
from plait.plans.merging.toml_files import merge_toml
from plait.plans.merging.yaml_files import merge_yaml

LARGEST = 256 * 1024
"""Bytes of one version, above which a file is left to others."""

_LONGEST_LINE = 20_000

_Merge = Callable[[bytes, bytes, bytes], bytes]
"""Base (empty where both sides added the file), one side, the other side; the first side is the smaller as bytes."""

_WAYS: dict[str, tuple[str, _Merge]] = {
    ".json": ("json", merge_json),
    ".py": ("python", merge_python),
    ".toml": ("toml", merge_toml),
    ".yaml": ("yaml", merge_yaml),
    ".yml": ("yaml", merge_yaml),
    ".pyi": ("python", merge_python),
}


@dataclass(frozen=True, slots=True)
class Settled:
    """A file on which both sides agree after all."""

    content: bytes
    way: str
    """`python`, `json`, `yaml` or `toml`."""


def settle_structurally(path: str, base: bytes | None, ours: bytes, theirs: bytes) -> Settled | None:
    """Merge a file by what it means, or give up rather than guess; with the sides changed over, the result is the same.

    What it gives always parses, and holds what either side added or changed and nothing that one took away. That it
    is right is for checks to say.

    Args:
        base: Nothing where both sides added the file.
    """
    try:
        return settle_or_say_why(path, base, ours, theirs)
    except GivesUp:
        return None


def settle_or_say_why(path: str, base: bytes | None, ours: bytes, theirs: bytes) -> Settled:
    """The same, for whoever asks why not.

    Raises:
        GivesUp: with the reason.
    """
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    way, merge = _WAYS.get(dot + suffix.lower() if stem else "", ("", None))
    if merge is None or max(len(base or b""), len(ours), len(theirs)) > LARGEST:
        raise GivesUp("no language that is known, or too large")
    if any(len(line) > _LONGEST_LINE for version in (base or b"", ours, theirs) for line in version.split(b"\n")):
        raise GivesUp("a line that nobody wrote by hand")
    first, second = sorted((ours, theirs))
    try:
        unchanged = base or b""
        if first == second or unchanged in (first, second):
            content = second if first == unchanged else first
            return Settled(merge(content, content, content), way)
        return Settled(merge(unchanged, first, second), way)
    except (ValueError, RecursionError, MemoryError) as error:
        # ValueError: another encoding than it claims (UnicodeError), NUL bytes, numbers of too many digits.
        raise GivesUp(f"{type(error).__name__}: {error}") from None
