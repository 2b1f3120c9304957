"""What `plait init` sees of a repository and of this machine, and the two files that it writes of that."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.flows.inputs.agents_around import Around, agents_around
from plait.plans.errors import CallError, PlaitError
from plait.plans.language.backends import PROGRAMS
from plait.plans.quality.first_plan import Sighting, first_crew, first_plan
from plait.plans.specs.found_agents import OF_THE_USER
from plait.plans.wording import listed, one_line
from plait.workspace.agent_probes import ProgramSeen, probe, with_own_keys
from plait.workspace.bases import base_around
from plait.workspace.environment import agent_environment
from plait.workspace.git import GitRepository, repository_around
from plait.workspace.root_files import root_files
from plait.workspace.small_files import write_whole
from plait.workspace.starting import find_program

PLAN, CREW = "plan.yaml", "crew.yaml"


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Two files to be written, and what they were made of."""

    folder: Path
    seen: Sighting
    programs: tuple[ProgramSeen, ...]
    plan: str
    crew: str
    troubles: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """What was found, for people."""
        seen = self.seen
        lines = [f"languages: {listed(seen.languages) or 'none that plait knows'}"]
        lines.append(f"verified with: {' · '.join(seen.verify) or 'nothing was found that tests the whole'}")
        if seen.set_ups:
            lines.append(f"made ready with: {' · '.join(dict.fromkeys(seen.set_ups.values()))}")
        for program in self.programs:
            version = f" {program.version}" if program.version else ""
            trouble = f": {program.trouble}" if program.trouble else ""
            hint = f" ({program.hint})" if program.hint else ""
            lines.append(f"agent program: {program.name}{version}{trouble}{hint}")
        if not self.programs:
            lines.append(
                f"agent program: none was found of {', '.join(PROGRAMS)}: install one, or give roles a `command`"
            )
        lines += [f"agent: {name}, by {place}" for name, place in list(seen.agents.items())[:20]]
        if len(seen.agents) > 20:
            lines.append(f"and {len(seen.agents) - 20} more agents")
        return lines

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The commands that come after."""
        return (
            f"plait check {PLAN} --crew {CREW}",
            f"plait run {PLAN} --crew {CREW} --dry-run",
            f"plait run {PLAN} --crew {CREW}",
        )

    def record(self, *, written: bool) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "written": [str(self.folder / PLAN), str(self.folder / CREW)] if written else [],
            "files": {PLAN: self.plan, CREW: self.crew},
            "languages": list(self.seen.languages),
            "verify": list(self.seen.verify),
            "setup": list(dict.fromkeys(self.seen.set_ups.values())),
            "programs": [
                {"name": program.name, "version": program.version, "trouble": program.trouble, "hint": program.hint}
                for program in self.programs
            ],
            "agents": dict(self.seen.agents),
            "next": list(self.next_steps),
        }

    def write(self, *, force: bool) -> None:
        """Write both files, or neither.

        Raises:
            CallError: one is there, and `force` is not; or they cannot be written.
        """
        places = {self.folder / PLAN: self.plan, self.folder / CREW: self.crew}
        there = [place.name for place in places if os.path.lexists(place)]
        if there and not force:
            raise CallError(
                f"there is {listed(there)} already in {self.folder}",
                "`--dry-run` shows what would be written, `--force` writes it; `plait new -o FILE` writes another plan",
            )
        try:
            for place, text in places.items():
                write_whole(place, text)  # in place of a link, and not through it
        except OSError as problem:
            raise CallError(f"cannot write {problem.filename or self.folder}: {problem.strerror}") from None


def first_steps(folder: Path, *, feature: str) -> FirstSteps:
    """Look at the commit that the repository around a folder is on, and at this machine.

    Raises:
        CallError: there is no repository, or it has no commit.
    """
    common = repository_around(folder)
    if not common:
        raise CallError(
            f"{folder} is in no git repository", "go into yours, or make one: `git init`, and a first commit"
        )
    base = base_around(folder, None)
    if base is None:
        raise CallError("the repository has no work tree to begin in", "go into a checkout of it")
    files, folders = root_files(GitRepository(Path(common)), base.commit)
    found = agents_around(Around(folder, plan_folder=folder), None)
    agents = {name: one_line(agent.place) for name, agent in found.agents.items()}
    own = {name: place for name, place in agents.items() if not place.startswith(f"{OF_THE_USER}/")}
    programs = tuple(_programs())
    whole = [program.name for program in programs if not program.trouble]
    rest = [program.name for program in programs if program.trouble]
    seen = Sighting(files, folders, tuple(PROGRAMS[name] for name in (*whole, *rest)), own)
    troubles = tuple(f"{one_line(problem.at(problem.file))}" for problem in found.repository_faults)
    return FirstSteps(folder, seen, programs, first_plan(seen, feature=feature), first_crew(seen), troubles)


def _programs() -> Iterable[ProgramSeen]:
    environment = agent_environment(extra={})
    for program in PROGRAMS:
        with suppress(PlaitError):
            path = find_program(program, Path("/"), environment)
            yield probe(str(path), with_own_keys(program, environment)) or ProgramSeen(program, "")
