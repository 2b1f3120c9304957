"""A first plan and a first crew for a repository: what can be seen of it in fixed words, to be changed by hand.

Names and contents come from a repository that anybody may have written: they choose among fixed commands, and no word
of them is in one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plait.plans.language.verify_stages import VerifyStage
from plait.plans.quality.presets import Language, languages_of, preset_stages
from plait.plans.wording import listed

_TESTS: Mapping[Language, str] = {
    "python": "tests/**",
    "node": "**/*.test.*",
    "go": "**/*_test.go",
    "rust": "tests/**",
}
"""By language, where a test can be put beside the others."""

_SET_UPS: Mapping[str, str] = {
    "uv.lock": "uv sync --frozen",
    "poetry.lock": "poetry install --no-interaction",
    "pdm.lock": "pdm sync",
    "Pipfile.lock": "pipenv sync --dev",
    "package-lock.json": "npm ci",
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --frozen-lockfile",
    "bun.lock": "bun install --frozen-lockfile",
    "bun.lockb": "bun install --frozen-lockfile",
}
"""By lock file, what makes a fresh checkout ready."""

_MAKE_TEST = re.compile(r"^test[ \t]*:(?!=)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is there for a first plan."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Those at the repository's top that presets look for, with the text of some."""
    folders: frozenset[str] = frozenset()
    programs: tuple[str, ...] = ()
    """Backends whose program is on this machine, the one to begin with first."""
    agents: Mapping[str, str] = field(default_factory=dict)
    """By name of a role that a file describes, the file."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """Those that the repository has something of."""
        return languages_of(self.files, self.folders)

    @property
    def stages(self) -> tuple[VerifyStage, ...]:
        """What the preset `auto` would run."""
        return preset_stages("auto", self.files, self.folders)

    @property
    def has_make_test(self) -> bool:
        """Whether its Makefile has a target `test`."""
        return _MAKE_TEST.search(self.files.get("Makefile", "")) is not None

    @property
    def set_ups(self) -> Mapping[str, str]:
        """By lock file that is there, its command."""
        return {lock: command for lock, command in _SET_UPS.items() if lock in self.files}

    @property
    def verify(self) -> tuple[str, ...]:
        """The commands that the whole is verified with, for people."""
        if any((stage.stage or "").startswith("tests") for stage in self.stages) or not self.has_make_test:
            return tuple(command for stage in self.stages for command in stage.run)
        return ("make test",)


def first_plan(seen: Sighting, *, feature: str) -> str:
    """A plan of two small tasks that can be run as it is, and tells by its comments what to put in their place."""
    tests = next((_TESTS[language] for language in seen.languages), None)
    return "".join(
        (
            "# A first plan, for this repository as `plait init` found it. It can be run as it is; then put your own\n"
            "# feature in its place: `plait new` writes larger plans, by ways to cut the work.\n",
            f"feature: {feature}\n",
            "goal: A newcomer finds out from the repository how it is built, and that it works.\n\n",
            "tasks:\n",
            _OVERVIEW,
            _COVER.format(tests=f"'{tests}'" if tests and tests.startswith("*") else tests) if tests else "",
            "\nintegration:\n",
            *_verification(seen),
        )
    )


_OVERVIEW = """\
  - id: OVERVIEW
    title: Say how the repository is built
    role: writer
    duration: 20m
    owns: [docs/overview.md] # what it may change; of two tasks no one should own what the other does
    verify: [test -s docs/overview.md] # decides whether "done" is true
    prompt: |
      Read the repository and write docs/overview.md, at most one page: what it is for, which parts it has and where
      they are, how to build and test it, and what a change usually touches. Write what the code shows, and no guesses.
"""

_COVER = """\

  - id: COVER
    title: Test what is not tested yet
    role: coder
    duration: 30m
    complexity: moderate # simple, moderate or complex: a role may have a model for each
    owns: [{tests}]
    prompt: |
      Find one behaviour of the code that matters and that no test covers. Add a test for it beside the others, in their
      style, and change nothing else. If the test finds a mistake, leave it out, and take another behaviour.
"""


def _verification(seen: Sighting) -> Sequence[str]:
    if seen.verify == ("make test",):
        return ("  verify: [make test] # must succeed on the exact tree that lands\n",)
    if seen.stages:
        runs = " · ".join(seen.verify)
        return (f"  # Must succeed on the exact tree that lands. Now: {runs}\n", "  verify: {preset: auto}\n")
    return (
        "  # Nothing was found that tests the whole: put that command here, as your CI runs it.\n",
        "  verify: [test -s docs/overview.md]\n",
    )


def first_crew(seen: Sighting) -> str:
    """The roles of that plan, on a program that is there."""
    lines = [
        "# Who works: `plait crew --crew crew.yaml` shows them, `plait run plan.yaml --crew crew.yaml` takes them."
    ]
    if seen.programs:
        others = f" # also found: {listed(seen.programs[1:])}" if seen.programs[1:] else ""
        lines.append(f"default_backend: {seen.programs[0]}{others}")
    else:
        lines += [
            "# No agent program was found: install one (claude, codex, opencode, gemini, aider), and name it here."
        ]
        lines += ["# default_backend: claude"]
    if seen.set_ups:
        lines += ["# Makes each fresh checkout ready; done again only when one of the inputs has changed."]
        lines += [f"setup: [{', '.join(dict.fromkeys(seen.set_ups.values()))}]"]
        lines += [f"setup_inputs: [{', '.join(seen.set_ups)}]"]
    capabilities = ", ".join(seen.languages) or "code"
    lines += ["", "coder:", "  slots: 2 # how many work at the same time"]
    lines += [f"  capabilities: [{capabilities}] # a task without a role goes to whom its words fit best"]
    if seen.programs[:1] == ("claude",):
        lines += ["  # model: {simple: haiku, moderate: sonnet, complex: opus}"]
    lines += ["", "writer:", "  capabilities: [docs, readme]"]
    if seen.agents:
        lines += ["", "# Roles as well, by their files; what is said of them here counts before those:"]
        lines += [f"# {name}: {{slots: 2}} # {place}" for name, place in seen.agents.items()]
    return "\n".join((*lines, ""))
