"""What `verify` says: commands, or named stages of commands, each with its own limits, paths, caches and report."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from plait.plans.language.durations import SomeSeconds
from plait.plans.language.fields import MAX_COMMANDS, Bytes, Command, Commands, Part, PathPattern, PathPatterns, Slug
from plait.plans.wording import quoted

Preset = Literal["auto", "python", "node", "go", "rust"]

USUAL_ORDER = ("syntax", "types", "tests", "documentation", "security", "performance")
"""The order of the presets, and the one that is recommended: what is cheap and fails most often comes first."""

MAX_CACHES = 20


def _check_place(path: str) -> str:
    if set(path) & set("*?"):
        raise ValueError(f"{quoted(path)} has to be one path, without * and ?")
    return path


Place = Annotated[PathPattern, AfterValidator(_check_place)]
"""One path from the repository's root."""


def _as_commands(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class VerifyStage(Part):
    """Commands that are verified under one name, with one verdict. A plain command is a stage without a name."""

    stage: Slug | None = Field(
        default=None, description="Its name: syntax, types, tests, documentation, security, performance, or any other."
    )
    run: Annotated[Commands, BeforeValidator(_as_commands)] = Field(
        default=(), description="A shell command that must succeed, or several; or `preset`."
    )
    preset: Preset | None = Field(
        default=None, description="In place of `run`: the usual stages of a language, by what base has; auto: of all."
    )
    timeout: SomeSeconds | None = Field(default=None, description="The longest that the stage may take, such as 10m.")
    memory: Bytes | None = Field(
        default=None, description="The most memory that its processes may use together, such as 4GiB."
    )
    paths: PathPatterns = Field(
        default=(), description="Patterns: it runs only where the work changed such a path; absent: always."
    )
    cache: Annotated[tuple[Place, ...], Field(max_length=MAX_CACHES)] = Field(
        default=(),
        description="Directories that it fills and that a later verification may find as a green one left them.",
    )
    junit: Place | None = Field(
        default=None, description="Where it writes a report in JUnit's XML, which names the tests that failed."
    )

    @model_validator(mode="after")
    def _run_or_preset(self) -> Self:
        if bool(self.run) == (self.preset is not None):
            raise ValueError("must have exactly one of run and preset")
        others = [name for name, value in self if value and name not in ("run", "preset")]
        if self.preset and others:
            raise ValueError(f"a preset says all by itself: drop {', '.join(others)}")
        return self

    @property
    def meaning(self) -> list[Any]:
        """What decides whether work is good; not how long, with how much and under which name that is looked at."""
        return [list(self.run), sorted(self.paths), *([self.preset] if self.preset else [])]


_STAGE = "VerifyStage"
"""What pydantic puts into the place of a mistake: none of the keys, which would be looked for in the text."""


def _kind(value: Any) -> str:
    return _STAGE if isinstance(value, dict | VerifyStage) else "command"


def _as_list(value: Any) -> Any:
    """One stage alone, or a mapping of stages by name, as a list."""
    if not isinstance(value, dict):
        return value
    if value.keys() & {"run", "preset", "stage"}:
        return [value]
    return [_named(name, stage) for name, stage in value.items()]


def _named(name: Any, stage: Any) -> Any:
    return {"stage": name, **stage} if isinstance(stage, dict) else {"stage": name, "run": stage}


Check = Annotated[
    Annotated[Command, Tag("command")] | Annotated[VerifyStage, Tag(_STAGE)],
    Discriminator(_kind),
]
"""An entry of `verify`."""

Verify = Annotated[tuple[Check, ...], Field(max_length=MAX_COMMANDS), BeforeValidator(_as_list)]
"""A list of commands and stages; in a plan also one stage alone, or a mapping of stages by name."""


def commands_of_check(check: Check) -> tuple[str, ...]:
    """The shell commands of an entry; of a preset none, before it is known what the repository has."""
    return (check,) if isinstance(check, str) else check.run


def commands_in(checks: Iterable[Check]) -> tuple[str, ...]:
    """All shell commands, each once, in their order."""
    return tuple(dict.fromkeys(command for check in checks for command in commands_of_check(check)))
