"""A batch as a chain of merges on the feature's tip; what does not merge is left out and explained."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from plait.plans.merging.path_rules import FileRule, rule_for
from plait.plans.tasks.outcomes import Held
from plait.workspace.commit_objects import write_commit
from plait.workspace.commit_style import PLAIN, CommitStyle
from plait.workspace.errors import GitFailed, NoCommonHistory
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, Merged, SettledPath, merge, merge_attributes, settled_lines
from plait.workspace.remaking import Remade
from plait.workspace.settling import Settler
from plait.workspace.trailers import merge_message


@dataclass(frozen=True, slots=True)
class Branch:
    """A finished task's work that wants to be merged."""

    task: str
    tip: str
    """The commit, pinned: what is pushed to the branch later belongs to the next batch."""
    needs: tuple[str, ...] = ()
    """Ids of tasks whose branches must be merged before; those that are not in the batch do not matter."""
    title: str = ""
    ref: str = ""
    """The full name of the branch, for the commit's message."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One branch merged onto what came before it."""

    task: str
    commit: str
    tree: str
    settled: tuple[SettledPath, ...] = ()
    """Its files that conflicted, and what settled them."""


@dataclass(frozen=True, slots=True)
class ChainConflict:
    """A branch that does not merge, and the accepted branch that it does not go together with."""

    task: str
    partner: str | None
    """Nothing when it conflicts with the base alone."""
    conflict: Conflict

    @property
    def paths(self) -> tuple[str, ...]:
        return self.conflict.names

    @property
    def messages(self) -> tuple[str, ...]:
        return self.conflict.messages


@dataclass(frozen=True, slots=True)
class Chain:
    """What a batch merges to, and what it leaves out."""

    base: str
    links: tuple[ChainLink, ...]
    conflicts: tuple[ChainConflict, ...]
    held: tuple[Held, ...]
    """Branches that need one that is left out, declared or because they contain its commits."""
    skipped: tuple[str, ...]
    """Tasks whose commit the base or an earlier link already contains: they have landed, or land with this chain."""
    tip: str
    tree: str


@dataclass(slots=True)
class ChainBuilder:
    """Builds chains of one batch; what two chains have in common is merged once. For one thread."""

    repository: GitRepository
    base: str
    batch: str = field(kw_only=True)
    date: str = field(kw_only=True)
    """Of all merge commits, as git writes it: equal branches give equal commits."""
    fold_case: bool = field(default=False, kw_only=True)
    """Whether names that differ only in case are one file, as `merge` takes it."""
    settler: Settler | None = field(default=None, kw_only=True)
    """Asked about each conflict before it is one."""
    style: CommitStyle = field(default=PLAIN, kw_only=True)
    """Of all merge commits."""
    remake: Callable[[str, Sequence[SettledPath]], Remade] | None = field(default=None, kw_only=True)
    """Makes anew on the tip's tree what rules leave to commands; without it they are conflicts."""
    _refused: frozenset[FileRule] = field(default=frozenset(), init=False)
    """Rules whose command failed on the chain that is being built."""
    _merges: dict[tuple[str, str, frozenset[FileRule]], Merged | Conflict] = field(default_factory=dict, init=False)
    _commits: dict[tuple[str, str, frozenset[FileRule]], ChainLink] = field(default_factory=dict, init=False)
    _attributes: bytes = field(default=b"", init=False)
    _tips: frozenset[str] = field(default=frozenset(), init=False)
    _inside: dict[frozenset[str], dict[str, frozenset[str]]] = field(default_factory=dict, init=False)

    def complete(self, branches: Sequence[Branch]) -> tuple[Branch, ...]:
        """The branches, each also needing those whose commits it contains: what a search of subsets has to respect.

        Raises:
            GitFailed: a commit is missing.
        """
        return imply_needs(branches, self._contained(branches))

    def build(self, branches: Sequence[Branch]) -> Chain:
        """Merge the branches onto the base in the order given.

        A subset has to hold what its branches contain (`complete`), or it is merged under another's name. What rules
        leave to commands is made anew on the tip, in its commit; where a command fails, its files are in conflict.

        Raises:
            GitFailed: git could not tell, which says nothing about any branch.
        """
        problems: dict[FileRule, str] = {}
        while True:
            self._refused = frozenset(problems)
            chain = self._build(branches)
            settled = [done for link in chain.links for done in link.settled]
            waiting = next((done.remake for done in settled if done.remake), None)
            if waiting is None:
                return _explained(chain, problems)
            if self.remake is None:
                problems[waiting] = "nobody makes it anew here"
                continue
            remade = self.remake(chain.tree, settled)
            if remade.failed is None:
                return _explained(self._with_tip(chain, branches, remade.tree), problems)
            problems[remade.failed] = remade.problem

    def conflicts_of(self, branches: Sequence[Branch]) -> tuple[ChainConflict, ...]:
        """The conflicts of a chain that is not going to land: what commands make anew is taken to go well."""
        self._refused = frozenset()
        return self._build(branches).conflicts

    def _with_tip(self, chain: Chain, branches: Sequence[Branch], tree: str) -> Chain:
        """The chain with another tree in its last commit, which says so."""
        last, before = chain.links[-1], chain.links[-2].commit if len(chain.links) > 1 else chain.base
        branch = next(branch for branch in branches if branch.task == last.task)
        made = [done for link in chain.links for done in link.settled if done.remake]
        settled = [*(done for done in last.settled if not done.remake), *made]
        commit = self._commit(tree, before, branch, settled)
        tip = replace(last, commit=commit, tree=tree)
        return replace(chain, links=(*chain.links[:-1], tip), tip=commit, tree=tree)

    def _build(self, branches: Sequence[Branch]) -> Chain:
        inside = self._contained(branches)
        links: list[ChainLink] = []
        conflicts: list[ChainConflict] = []
        held: list[Held] = []
        skipped: list[str] = []
        accepted: list[Branch] = []
        left_out: set[str] = set()
        for branch in imply_needs(branches, inside):
            tip = links[-1].commit if links else self.base
            needed = next((need for need in branch.needs if need in left_out), None)
            if needed is not None:
                held.append(Held(task=branch.task, by=needed))
                left_out.add(branch.task)
            elif branch.tip not in inside or any(branch.tip in inside[other.tip] for other in accepted):
                skipped.append(branch.task)
            elif isinstance(conflict := self._merge(tip, branch.tip), Conflict):
                conflicts.append(ChainConflict(branch.task, self._partner(branch, links), conflict))
                left_out.add(branch.task)
            else:
                links.append(self._link(tip, branch))
                accepted.append(branch)
        tip = links[-1].commit if links else self.base
        tree = links[-1].tree if links else self.repository.tree_of(self.base)
        return Chain(self.base, tuple(links), tuple(conflicts), tuple(held), tuple(skipped), tip, tree)

    def _contained(self, branches: Sequence[Branch]) -> dict[str, frozenset[str]]:
        tips = frozenset(branch.tip for branch in branches)
        if not tips <= self._tips:
            self._tips |= tips
            self._attributes = merge_attributes(self.repository, self.base, *sorted(self._tips))
        if tips not in self._inside:
            self._inside[tips] = contained_tips(self.repository, self.base, tips)
        return self._inside[tips]

    def _merge(self, ours: str, theirs: str) -> Merged | Conflict:
        key = (ours, theirs, self._refused)
        if key not in self._merges:
            self._merges[key] = self._merged(ours, theirs)
        return self._merges[key]

    def _merged(self, ours: str, theirs: str) -> Merged | Conflict:
        settler = replace(self.settler, refused=self._refused) if self.settler else None
        try:
            return merge(
                self.repository,
                ours,
                theirs,
                attributes=self._attributes,
                fold_case=self.fold_case,
                settle=settler.settle if settler else None,
            )
        except NoCommonHistory:  # the one thing git cannot do that is a branch's own fault, so the others go on
            text = f"{theirs} and {ours} have no history in common: they cannot be merged"
            return Conflict(ours, theirs, self.repository.tree_of(ours), (), (text,), unrelated=True)

    def _link(self, tip: str, branch: Branch) -> ChainLink:
        key = (tip, branch.tip, self._refused)
        if key not in self._commits:
            merged = self._merge(tip, branch.tip)
            settled = merged.settled if isinstance(merged, Merged) else ()
            commit = self._commit(merged.tree, tip, branch, settled)
            self._commits[key] = ChainLink(branch.task, commit, merged.tree, settled)
        return self._commits[key]

    def _commit(self, tree: str, onto: str, branch: Branch, settled: Sequence[SettledPath]) -> str:
        message = _merge_message(branch, self.batch, settled, self.style)
        parents = (onto, branch.tip)
        return write_commit(self.repository, tree, parents, message, date=self.date, author=self.style.author)

    def _partner(self, branch: Branch, links: Sequence[ChainLink]) -> str | None:
        """The link from which on this branch conflicts: clean on the chain before it, a conflict with it.

        Never the two branches by themselves: their common ancestor may be older than the base, and a stale branch would
        "conflict" with everybody.
        """
        tips = (self.base, *(link.commit for link in links))
        if isinstance(self._merge(self.base, branch.tip), Conflict):
            return None
        clean, conflicting = 0, len(links)
        while conflicting - clean > 1:
            middle = (clean + conflicting) // 2
            if isinstance(self._merge(tips[middle], branch.tip), Conflict):
                conflicting = middle
            else:
                clean = middle
        return links[conflicting - 1].task


def _explained(chain: Chain, problems: Mapping[FileRule, str]) -> Chain:
    """The chain, its conflicts with the reason why a command could not settle them."""
    if not problems or not chain.conflicts:
        return chain
    conflicts = []
    for clash in chain.conflicts:
        why = [text for rule, text in problems.items() if any(rule_for(path, (rule,)) for path in clash.paths)]
        conflict = replace(clash.conflict, messages=(*clash.conflict.messages, *why))
        conflicts.append(replace(clash, conflict=conflict))
    return replace(chain, conflicts=tuple(conflicts))


def contained_tips(repository: GitRepository, base: str, tips: Iterable[str]) -> dict[str, frozenset[str]]:
    """For each tip that `base` does not contain yet: the tips (itself among them) that it contains and base does not.

    Raises:
        GitFailed: a commit is missing, or is none.
    """
    wanted = set(tips)
    revisions = "".join(f"{revision}\n" for revision in (f"^{base}", *sorted(wanted)))
    graph = repository.ask("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=revisions.encode())
    inside: dict[str, frozenset[str]] = {}
    for line in graph.text.splitlines():
        commit, *parents = line.split(" ")
        own = frozenset({commit} & wanted)
        inside[commit] = own.union(*(inside.get(parent, frozenset()) for parent in parents))
    _require_commits(repository, sorted(wanted - inside.keys()))
    return {tip: inside[tip] for tip in sorted(wanted) if tip in inside}


def _require_commits(repository: GitRepository, tips: Sequence[str]) -> None:
    """rev-list passes over trees and tags in silence: what it does not list would count as contained, so as landed."""
    if not tips:
        return
    kinds = repository.ask("cat-file", "--batch-check=%(objecttype)", stdin="\n".join(tips).encode() + b"\n").lines
    odd = next((tip for tip, kind in zip(tips, kinds, strict=True) if kind != "commit"), None)
    if odd is not None:
        raise GitFailed("rev-list", 128, f"{odd} is no commit")


def imply_needs(branches: Sequence[Branch], inside: Mapping[str, frozenset[str]]) -> tuple[Branch, ...]:
    """The branches, each also needing those whose commits it contains; of equal tips the later needs the earlier.

    Args:
        inside: What `contained_tips` gave for the branches' tips.
    """
    completed = []
    for position, branch in enumerate(branches):
        contained = inside.get(branch.tip, frozenset())
        implied = [
            other.task
            for place, other in enumerate(branches)
            if other.tip in contained and (other.tip != branch.tip or place < position)
        ]
        completed.append(replace(branch, needs=tuple(dict.fromkeys((*branch.needs, *implied)))))
    return tuple(completed)


def wrap(
    repository: GitRepository,
    chain: Chain,
    branches: Sequence[Branch] = (),
    *,
    batch: str,
    date: str,
    trailers: Mapping[str, str] | None = None,
    reservations: Mapping[str, str] | None = None,
    style: CommitStyle = PLAIN,
) -> str:
    """The commit to land: its first parent is the old tip, so that `git log --first-parent` holds tested states only.

    A chain of one link already is that commit, and a chain of none is the base; where there is a reservation, the one
    link is written once more, with it.

    Args:
        branches: Those of the batch, for the list in the message.
        trailers: Further lines for the end of the message, such as `{"Batch-Test-Run": "…"}`.
        reservations: Such that must not be left out.
    """
    if len(chain.links) < 2:
        if not (chain.links and reservations):
            return chain.tip
        return _with_lines(repository, chain, reservations, date=date, style=style)
    merged = {link.task for link in chain.links}
    members = [branch for branch in branches if branch.task in merged] or [
        Branch(link.task, link.commit) for link in chain.links
    ]
    listing = [f"- {branch.task}: {branch.title}" if branch.title else f"- {branch.task}" for branch in members]
    lines = {"Batch-Id": batch, "Batch-Base": chain.base, "Batch-Tested-Tree": chain.tree}
    lines |= {**(trailers or {}), **(reservations or {})}
    subject = f"Merge {len(chain.links)} branches of {batch}"
    tail = [*lines.items(), *(("Batch-Branch", _named(branch)) for branch in members if branch.ref)]
    tail += settled_lines([done for link in chain.links for done in link.settled])
    message = merge_message(subject, listing, [*tail, *style.trailers.items()])
    return write_commit(repository, chain.tree, (chain.base, chain.tip), message, date=date, author=style.author)


def _with_lines(
    repository: GitRepository, chain: Chain, lines: Mapping[str, str], *, date: str, style: CommitStyle
) -> str:
    """The tip of a chain once more, with these lines at the end of its message."""
    parents = tuple(repository.ask("rev-parse", f"{chain.tip}^@").text.split())
    message = repository.ask("log", "-1", "--format=%B", chain.tip).text.rstrip("\n")
    more = "".join(f"{name}: {value}\n" for name, value in lines.items())
    return write_commit(repository, chain.tree, parents, f"{message}\n{more}", date=date, author=style.author)


def _merge_message(branch: Branch, batch: str, settled: Sequence[SettledPath], style: CommitStyle) -> str:
    subject = f"Merge {branch.task}: {branch.title}" if branch.title else f"Merge {branch.task}"
    lines = (("Batch-Id", batch), ("Task-Id", branch.task), ("Batch-Branch", _named(branch)))
    return merge_message(subject, (), (*lines, *settled_lines(settled), *style.trailers.items()))


def _named(branch: Branch) -> str:
    """The branch as a quoted name, because names may hold almost anything, and the commit that was merged."""
    return f"{json.dumps(branch.ref or branch.task, ensure_ascii=False)} {branch.tip}"
