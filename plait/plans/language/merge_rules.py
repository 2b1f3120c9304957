"""How a plan settles conflicts by path: a rule's keys, and the rules that have a name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from plait.plans.language.fields import Command, Line, Part, PathPatterns
from plait.plans.wording import listed, near_match, quoted

Way = Literal["union", "ours", "theirs", "regenerate"]


class Preset(NamedTuple):
    """What a named rule does with which files."""

    paths: tuple[str, ...]
    way: Way
    says: str
    """What it is for, in a few words."""
    command: str | None = None
    key: str | None = None


def _beside(command: str) -> str:
    """Run where each file is: a repository may hold several projects, and those tools look around them."""
    return f'for file in "$@"; do (cd -- "$(dirname -- "$file")" && {command}); done'


_YARN = (
    'case "$(yarn --version)" in 1.*) yarn install --ignore-scripts --non-interactive ;; '
    "*) YARN_ENABLE_IMMUTABLE_INSTALLS=false yarn install --mode=update-lockfile ;; esac"
)
_CHANGELOGS = tuple(
    f"**/{name}{ending}"
    for name in ("CHANGELOG", "CHANGES", "HISTORY", "NEWS", "RELEASES", "RELEASE_NOTES", "changelog", "changes")
    for ending in ("", ".md", ".rst", ".txt")
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "npm": Preset(
            ("**/package-lock.json", "**/npm-shrinkwrap.json"),
            "regenerate",
            "lock files of npm",
            _beside("npm install --package-lock-only --ignore-scripts --no-audit --no-fund"),
        ),
        "pnpm": Preset(
            ("**/pnpm-lock.yaml",),
            "regenerate",
            "lock files of pnpm",
            _beside("pnpm install --lockfile-only --ignore-scripts --no-frozen-lockfile"),
        ),
        "yarn": Preset(("**/yarn.lock",), "regenerate", "lock files of Yarn, classic and modern", _beside(_YARN)),
        "bun": Preset(("**/bun.lock",), "regenerate", "lock files of Bun", _beside("bun install --lockfile-only")),
        "uv": Preset(("**/uv.lock",), "regenerate", "lock files of uv", _beside("uv lock")),
        "poetry": Preset(
            ("**/poetry.lock",), "regenerate", "lock files of Poetry 2", _beside("poetry lock --no-interaction")
        ),
        "pdm": Preset(("**/pdm.lock",), "regenerate", "lock files of PDM", _beside("pdm lock --update-reuse")),
        "pipenv": Preset(("**/Pipfile.lock",), "regenerate", "lock files of Pipenv", _beside("pipenv lock")),
        "cargo": Preset(
            ("**/Cargo.lock",), "regenerate", "lock files of Cargo", _beside("cargo update --workspace --quiet")
        ),
        "go": Preset(("**/go.sum",), "union", "checksums of Go modules: a line too many is allowed"),
        "bundler": Preset(("**/Gemfile.lock",), "regenerate", "lock files of Bundler", _beside("bundle lock")),
        "composer": Preset(
            ("**/composer.lock",),
            "regenerate",
            "lock files of Composer from 2.7 on",
            _beside("composer update --minimal-changes --no-install --no-scripts --no-interaction"),
        ),
        "changelogs": Preset(_CHANGELOGS, "union", "change logs that are only added to"),
        "jsonl": Preset(("**/*.jsonl", "**/*.ndjson"), "union", "logs of one JSON text a line"),
        "beads": Preset((".beads/**/*.jsonl",), "union", "issues of beads, by their id", key="id"),
        "ignores": Preset(
            ("**/.gitignore", "**/.dockerignore", "**/.npmignore", "**/.prettierignore", "**/.eslintignore"),
            "union",
            "lists of files to leave out",
        ),
        "jest": Preset(
            ("**/__snapshots__/*.snap",),
            "regenerate",
            "snapshots of Jest",
            "npx --no-install jest --ci=false --updateSnapshot",
        ),
        "vitest": Preset(
            ("**/__snapshots__/*.snap",), "regenerate", "snapshots of Vitest", "npx --no-install vitest run --update"
        ),
        "syrupy": Preset(
            ("**/__snapshots__/*.ambr",), "regenerate", "snapshots of syrupy", "python -m pytest -q --snapshot-update"
        ),
    }
)
"""By name, what settles the files that many conflicts of agents are about."""


def _check_preset(name: str) -> str:
    if name in PRESETS:
        return name
    hint = near_match(name, PRESETS) or f"there are {listed(PRESETS, limit=None)}"
    raise ValueError(f"{quoted(name)} is not the name of a rule ({hint})")


PresetName = Annotated[str, AfterValidator(_check_preset), Field(json_schema_extra={"enum": list(PRESETS)})]


class PathRule(Part):
    """How conflicts in some files are settled before an agent is asked. A plain word is the name of a preset."""

    presets: tuple[PresetName, ...] = Field(
        default=(), max_length=50, description="Named rules for common files, such as npm, uv, changelogs; or `paths`."
    )
    paths: PathPatterns = Field(default=(), description="Patterns of the files (*, ?, **, a trailing / for all below).")
    way: Literal["union", "ours", "theirs"] | None = Field(
        default=None,
        description="union: what both sides added, of files that are only added to; ours: the feature branch's file, "
        "at a task's start the one of the earlier need; theirs: the other one.",
    )
    key: Line | None = Field(
        default=None, description="For union: each line is a JSON object, and this member of it says which one it is."
    )
    regenerate: Command | None = Field(
        default=None,
        description="A shell command that makes the files anew on the merged tree, from the root; they are its "
        "arguments ($@).",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, data: Any) -> Any:
        return {"presets": [data]} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.presets) == bool(self.paths):
            raise ValueError("must have exactly one of presets and paths")
        if self.presets and (self.way or self.regenerate or self.key):
            raise ValueError("names a preset, which has its own way: leave out way, key and regenerate")
        if self.paths and (self.way is None) == (self.regenerate is None):
            raise ValueError("must have exactly one of way and regenerate")
        if self.key is not None and self.way != "union":
            raise ValueError("has a key, which only union uses")
        return self
