"""Whether a settled file can be taken: no conflict markers, and by its name it is what it says."""

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType

import yaml

_MARKER = re.compile(rb"(?:<{7,}|\|{7,}|>{7,})(?: |\Z)")
"""Of any length: where common ancestors conflict, git writes markers of nine and more."""


_LONGEST_PYTHON = 1024 * 1024


def has_new_markers(content: bytes, *versions: bytes) -> bool:
    """Whether a line looks like a conflict marker and is in none of the versions: texts about git may show some."""
    markers = {line for line in content.splitlines() if _MARKER.match(line)}
    return bool(markers) and not markers <= {line for version in versions for line in version.splitlines()}


def is_broken(path: str, content: bytes, *sides: bytes) -> bool:
    """Whether a file does not parse as what its name says (JSON, JSON lines, TOML, YAML, Python) and a side does.

    A file that neither side parses as is nothing to judge by: JSON with comments, a template, Python 2.
    """
    read = _READERS.get(path.rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else "")
    return read is not None and not _reads(read, content) and any(_reads(read, side) for side in sides)


def _reads(read: Callable[[bytes], object], content: bytes) -> bool:
    try:
        with warnings.catch_warnings():  # of odd escapes in Python: nobody's business here
            warnings.simplefilter("ignore")
            read(content)
    except (ValueError, SyntaxError, yaml.YAMLError, RecursionError, MemoryError):
        return False
    return True


def _read_python(content: bytes) -> None:
    if len(content) > _LONGEST_PYTHON:
        raise ValueError("a tree of it would fill the memory")
    ast.parse(content)


def _read_lines(content: bytes) -> None:
    for line in content.splitlines():
        if line.strip():
            json.loads(line)


def _read_yaml(content: bytes) -> None:
    """Events alone: nothing is built, so that no alias can be blown up and no tag has to be known."""
    for _ in yaml.parse(content, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):
        pass


_READERS: Mapping[str, Callable[[bytes], object]] = MappingProxyType(
    {
        "json": json.loads,
        "jsonl": _read_lines,
        "ndjson": _read_lines,
        "toml": lambda content: tomllib.loads(content.decode()),
        "yaml": _read_yaml,
        "yml": _read_yaml,
        "py": _read_python,
        "pyi": _read_python,
    }
)
