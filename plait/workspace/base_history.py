"""What of a feature is on base, and by which commits it came there, as the history tells it: whoever has merged it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from plait.workspace.ancestry import commit_contents
from plait.workspace.control import Control
from plait.workspace.landed_work import landed_work
from plait.workspace.ref_landing import landed_batches

ONTO_BASE = "onto-base-"
"""How the mark of a landing on base begins; the rest is the commit that base was at."""

_NAMED = re.compile(r"^ *Plait-Feature: (.*?) *\r?$", re.MULTILINE)
_TIP = re.compile(r"^ *Plait-Tip: ([0-9a-f]{40}|[0-9a-f]{64}) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of base's own line of commits, as one step: what `newest` has and `before` has not."""

    before: str
    newest: str
    tips: tuple[str, ...] = ()
    """Tips of the feature branch that it was made of, where it says so or merges them."""


@dataclass(frozen=True, slots=True)
class OnBase:
    """What a feature has on base."""

    stretches: tuple[Stretch, ...] = ()
    """How it came there, the newest first; nothing where it has not landed, or has been undone since."""
    mixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commits of base's line that brought other features along with it, and those."""
    above: Mapping[str, int] = field(default_factory=dict)
    """By other feature, how many commits of its work came onto base after it."""
    undone: str | None = None
    """The newest commit that undid it, where nothing of it landed since."""


def on_base(control: Control, feature: str, *, base: str) -> OnBase:
    """Read it.

    Example: base is `m1`, then a merge of the feature, then somebody's `m2`, then a merge of another feature. The
    feature's one stretch is from `m1` to its merge, and the other one is above it.

    Args:
        base: The commit that base is at.

    Raises:
        GitFailed: a commit is missing.
    """
    work = landed_work(control, feature, tip=None, base=base)
    claims = {claim.commit for of in work.claims.values() for claim in of}
    if not claims:
        return OnBase(undone=next(iter(work.ended), None))
    line = _read_line(control, base, claims, without=work.ended)
    wanted = {step for step in line.steps if feature in line.features.get(step, ())} | claims.intersection(line.steps)
    ours = wanted | _recorded(control, feature, line, wanted)
    mixed = {step: others for step in wanted if (others := line.others(step, feature))}
    stretches = _stretches(control, line, ours)
    first = min((line.steps.index(step) for step in ours), default=0)
    above: dict[str, int] = {}
    for step in line.steps[first:]:
        if step not in ours:
            for other, number in line.features.get(step, {}).items():
                above[other] = above.get(other, 0) + number
    above.pop(feature, None)
    return OnBase(stretches, mixed, above)


def tips_named(control: Control, commits: Iterable[str]) -> frozenset[str]:
    """The tips of feature branches that these commits say they are made of."""
    contents = commit_contents(control.store, dict.fromkeys(commits))
    return frozenset(tip for content in contents.values() for tip in _TIP.findall(content))


@dataclass(frozen=True, slots=True)
class _Line:
    """Base's own line of commits, the oldest first, from where the feature's first work came."""

    steps: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    features: Mapping[str, Mapping[str, int]]
    """By step, how many commits that it brought are whose."""

    def others(self, step: str, feature: str) -> tuple[str, ...]:
        return tuple(other for other in self.features.get(step, {}) if other != feature)


def _read_line(control: Control, base: str, claims: Iterable[str], *, without: Iterable[str]) -> _Line:
    """Read base's line, and what each commit of it brought, back to before the first of these commits.

    `without`: commits whose history counts for nothing.
    """
    store, wanted = control.store, tuple(claims)
    before = [f"{commit}^@" for commit in wanted]
    older = store.ask("rev-parse", *before).text.split() if before else []
    fork = store.run("merge-base", "--octopus", base, *older).text if older else ""
    revisions = "".join(
        f"{revision}\n" for revision in (base, *(f"^{end}" for end in (*([fork] if fork else ()), *without)))
    )
    listed = store.ask("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=revisions.encode())
    parents = {words[0]: tuple(words[1:]) for words in map(str.split, listed.lines)}
    steps = store.ask("rev-list", "--first-parent", "--reverse", "--stdin", stdin=revisions.encode()).text.split()
    named = store.ask("rev-list", "-E", "--grep=^ *Plait-Feature: ", "--stdin", stdin=revisions.encode()).text.split()
    contents = commit_contents(store, named)
    features: dict[str, dict[str, int]] = {}
    seen: set[str] = set()
    for step in steps:
        for commit in _brought(step, parents, seen):
            for name in _NAMED.findall(contents.get(commit, "").partition("\n\n")[2]):
                counts = features.setdefault(step, {})
                counts[name] = counts.get(name, 0) + 1
    return _Line(tuple(steps), parents, features)


def _brought(step: str, parents: Mapping[str, tuple[str, ...]], seen: set[str]) -> list[str]:
    """The commits that a step of the line has and the steps before have not."""
    waiting, brought = [step], list[str]()
    while waiting:
        commit = waiting.pop()
        if commit in parents and commit not in seen:
            seen.add(commit)
            brought.append(commit)
            waiting += parents[commit]
    return brought


def _recorded(control: Control, feature: str, line: _Line, wanted: set[str]) -> set[str]:
    """Steps that plait itself put onto base in one move with some of these: a person's commits among them."""
    recorded: set[str] = set()
    for mark, new in landed_batches(control, feature).items():
        old = mark.removeprefix(ONTO_BASE) if mark.startswith(ONTO_BASE) else ""
        if old and new in line.steps:
            end = line.steps.index(new) + 1
            start = line.steps.index(old) + 1 if old in line.steps else 0
            if start or line.parents[line.steps[0]][:1] == (old,):
                moved = line.steps[start:end]
                recorded |= set(moved) if wanted.intersection(moved) else set()
    return recorded


def _stretches(control: Control, line: _Line, ours: set[str]) -> tuple[Stretch, ...]:
    """The steps that lie beside each other, as one each; the newest first."""
    stretches: list[list[str]] = []
    for place, step in enumerate(line.steps):
        if step not in ours:
            continue
        if stretches and place and line.steps[place - 1] == stretches[-1][-1]:
            stretches[-1].append(step)
        else:
            stretches.append([step])
    contents = commit_contents(control.store, ours)
    made = []
    for steps in reversed(stretches):
        before = line.parents[steps[0]][:1] or tuple(control.store.ask("rev-parse", f"{steps[0]}^@").text.split()[:1])
        if before:
            tips = [tip for step in steps for tip in (*_TIP.findall(contents[step]), *line.parents[step][1:])]
            made.append(Stretch(before[0], steps[-1], tuple(dict.fromkeys(tips))))
    return tuple(made)
