"""Agents as Claude Code describes them: Markdown whose front matter says who it is, and whose text instructs it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from plait.plans.errors import PlanError, Problem
from plait.plans.language.crew import Role
from plait.plans.language.documents import MAX_BYTES, Document, read
from plait.plans.language.model_names import model_problem
from plait.plans.names import check_slug
from plait.plans.specs.front_matter import SpecText, split_spec
from plait.plans.wording import kind_of, listed, one_line, quoted

CODE = "PLAN012"
"""Of a file that is meant as an agent and cannot be one."""

Origin = Literal["repository", "user"]
"""Who wrote it: anybody whose work has landed, or the user alone, whose shell's variables it may name."""

_SILENT = frozenset(("color", "background", "isolation", "autoCompactWindow"))
"""Keys that say nothing to plait: each agent has a checkout and a process of its own anyway."""

_NOT_HONOURED: Mapping[str, str] = {
    "hooks": "they are commands that nobody has looked at, and are never run",
    "permissionMode": "plait decides what agents may do, as nobody is there to answer",
    "skills": "they are not loaded",
    "memory": "its agents remember nothing from one task to the next",
    "effort": "programs are left to their own",
    "initialPrompt": "the task is the prompt",
}
"""By key of Claude Code, why plait passes it over."""

_PLAIN = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):[ \t]+(?P<value>[^\s\"'\[{|>&!#%@`*-].*)")
_SHELL_VALUE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}")


@dataclass(frozen=True, slots=True)
class AgentFile:
    """A role that a file describes."""

    name: str
    place: str
    """The file, as people know it."""
    line: int
    """Of its name."""
    origin: Origin
    role: Role
    """With what the file says, and nothing else."""
    servers: tuple[str, ...] = ()
    """MCP servers that it names and does not describe: those that the crew gives the role."""
    notes: tuple[str, ...] = ()
    """What of it is not carried out, each a sentence."""

    @property
    def starts_programs(self) -> bool:
        """Whether being it starts what the file says, beside the agent."""
        return any(server.command for server in self.role.mcp.values())


def read_agent_file(content: bytes, *, place: str, origin: Origin) -> AgentFile | None:
    """The agent that a file describes; nothing where it has no front matter, as a README beside the others.

    Raises:
        PlanError: it is meant as one, and cannot be used; with every mistake.
    """
    text = _decoded(content, place)
    if not re.match(r"\ufeff?---[ \t]*\r?\n", text):
        return None
    parts = split_spec(text, source=place)
    front = _front(parts, place)
    if front.problems:
        raise PlanError(place, front.problems)
    return _Described(front, place, origin).agent("".join(parts.lines[parts.close + 1 :]).strip())


def _decoded(content: bytes, place: str) -> str:
    if len(content) > MAX_BYTES:
        raise PlanError(place, (Problem(f"is larger than {MAX_BYTES // 1024} KiB", code=CODE),))
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise PlanError(place, (Problem("is not UTF-8 text", code=CODE),)) from None


def _front(parts: SpecText, place: str) -> Document:
    """What the front matter says. Where it is no YAML, its plain values are taken as they stand, as Claude Code does:
    descriptions with `: ` in them are common.
    """
    try:
        return parts.front(source=place)
    except PlanError:
        lines = [_quoted(line) for line in parts.lines[1 : parts.close]]
        if lines == list(parts.lines[1 : parts.close]):
            raise
        document = read("\n" + "".join(lines), source=place)
        if not isinstance(document.data, dict):
            raise
        return document


def _quoted(line: str) -> str:
    match = _PLAIN.fullmatch(line.rstrip())
    return f"{match[1]}: '{match['value'].replace(chr(39), chr(39) * 2)}'\n" if match else line


class _WrongError(Exception):
    """What stands at a key is not what can stand there."""


class _Described:
    """Reads the keys of one front matter, and collects what is wrong with them and what is passed over."""

    def __init__(self, front: Document, place: str, origin: Origin) -> None:
        self._keys: dict[str, Any] = {key: value for key, value in front.data.items() if value not in (None, "")}
        self._front, self._place, self._origin = front, place, origin
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._servers: list[str] = []
        self._known = {"name", "description", *_SILENT, *_NOT_HONOURED}

    def agent(self, body: str) -> AgentFile:
        """
        Raises:
            PlanError: it cannot be used.
        """
        name = self._name()
        said: dict[str, Any] = {
            "description": self._text("description"),
            "tools": self._said("tools", _words),
            "denied_tools": self._said("disallowedTools", _words),
            "model": self._said("model", _model),
            "turns": self._said("maxTurns", _turns),
            "mcp": self._said("mcpServers", self._mcp),
            "instructions": body or None,
        }
        if said["tools"] == ("*",):
            said["tools"] = None
        self._pass_over()
        role = self._role({key: value for key, value in said.items() if value is not None})
        if self._problems or role is None:
            raise PlanError(self._place, tuple(self._problems))
        line = self._front.places.problem(("name",), "").line
        return AgentFile(name, self._place, line, self._origin, role, tuple(self._servers), tuple(self._notes))

    def _name(self) -> str:
        name = self._text("name")
        if name is None:
            self._complain(("name",), "has no name", "add a line such as name: reviewer")
            return ""
        try:
            return check_slug(name)
        except ValueError as problem:
            self._complain(("name",), f"cannot be a role's name: {problem}")
            return ""

    def _text(self, key: str) -> str | None:
        """A line of a description may hold the two signs of a break, as Claude Code writes it."""
        value = self._keys.get(key)
        if value is None or isinstance(value, str):
            return value.replace("\\n", "\n").strip() or None if value else None
        self._complain((key,), f"is a text, not {kind_of(value)}")
        return None

    def _said(self, key: str, reading: Callable[[Any], Any]) -> Any:
        self._known.add(key)
        if key not in self._keys:
            return None
        try:
            return reading(self._keys[key])
        except _WrongError as problem:
            self._complain((key,), str(problem))
            return None

    def _mcp(self, value: Any) -> dict[str, Any]:
        """By name the servers that it describes. Of those that it only names the crew says what they are."""
        described = dict[str, Any]()
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str):
                self._servers += [word.strip() for word in entry.split(",") if word.strip()]
            elif isinstance(entry, dict):
                described |= {name: self._server(name, settings) for name, settings in entry.items()}
            else:
                raise _WrongError(f"names servers, or describes them, and has {kind_of(entry)}")
        return described

    def _server(self, name: str, settings: Any) -> dict[str, Any]:
        if not isinstance(settings, dict):
            raise _WrongError(f"the server {quoted(name)} is a mapping, not {kind_of(settings)}")
        if settings.get("url") is not None:
            headers = self._values(name, settings.get("headers"))
            return {"url": settings["url"], "headers": {key: value for key, value in headers if value is not None}}
        arguments = settings.get("args") or []
        if not isinstance(settings.get("command"), str) or not isinstance(arguments, list):
            raise _WrongError(f"the server {quoted(name)} has neither a url nor a command with a list of args")
        variables = [
            {key: value} if value is not None else key for key, value in self._values(name, settings.get("env"))
        ]
        return {"command": [settings["command"], *arguments], "environment": variables}

    def _values(self, server: str, given: Any) -> Iterator[tuple[str, str | None]]:
        """Variables or headers; nothing for the value of one that the user's own file takes from the shell as it is."""
        if given is not None and not isinstance(given, dict):
            raise _WrongError(f"the server {quoted(server)} has {kind_of(given)} where names have values")
        for key, value in (given or {}).items():
            if not isinstance(value, str):
                raise _WrongError(f"the server {quoted(server)} has {kind_of(value)} as the value of {quoted(key)}")
            wanted = _SHELL_VALUE.search(value)
            if wanted is None:
                yield key, value
            elif self._origin == "user" and value == f"${{{key}}}":
                yield key, None
            else:
                lost = f"its server {one_line(server, 64)} gets no {one_line(key, 64)}"
                self._notes.append(f"{lost}: a value of the shell is only given by the role's `mcp` in a crew")

    def _role(self, said: Mapping[str, Any]) -> Role | None:
        front_key = {"turns": "maxTurns", "denied_tools": "disallowedTools", "mcp": "mcpServers"}
        try:
            return Role.model_validate(said)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                where, *deeper = map(str, detail["loc"])
                inside = f"{'.'.join(deeper)}: " if deeper else ""
                key = front_key.get(where, where)
                message = f"{inside}{detail['msg'].removeprefix('Value error, ')}"
                self._complain(() if where == "instructions" else (key,), message)
            return None

    def _pass_over(self) -> None:
        for key, why in _NOT_HONOURED.items():
            if self._keys.get(key) not in (None, "", [], {}):
                self._notes.append(f"its {key} is passed over: {why}")
        if unknown := sorted(set(self._keys) - self._known):
            self._notes.append(f"passed over, as nobody knows them: {listed(map(one_line, unknown))}")

    def _complain(self, loc: tuple[str, ...], message: str, hint: str | None = None) -> None:
        problem = self._front.places.problem(loc, message, hint, code=CODE)
        self._problems.append(problem if problem.line else Problem(message, 1, 1, hint=hint, code=CODE))


def _words(value: Any) -> tuple[str, ...]:
    """A list, or words with commas between them; commas in brackets belong to the word: `Bash(git a, b)`."""
    if isinstance(value, list):
        if wrong := next((entry for entry in value if not isinstance(entry, str)), None):
            raise _WrongError(f"is a list of names, and has {kind_of(wrong)}")
        return tuple(value)
    if not isinstance(value, str):
        raise _WrongError(f"is a list of names, not {kind_of(value)}")
    words, depth = [""], 0
    for sign in value:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth <= 0:
            words.append("")
        else:
            words[-1] += sign
    return tuple(word.strip() for word in words if word.strip())


def _model(value: Any) -> str | None:
    if not isinstance(value, str):
        raise _WrongError(f"is a model's name, not {kind_of(value)}")
    if value == "inherit":
        return None
    if wrong := model_problem("claude", value):
        raise _WrongError(wrong.removeprefix("its model "))
    return value


def _turns(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,4}", value):
        return int(value)
    raise _WrongError(f"is a number from 1 on, not {kind_of(value)}")
