"""The `mcp` of a role: servers of the Model Context Protocol that its agents may use, programs or addresses."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from plait.plans.language.environment import Environment
from plait.plans.language.fields import Line, Part, check_controls
from plait.plans.wording import kind_of, quoted

OURS = "plait"
"""What agents know plait's own server by."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?#]\S*)?")


def _check_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is not a server's name: letters, digits, - and _, and first a letter or digit"
        )
    if text == OURS:
        raise ValueError(f"{quoted(text)} is the name of plait's own server: take another")
    return text


def _check_url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is not an address such as https://example.com/mcp, without a name or password"
        )
    return text


def _check_header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not the name of a header")
    return text


def _check_word(text: str) -> str:
    if "\0" in text:
        raise ValueError("an argument cannot hold a NUL character")
    return check_controls(text)


ServerName = Annotated[str, AfterValidator(_check_name)]
_Word = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_check_word)]
_Header = Annotated[str, AfterValidator(_check_header)]


class ServerEntry(Part):
    """A server: a program that is started for each agent, or an address. A list alone is a program."""

    command: tuple[_Word, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The program and its arguments, one by one, never a shell line; or `url`.",
    )
    url: Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_check_url)] | None = Field(
        default=None, description="Where it is reached; or `command`."
    )
    headers: dict[_Header, Line] = Field(
        default_factory=dict, max_length=50, description="With `url`: headers that go with each call."
    )
    environment: Environment = Field(
        default=(), description="With `command`: environment variables that it is given: names, or NAME: value."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"url": data}
        if isinstance(data, list | tuple):
            return {"command": data}
        if not isinstance(data, Mapping):
            raise ValueError(f"a server is a list of words, an address or a mapping, not {kind_of(data)}")  # noqa: TRY004
        return data

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("must have exactly one of command and url")
        if self.command is not None and self.headers:
            raise ValueError("headers go with a url")
        if self.url is not None and self.environment:
            raise ValueError("an environment goes with a command")
        if self.command is not None and not self.command[0].strip():
            raise ValueError("the program must be named")
        return self

    @property
    def shown(self) -> str:
        """Its address, or its command, for people; no header and no value, which may be secret."""
        return self.url or " ".join(self.command or ())


McpServers = Annotated[dict[ServerName, ServerEntry], Field(max_length=50)]
"""By name."""
