"""Reads the YAML of a plan as nothing but text, lists and mappings, each with its place; bounded. And writes it.

No types are guessed: `no` stays "no", `1e400` never becomes infinite, only `null` and `~` are nothing. Anchors,
aliases, merge keys, tags, several documents and keys that are given twice are refused: they are how small files
become large ones, run code, or say one thing to a reader and another to a machine. (PyYAML's `safe_load` raises
something other than its own error on 0.8 % of fuzzed texts, and a 396-byte alias bomb hangs whoever walks it.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from plait.plans.errors import PlanError, Problem
from plait.plans.language.places import Loc, Place, Places, path_of
from plait.plans.wording import quoted

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_PROBLEMS = 100
"""Nobody reads more, and each near match costs time that a hostile plan must not buy."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: ten times faster."""

_REFUSED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFUSED_IN_VALUES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NODE = (yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent)

_FASTEST: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says: dicts with text keys, lists, text and None; and the mistakes that leave it readable."""

    data: Any
    places: Places
    problems: tuple[Problem, ...]


def read(text: str | bytes, *, source: str, loader: Any = LOADER) -> Document:
    """Read a YAML (or JSON) text; PlanError when it cannot be read at all."""
    try:
        return _Reader().read(_events(_checked(text), loader))
    except _UnreadableError as unreadable:
        raise PlanError(source, unreadable.problems) from None


def checked_text(raw: bytes, *, source: str) -> str:
    """A file's text, when its size and its characters are fine for a plan; PlanError when not."""
    try:
        return _checked(raw)
    except _UnreadableError as unreadable:
        raise PlanError(source, unreadable.problems) from None


class _UnreadableError(Exception):
    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems)
        self.problems = problems


def _checked(text: str | bytes) -> str:
    """The text, when its size and characters are fine."""
    if len(text) > MAX_BYTES or (isinstance(text, str) and len(text.encode("utf-8", "replace")) > MAX_BYTES):
        raise _UnreadableError(Problem(f"is larger than {MAX_BYTES // 1024} KiB"))
    if isinstance(text, bytes):
        text = _decoded(text)
    if text.startswith("\ufeff"):
        raise _UnreadableError(Problem("begins with a byte order mark", 1, 1, hint="save it as UTF-8 without one"))
    if bad := _REFUSED.search(text):
        message = f"the character {bad.group()!a} may not be in a plan"
        raise _UnreadableError(Problem(message, *_place_in(text, bad.start())))
    if not text.strip():
        raise _UnreadableError(Problem("is empty"))
    return text


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        problem = Problem("is not UTF-8 text", *_place_in(before, len(before)), hint="save it as UTF-8")
        raise _UnreadableError(problem) from None


def _place_in(text: str, position: int) -> Place:
    return Place(text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def _events(text: str, loader: Any) -> Iterator[Any]:
    """PyYAML's events, and its errors as ours."""
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise _UnreadableError(_not_yaml(error)) from None
    except (yaml.YAMLError, ValueError, OverflowError, AttributeError, IndexError, KeyError, RecursionError):
        # The parser in Python raises these on some broken texts (escapes beyond Unicode, odd directives).
        raise _UnreadableError(Problem("is not valid YAML")) from None


_YAML_HINTS = {
    "mapping values are not allowed": "quote a text that has ': ' in it, and check the indentation",
    "cannot start any token": "indent with spaces, and quote a text that begins with @, `, % or a tab",
    "did not find expected key": "check the indentation of this line and the one before",
    "did not find expected '-'": "check the indentation of this line and the one before",
    "escape": "in double quotes a backslash begins an escape: use single quotes",
}


def _not_yaml(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place()
    complaint = f"{error.problem or 'it cannot be read'}{f' {error.context}' if error.context else ''}"
    hint = next((hint for words, hint in _YAML_HINTS.items() if words in complaint), None)
    return Problem(f"is not valid YAML: {complaint}", *place, hint=hint)


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being filled."""

    loc: Loc
    into: list[Any] | dict[str, Any]
    key: str | None = None
    """Of a mapping: the key whose value comes next."""
    line_of: dict[str, int] = field(default_factory=dict)
    """Of a mapping: where each key was given first."""


class _Reader:
    """Builds a document from events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.frames: list[_Frame] = []
        self.values: dict[Loc, Place] = {}
        self.keys: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        self.documents = 0

    def read(self, events: Iterator[Any]) -> Document:
        try:
            for event in events:
                self._take(event)
        except _UnreadableError as unreadable:
            raise _UnreadableError(*self.problems, *unreadable.problems) from None
        return Document(self.root, Places(self.values, self.keys), tuple(self.problems))

    def _take(self, event: Any) -> None:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.DocumentStartEvent):
            self._begin_document(event, place)
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self.frames.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._count(place)
            self._refuse(f"the alias {quoted(f'*{event.anchor}')} is refused", place, "write the value out")
            self._add("", place)
        elif isinstance(event, _NODE):
            self._take_node(event, place)

    def _begin_document(self, event: Any, place: Place) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _UnreadableError(Problem("a second document begins here: one file is one plan", *place))
        if event.tags:
            self._refuse("directives that declare tags are refused", place)

    def _count(self, place: Place) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _UnreadableError(Problem(f"has more than {MAX_NODES:,} values", *place))

    def _take_node(self, event: Any, place: Place) -> None:
        self._count(place)
        if event.anchor is not None:
            self._refuse(
                f"the anchor {quoted(f'&{event.anchor}')} is refused", place, "write the value out where needed"
            )
        if event.tag is not None:
            self._refuse(f"the tag {quoted(event.tag)} is refused", place, "values have no tags: leave it out")
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event, place)
        else:
            self._open([] if isinstance(event, yaml.SequenceStartEvent) else {}, place)

    def _take_scalar(self, event: Any, place: Place) -> None:
        text: str = event.value
        if bad := _REFUSED_IN_VALUES.search(text):
            self._refuse(f"the character {bad.group()!a} may not be in a plan", place)
            text = _REFUSED_IN_VALUES.sub("", text)
        frame = self.frames[-1] if self.frames else None
        if frame and isinstance(frame.into, dict) and frame.key is None:
            self._take_key(frame, text, place)
        else:
            self._add(None if not event.style and text in ("null", "~") else text, place)

    def _take_key(self, frame: _Frame, key: str, place: Place) -> None:
        if key == "<<":
            self._refuse("merge keys are refused", place, "write the values out")
        elif key in frame.line_of:
            where = f"the first is in line {frame.line_of[key]}"
            self._note(Problem("the key is given twice", *place, path_of((*frame.loc, key)), where))
        elif not key:
            self._refuse("a key is missing before the colon", place)
        frame.line_of.setdefault(key, place.line)
        frame.key = key
        self.keys[(*frame.loc, key)] = place

    def _open(self, into: list[Any] | dict[str, Any], place: Place) -> None:
        if len(self.frames) >= MAX_DEPTH:
            raise _UnreadableError(Problem(f"is nested deeper than {MAX_DEPTH}", *place))
        self.frames.append(_Frame(self._add(into, place), into))

    def _add(self, value: Any, place: Place) -> Loc:
        """Put a value where it belongs, and say where that is."""
        loc: Loc = ()
        if self.frames:
            loc = self._add_to(self.frames[-1], value, place)
        else:
            self.root = value
        self.values[loc] = place
        return loc

    def _add_to(self, frame: _Frame, value: Any, place: Place) -> Loc:
        if isinstance(frame.into, list):
            frame.into.append(value)
            return (*frame.loc, len(frame.into) - 1)
        if frame.key is None:
            hint = "quote a text that begins with {, [ or *"
            raise _UnreadableError(Problem("a key must be text", *place, path_of(frame.loc), hint))
        loc, frame.key = (*frame.loc, frame.key), None
        frame.into[str(loc[-1])] = value
        return loc

    def _refuse(self, message: str, place: Place, hint: str | None = None) -> None:
        self._note(Problem(message, *place, path_of(self._here()), hint))

    def _note(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) == MAX_PROBLEMS:
            raise _UnreadableError(Problem(f"has more mistakes than these {MAX_PROBLEMS}"))

    def _here(self) -> Loc:
        """Where the next value will stand."""
        if not self.frames:
            return ()
        frame = self.frames[-1]
        if isinstance(frame.into, list):
            return (*frame.loc, len(frame.into))
        return frame.loc if frame.key is None else (*frame.loc, frame.key)


class _Dumper(_FASTEST):  # type: ignore[misc]  # its base is known at run time only
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (the reader takes no aliases)
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    # PyYAML itself falls back to quotes where a block could not hold the text, as with spaces at the end of a line.
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


_Dumper.add_representer(str, _text)


def plan_text(document: Document) -> str:
    """The text of a plan that says the same as the document."""
    text: str = yaml.dump(document.data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000)
    return text
