"""What has landed, as history tells it: also after squashes, moves and deleted branches."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from plait.plans.tasks.bundling import members_said
from plait.workspace.ancestry import commit_contents
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository
from plait.workspace.ref_landing import landed_batches, void_landings
from plait.workspace.small_files import read_json_object, write_whole
from plait.workspace.trailers import named_works, works_in

_LINE = "^ *Plait-(Task|Undone): "
_UNDONE = re.compile(r"^ *Plait-Undone: (.*?) *$", re.MULTILINE)
_TIP = re.compile(r"^ *Plait-Tip: ([0-9a-f]{40}|[0-9a-f]{64}) *$", re.MULTILINE)
_MOST_PATCHES = 300
"""How many commits of base are compared by patch: the newest since the feature began."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A commit that says that it holds a task's work."""

    task: str
    commit: str
    trailers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LandedWork:
    """What of a feature is in the histories of its branch and of base."""

    claims: Mapping[str, tuple[Claim, ...]]
    """By task, or member of a bundle, the newest claim of each history."""
    ended: tuple[str, ...] = ()
    """Commits that end all that they contain: an undo, the tips that it names, and what `--fresh` started over from."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """By task whose work plait has landed, and which no history claims any more, the commit that was landed last."""

    @property
    def commits(self) -> tuple[str, ...]:
        """Those that hold anything."""
        return tuple(dict.fromkeys(claim.commit for of in self.claims.values() for claim in of))


def landed_work(control: Control, feature: str, *, tip: str | None, base: str, fresh: str | None = None) -> LandedWork:
    """Read what the feature branch and base say of a feature's tasks.

    Example: A and B landed and were squashed into main, and all branches are gone. The squash's message still has
    their trailers, indented as git does it: both are claimed by that commit. Had somebody written another message, it
    would be known by its patch.

    Args:
        tip: Of the feature branch, where there is one.
        base: Of the base branch as it is now, not where the feature began.
        fresh: The commit that `--fresh` started over from.

    Raises:
        GitFailed: a commit is missing.
    """
    on_base = _commits_of_plait(control, base)
    on_tip = _scan(control.store, tip, f"^{base}") if tip else ()
    contents = commit_contents(control.store, (*on_tip, *on_base))
    ends = (*_undone(control.store, feature, contents), *((fresh,) if fresh else ()))
    void = _void(control.store, contents, ends)
    histories = [_newest(feature, commits, contents, void) for commits in (on_tip, on_base)]
    seen = tuple(filter(None, (tip, base)))
    gone = _gone(control, feature, seen)
    histories.append(_squashed(control, feature, gone, base=base, ends=ends))
    claims: dict[str, tuple[Claim, ...]] = {}
    for history in histories:
        for task, claim in history.items():
            claims[task] = (*claims.get(task, ()), claim)
    lost = {task: mark for task, mark in _lost(control, feature, gone, seen).items() if task not in claims}
    return LandedWork(claims, ends, lost)


def undone_by(control: Control, feature: str, tip: str, *, base: str) -> str | None:
    """The newest commit of base that has taken back all that a feature branch holds; nothing where none has.

    Example: the feature was squashed onto base, and `plait undo` took that back, naming the tip that it was made of:
    whatever is on the feature branch up to there is void.

    Raises:
        GitFailed: a commit is missing.
    """
    contents = commit_contents(control.store, _commits_of_plait(control, base))
    for commit, content in contents.items():
        ends = _undone(control.store, feature, {commit: content})
        if ends and _void(control.store, [tip], ends):
            return commit
    return None


def _undone(store: GitRepository, feature: str, contents: Mapping[str, str]) -> tuple[str, ...]:
    """The commits that undo a feature, and the tips of it that they name: a squash does not contain what it was."""
    undone = {commit: content for commit, content in contents.items() if feature in _UNDONE.findall(content)}
    tips = dict.fromkeys(tip for content in undone.values() for tip in _TIP.findall(content))
    return (*undone, *(tip for tip in store.present(tips) if store.resolve(tip) == tip)) if undone else ()


def spoken_for(control: Control, feature: str, tip: str, *, without: Iterable[str]) -> tuple[str, ...]:
    """The commits of a branch that say that they hold work of a feature, or undo it, whoever seems to have made them.

    Where they land, everybody is believed: a squash is made by a person, and has nothing but its message.

    Args:
        without: Commits whose history is not the branch's own. What the feature has landed once is not either.

    Raises:
        GitFailed: a commit is missing.
    """
    landed = control.store.present(landed_batches(control, feature).values())
    commits = _scan(control.store, tip, *(f"^{commit}" for commit in (*without, *landed)))
    contents = commit_contents(control.store, commits)
    return tuple(commit for commit, content in contents.items() if _speaks_of(feature, content))


def _speaks_of(feature: str, content: str) -> bool:
    """Also where the feature is not named: in a squash the line before it may do that."""
    works = works_in(content.partition("\n\n")[2])
    return feature in _UNDONE.findall(content) or any(work.get("Plait-Feature", feature) == feature for work in works)


def _newest(
    feature: str, commits: Iterable[str], contents: Mapping[str, str], void: frozenset[str] = frozenset()
) -> dict[str, Claim]:
    """By task the first claim among commits that are given from the newest on."""
    newest: dict[str, Claim] = {}
    for commit in commits:
        for claim in _claims(feature, commit, contents[commit]) if commit not in void else ():
            newest.setdefault(claim.task, claim)
    return newest


def _claims(feature: str, commit: str, content: str) -> Iterator[Claim]:
    for trailers in named_works(content):
        if trailers.get("Plait-Feature") == feature and "Plait-Task" in trailers:
            for task in (trailers["Plait-Task"], *members_said(trailers.get("Plait-Members", ""))):
                yield Claim(task, commit, trailers)


def _void(store: GitRepository, commits: Iterable[str], ends: Iterable[str]) -> frozenset[str]:
    """Those of some commits that one of `ends` contains."""
    listed = tuple(commits)
    return frozenset(listed) - store.outside(listed, *ends)


def _commits_of_plait(control: Control, tip: str) -> tuple[str, ...]:
    """The commits of a history that name plait's work, the newest first; what was read before is remembered."""
    memory = control.directory / "plait-commits.json"
    known: tuple[str, ...] = ()
    before = ""
    with suppress(OSError, ValueError, KeyError, TypeError, GitFailed):
        kept = read_json_object(memory)
        if kept["tip"] == tip:
            return tuple(map(str, kept["commits"]))
        if control.store.is_ancestor(str(kept["tip"]), tip):
            before, known = str(kept["tip"]), tuple(map(str, kept["commits"]))
    commits = (*_scan(control.store, tip, *((f"^{before}",) if before else ())), *known)
    with suppress(OSError):  # it is read again then
        write_whole(memory, json.dumps({"tip": tip, "commits": commits}))
    return commits


def _scan(store: GitRepository, *revisions: str) -> tuple[str, ...]:
    named = store.ask("rev-list", "--topo-order", "-E", f"--grep={_LINE}", "--stdin", stdin=_lines(*revisions))
    return tuple(named.text.split())


def _gone(control: Control, feature: str, seen: tuple[str, ...]) -> tuple[str, ...]:
    """What landed once and is in no history any more; of commits that contain one another the newest."""
    store = control.store
    marks = store.present(dict.fromkeys(landed_batches(control, feature).values()))
    gone = frozenset[str]()
    with suppress(GitFailed):  # what landed once may have been collected since
        gone = store.outside(marks, *seen)
    left = [mark for mark in marks if mark in gone]
    return tuple(store.ask("merge-base", "--independent", *left).text.split()) if left else ()


def _lost(control: Control, feature: str, gone: tuple[str, ...], seen: tuple[str, ...]) -> dict[str, str]:
    """By task, what had landed with its work; not what was begun anew or undone before it was gone."""
    void = void_landings(control, feature) if gone else frozenset[str]()
    others = tuple(f"^{commit}" for commit in (*seen, *control.store.present(void)))
    lost: dict[str, str] = {}
    for mark in gone:
        commits = _scan(control.store, mark, *others)
        contents = commit_contents(control.store, commits)
        undone = [commit for commit, content in contents.items() if feature in _UNDONE.findall(content)]
        claimed = _newest(feature, commits, contents, _void(control.store, commits, undone) if undone else frozenset())
        lost = {**dict.fromkeys(claimed, mark), **lost}
    return lost


def _squashed(
    control: Control, feature: str, gone: tuple[str, ...], *, base: str, ends: tuple[str, ...]
) -> dict[str, Claim]:
    """What landed once and is in no history, where one commit of base has the same patch as all of it."""
    store = control.store
    for mark in gone:
        forked = store.run("merge-base", mark, base).text
        own = _patches(store, [(forked, mark)]) if forked else {}
        limit = f"--max-count={_MOST_PATCHES}"
        since = (
            store.ask("rev-list", "--first-parent", "--no-merges", limit, base, f"^{forked}").text.split()
            if own
            else ()
        )
        patches = _patches(store, [(f"{commit}^1", commit) for commit in since])
        squash = patches.get(next(iter(own), ""))
        if squash and not _void(store, [squash], ends):
            commits = _scan(store, mark, f"^{forked}")
            claimed = _newest(feature, commits, commit_contents(store, commits))
            return {task: Claim(task, squash, claim.trailers) for task, claim in claimed.items()}
    return {}


def _lines(*revisions: str) -> bytes:
    return "".join(f"{revision}\n" for revision in revisions).encode()


def _patches(store: GitRepository, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The newer commits of some pairs, by what `git patch-id` makes of the change between the two."""
    patches: dict[str, str] = {}
    for older, newer in pairs:
        change = store.run(
            "diff-tree", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", older, newer
        )
        said = store.ask("patch-id", "--stable", stdin=change.stdout).text.split()
        if change.status == 0 and said:
            patches.setdefault(said[0], newer)
    return patches
