"""Who does a task that names no role: the one whose words fit it best, with the reason in words.

A role's score depends on the task and on that role alone, so that what other roles there are, and in which order,
changes nothing between two of them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from plait.plans.language.crew import Role
from plait.plans.language.model import Plan, Task
from plait.plans.wording import listed, one_line

_CAPABILITY, _NAME, _DESCRIBED = 6, 5, 1
"""What a shared word counts: of a capability, of the role's name, of its description."""
_MOST_DESCRIBED = 4
"""Words of a description that count: a long one is no better than a short one."""
_RECORD = 2
"""What a record counts at most, either way: less than any capability."""
_SHOWN = 3

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a an and any are as at be by can code do each every fix for from has have in into is it its make new no not "
        "of on one or role so src task test that the them then there this to up use used uses using what when which "
        "who will add build create implement show update with work write you your agent expert specialist senior "
        "proactively",
    )
)

_LANGUAGES: Mapping[str, str] = {
    "py": "python backend",
    "go": "go golang backend",
    "rs": "rust backend",
    "java": "java backend",
    "kt": "kotlin mobile",
    "swift": "swift mobile",
    "rb": "ruby backend",
    "php": "php backend",
    "cs": "csharp backend",
    "c": "c",
    "h": "c",
    "cpp": "cpp",
    "ts": "typescript",
    "tsx": "typescript react frontend",
    "js": "javascript",
    "jsx": "javascript react frontend",
    "vue": "vue javascript frontend",
    "svelte": "svelte javascript frontend",
    "css": "css frontend",
    "scss": "css frontend",
    "html": "html frontend",
    "sql": "sql database",
    "md": "markdown docs writer",
    "rst": "docs writer",
    "tf": "terraform devops",
    "yml": "yaml",
    "yaml": "yaml",
    "sh": "shell devops",
    "dockerfile": "docker devops",
    "proto": "protobuf",
}
"""By a file's ending, what it is about."""

_FOLDERS: Mapping[str, str] = {
    "doc": "docs writer",
    "test": "qa",
    "web": "frontend",
    "ui": "frontend",
    "component": "frontend",
    "api": "backend",
    "server": "backend",
    "migration": "database sql",
    "schema": "database",
    "android": "mobile",
    "ios": "mobile",
    "infra": "devops",
    "deploy": "devops",
    "github": "devops ci",
    "auth": "security",
}
"""By the stem of a folder's name."""

_USUAL: Mapping[str, str] = {
    "architect": "architecture design contract interface adr",
    "backend": "server service endpoint api",
    "frontend": "page web browser css html react ui",
    "mobile": "android ios app swift kotlin",
    "database": "sql schema migration table index",
    "devops": "deploy pipeline ci docker terraform kubernetes",
    "security": "security vulnerability audit permission auth secret",
    "qa": "qa bug coverage regression e2e",
    "reviewer": "review",
    "writer": "docs documentation readme manual notes changelog",
}
"""What roles of these names are good at, as long as they say nothing of it themselves."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A role that a task could be given to."""

    name: str
    role: Role
    is_able: bool = True
    """Whether its agent program is there."""
    changes_files: bool = True
    """false: it has no tool that does."""
    succeeded: int = 0
    """Tasks of it in earlier runs that were finished and checked."""
    tried: int = 0
    """All of its tasks that came to an end."""
    origin: str = ""
    """The file that describes it, where one does."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who was chosen for a task, and why."""

    task: str
    role: str
    reason: str
    """What a person reads after the role's name: `capability react (owns web/**); done 9 of 10`."""

    def __str__(self) -> str:
        return f"{self.task} goes to {self.role}: {self.reason}"

    def record(self) -> dict[str, str]:
        """What `--json` prints."""
        return {"task": self.task, "role": self.role, "reason": self.reason}


def route_plan(
    plan: Plan, candidates: Sequence[Candidate], *, kept: Mapping[str, str] | None = None
) -> tuple[Plan, tuple[Route, ...]]:
    """The plan with a role for each task that has a prompt and names none; a role that is named is never another.

    Args:
        candidates: In the crew's order, which decides between equals; without any, nobody is chosen.
        kept: By task, who has begun it in an earlier run: a choice is made once.
    """
    routes = dict[str, Route]()
    names = {candidate.name for candidate in candidates}
    for task in plan.tasks if candidates else ():
        if task.role is None and task.is_for_agent:
            before = (kept or {}).get(task.id)
            if before in names:
                routes[task.id] = Route(task.id, str(before), "it has begun it in an earlier run")
            else:
                routes[task.id] = route(task, candidates)
    if not routes:
        return plan, ()
    tasks = [
        task.model_copy(update={"role": routes[task.id].role}) if task.id in routes else task for task in plan.tasks
    ]
    return plan.model_copy(update={"tasks": tuple(tasks)}), tuple(routes.values())


def route(task: Task, candidates: Sequence[Candidate]) -> Route:
    """Who of some fits a task best. Who has no agent program, or can change no file, is for want of others alone."""
    words = _words_of(task)
    fit = [candidate for candidate in candidates if candidate.changes_files or not task.changes_required]
    able = [candidate for candidate in fit or candidates if candidate.is_able]
    able = able or [candidate for candidate in candidates if candidate.is_able] or list(candidates)
    fits = [_Fit.of(candidate, words) for candidate in able]
    best = max(fits, key=lambda fit: fit.score)  # the first of equals
    return Route(task.id, best.candidate.name, best.reason(alone=len(able) == 1, equals=fits))


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well a role fits a task."""

    candidate: Candidate
    capabilities: tuple[str, ...]
    name: tuple[str, ...]
    described: tuple[str, ...]
    sources: Mapping[str, str]

    @classmethod
    def of(cls, candidate: Candidate, words: Mapping[str, str]) -> "_Fit":
        role = candidate.role
        capabilities = role.capabilities
        if not capabilities and not role.description:
            capabilities = tuple(_USUAL.get(candidate.name.casefold(), "").split())
        fitting = tuple(capability for capability in capabilities if _shared(capability, words))
        name = tuple(sorted(_shared(candidate.name, words)))
        counted = {stem for capability in fitting for stem in _stems(capability)} | {*name}
        described = tuple(sorted(_shared(role.description or "", words) - counted))
        return cls(candidate, fitting, name, described, words)

    @property
    def overlap(self) -> int:
        """By words alone."""
        whole = sum(_CAPABILITY * len(_shared(capability, self.sources)) for capability in self.capabilities)
        return whole + _NAME * len(self.name) + _DESCRIBED * min(len(self.described), _MOST_DESCRIBED)

    @property
    def score(self) -> Fraction:
        """Exact, so that the order in which it is added up says nothing. One try says little, and ten say more."""
        record = Fraction(self.candidate.succeeded + 1, self.candidate.tried + 2) - Fraction(1, 2)
        return self.overlap + 2 * _RECORD * record

    def reason(self, *, alone: bool, equals: Sequence["_Fit"]) -> str:
        """In words."""
        words = list[str]()
        if self.capabilities:
            noun = "capability" if len(self.capabilities) == 1 else "capabilities"
            words.append(f"{noun} {listed(map(_told, self.capabilities), _SHOWN)}{self._where(self.capabilities)}")
        if self.name:
            words.append(f"its name{self._where(self.name)}")
        if self.described:
            words.append(f"described with {listed(self.described, _SHOWN)}")
        if not words:
            words.append("the only one" if alone else self._for_want_of_words(equals))
        if self.candidate.tried:
            words.append(f"done {self.candidate.succeeded} of {self.candidate.tried} before")
        return "; ".join(words)

    def _where(self, phrases: Iterable[str]) -> str:
        """Where the task says so, where that is in its paths."""
        shared = sorted({stem for phrase in phrases for stem in _shared(phrase, self.sources)})
        paths = list(dict.fromkeys(self.sources[stem] for stem in shared if self.sources[stem]))
        return f" (owns {listed(paths, 2)})" if paths else ""

    def _for_want_of_words(self, equals: Sequence["_Fit"]) -> str:
        better = any(self.score > fit.score for fit in equals)
        return (
            "no words tell roles apart, its record does" if better else "no words tell roles apart, and it is the first"
        )


def _told(phrase: str) -> str:
    return one_line(phrase, 40)


def _words_of(task: Task) -> dict[str, str]:
    """The stems of a task's words, each with the pattern of `owns` that it comes from; empty where people wrote it."""
    words = dict[str, str]()
    for pattern in (*(task.owns or ()), *task.outputs):
        for stem in _path_stems(pattern):
            words.setdefault(stem, one_line(pattern, 60))
    said = [task.title or "", task.prompt or "", *task.tags]
    if task.complexity != "moderate":
        said.append(task.complexity)
    for text in said:
        words |= dict.fromkeys(_stems(text), "")
    return words


def _path_stems(pattern: str) -> Iterator[str]:
    yield from _stems(pattern)
    file = pattern.rstrip("/").rpartition("/")[2].casefold()
    ending = file.rpartition(".")[2] if "." in file else file
    yield from _stems(_LANGUAGES.get(ending, ""))
    for folder in _WORD.findall(pattern[:1_000]):
        yield from _stems(_FOLDERS.get(_stem(folder.casefold()), ""))


def _shared(phrase: str, words: Mapping[str, str]) -> frozenset[str]:
    return frozenset(stem for stem in _stems(phrase) if stem in words)


def _stems(text: str) -> frozenset[str]:
    """Words in small letters without what makes them plural; none that says nothing."""
    words = (match.casefold() for match in _WORD.findall(text[:20_000]))
    return frozenset(stem for word in words if word not in _STOP and len(stem := _stem(word)) > 1)


def _stem(word: str) -> str:
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", "")):
        if len(word) > 3 and word.endswith(ending):
            return word.removesuffix(ending) + rest
    return word
