"""Which of all the agent files around a plan is meant by a name: the nearest; two that are equally near are nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from plait.plans.errors import PlanError, Problem
from plait.plans.specs.agent_files import CODE, AgentFile, Origin, read_agent_file
from plait.plans.wording import one_line

OF_THE_USER = "~"
"""The folder of files that lie in the user's home."""


@dataclass(frozen=True, slots=True)
class AgentText:
    """A file below a `.claude/agents`."""

    place: str
    """As people know it: `packages/web/.claude/agents/reviewer.md`, `~/.claude/agents/reviewer.md`."""
    folder: str
    """What holds the `.claude`: `packages/web`, nothing for the repository's top, `~` for the user's home."""
    content: bytes = b""
    trouble: str = ""
    """Why its content was not looked at."""

    @property
    def origin(self) -> Origin:
        return "user" if self.folder == OF_THE_USER else "repository"

    @property
    def stem(self) -> str:
        """The name that it most likely has, where it cannot be read."""
        return self.place.rpartition("/")[2].removesuffix(".md")


@dataclass(frozen=True, slots=True)
class FoundAgents:
    """The agents that files describe, by the names that plans may use."""

    agents: Mapping[str, AgentFile] = field(default_factory=dict)
    faults: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By name, why it stands for nobody."""
    hidden: tuple[str, ...] = ()
    """Files that are agents, and that a nearer one of the same name hides."""
    passed_over: tuple[str, ...] = ()
    """Files that are no agents, for want of a front matter."""
    told: tuple[str, ...] = ()
    """What was not looked at, in sentences."""

    @property
    def repository_faults(self) -> tuple[Problem, ...]:
        """Those of files that everybody has who has the repository."""
        return tuple(
            problem
            for problems in self.faults.values()
            for problem in problems
            if not problem.file.startswith(f"{OF_THE_USER}/")
        )


NOBODY = FoundAgents()


def gather(texts: Iterable[AgentText], *, near: str = "", told: tuple[str, ...] = ()) -> FoundAgents:
    """Read all files, and say for each name which counts.

    The nearest is that of the plan's own folder, then of those above it, the repository's top last; then of any other
    folder of the repository; then the user's.

    Args:
        near: The plan's folder, from the repository's top; nothing for the top.
    """
    ranked = dict[str, list[tuple[tuple[int, int], AgentFile | tuple[Problem, ...], str]]]()
    passed_over = list[str]()
    for text in sorted(texts, key=lambda text: text.place):
        rank = _rank(text.folder, near)
        try:
            agent = _read(text)
        except PlanError as mistakes:
            problems = tuple(replace(problem, file=text.place, code=CODE) for problem in mistakes.problems)
            ranked.setdefault(text.stem, []).append((rank, problems, text.place))
            continue
        if agent is None:
            passed_over.append(text.place)
        else:
            ranked.setdefault(agent.name, []).append((rank, agent, text.place))
    agents, faults, hidden = dict[str, AgentFile](), dict[str, tuple[Problem, ...]](), list[str]()
    for name, candidates in sorted(ranked.items()):
        best = min(rank for rank, _, _ in candidates)
        nearest = [candidate for rank, candidate, _ in candidates if rank == best]
        whole = [candidate for candidate in nearest if isinstance(candidate, AgentFile)]
        broken = tuple(problem for candidate in nearest if isinstance(candidate, tuple) for problem in candidate)
        hidden += [place for rank, candidate, place in candidates if rank > best and isinstance(candidate, AgentFile)]
        if broken or len(whole) > 1:
            faults[name] = (*broken, *_clash(name, whole))
        else:
            agents[name] = whole[0]
    return FoundAgents(agents, faults, tuple(sorted(hidden)), tuple(passed_over), told)


def _read(text: AgentText) -> AgentFile | None:
    if text.trouble:
        raise PlanError(text.place, (Problem(text.trouble),))
    return read_agent_file(text.content, place=text.place, origin=text.origin)


def _rank(folder: str, near: str) -> tuple[int, int]:
    if folder == OF_THE_USER:
        return 2, 0
    inside = folder == "" or near == folder or near.startswith(f"{folder}/")
    steps = len([step for step in near.split("/") if step]) - len([step for step in folder.split("/") if step])
    return (0, steps) if inside else (1, 0)


def _clash(name: str, agents: list[AgentFile]) -> tuple[Problem, ...]:
    """The second of two says where the first is."""
    if len(agents) < 2:
        return ()
    first = agents[0]
    where = f"{one_line(first.place)}:{first.line}"
    return tuple(
        Problem(
            f"there are two agents called {name}: the other is in {where}",
            agent.line,
            1,
            hint="rename one of them",
            file=agent.place,
            code=CODE,
        )
        for agent in agents[1:]
    )
