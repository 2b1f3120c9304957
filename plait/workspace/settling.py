"""Settling a conflicted merge path by path, before anybody is asked: by rules, structure, programs of this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plait.plans.merging.path_rules import FileRule, rule_for
from plait.plans.merging.soundness import has_new_markers, is_broken
from plait.plans.merging.structural import settle_structurally
from plait.plans.merging.unions import union_by_key, union_of_lines
from plait.workspace.git import GitRepository
from plait.workspace.merge_programs import MergePrograms
from plait.workspace.merging import Conflict, ConflictPath, Merged, SettledPath, Stage, merge, merge_attributes
from plait.workspace.trees import REGULAR, blobs, entries_of, is_mergeable_text, tree_with, write_blob

LARGEST = 4 * 1024 * 1024
"""Bytes of one version, above which a file is settled by `ours` and `theirs` alone."""
_DEEPEST = 2
"""How often a common ancestor may itself be a merge that has to be settled."""
_SCRATCH_DATE = "1700000000 +0000"
_LINK = "120000"

_Entry = tuple[str, str]
"""Mode and object."""


@dataclass(frozen=True, slots=True)
class Settler:
    """What a plan says about conflicts; equal conflicts are settled alike."""

    rules: tuple[FileRule, ...] = ()
    structure: bool = True
    refused: frozenset[FileRule] = frozenset()
    """Rules whose command failed: their files stay in conflict."""
    programs: MergePrograms = field(default_factory=MergePrograms)
    """Of this machine, for what structure leaves; none where structure is off."""

    def settle(
        self, repository: GitRepository, conflict: Conflict, attributes: bytes, depth: int = 0
    ) -> Merged | Conflict:
        """A clean merge where every path could be settled; else a conflict in those that are left, the others settled.

        What has to be made anew by a command holds ours until then; where another path is left it stays in conflict,
        for the command would meet files with markers.

        Args:
            attributes: What `merge_attributes` gave, with its unions: `conflict` came about without them.

        Raises:
            GitFailed: an object is missing.
        """
        work = _Work(repository, conflict, attributes, depth, self)
        settled = {path.path: done for path in conflict.paths if (done := work.settled(path))}
        complete = len(settled) == len(conflict.paths)
        if not complete:
            settled = {path: done for path, done in settled.items() if not done.by.remake}
        if not settled:
            return conflict
        tree = tree_with(repository, conflict.tree, {path: done.entry for path, done in settled.items()})
        if complete:
            return Merged(tree, tuple(done.by for done in settled.values()))
        left = tuple(path for path in conflict.paths if path.path not in settled)
        messages = _about(conflict.messages, left, settled)
        by = tuple(done.by for done in settled.values())
        return Conflict(conflict.ours, conflict.theirs, tree, left, messages, by)


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of one path."""

    entry: _Entry | None
    """Nothing where the file is gone."""
    by: SettledPath


@dataclass(slots=True)
class _Work:
    """One conflict on its way; what it needs from git is asked for once, and only where it is needed."""

    repository: GitRepository
    conflict: Conflict
    attributes: bytes
    depth: int
    settler: Settler
    _held: dict[str, bytes] | None = field(default=None, init=False)
    _with_unions: dict[str, _Entry] | None = field(default=None, init=False)
    _ancestor: list[dict[str, _Entry]] | None = field(default=None, init=False)

    def settled(self, path: ConflictPath) -> _Done | None:
        """Where a rule is for a path, nothing else is tried."""
        stages = {stage.number: stage for stage in path.stages}
        rule = rule_for(path.path, self.settler.rules)
        if rule is not None and rule.way in ("ours", "theirs"):
            return self._one_side(path, stages, rule)
        if not _both_are_files(path, stages):
            return None
        if rule is not None and rule.way == "regenerate":
            if rule in self.settler.refused:
                return None
            return _Done((_mode(stages), stages[2].oid), SettledPath(path.path, rule.words, remake=rule))
        if rule is not None:
            return self._by_content(path.path, stages, rule)
        if b"merge=union" in self.attributes and (entry := self._by_attributes(path.path)):
            return _Done(entry, SettledPath(path.path, ".gitattributes: union"))
        return self._by_content(path.path, stages, None) if self.settler.structure else None

    def _one_side(self, path: ConflictPath, stages: Mapping[int, Stage], rule: FileRule) -> _Done | None:
        """The version of one side: of two files, of two links, or of a file and nothing."""
        modes = {stage.mode for stage in path.stages}
        if not path.stages or not (modes <= set(REGULAR) or modes == {_LINK}):
            return None
        if not (set(path.kinds) <= {"contents", "binary"} or path.kinds == ("modify/delete",)):
            return None
        chosen, other = (stages.get(number) for number in ((2, 3) if rule.way == "ours" else (3, 2)))
        by = SettledPath(path.path, rule.words)
        if chosen is None:
            return _Done(None, by)
        if chosen.mode != _LINK and other is not None and self._is_unsound(path.path, chosen, other):
            return None
        mode = _mode(stages) if other is not None else chosen.mode
        return _Done((mode, chosen.oid), by)

    def _is_unsound(self, path: str, chosen: Stage, other: Stage) -> bool:
        contents = [self._contents().get(stage.oid) for stage in (chosen, other)]
        if contents[0] is None or contents[1] is None:
            return False
        return has_new_markers(contents[0], contents[1]) or is_broken(path, contents[0], contents[1])

    def _by_content(self, path: str, stages: Mapping[int, Stage], rule: FileRule | None) -> _Done | None:
        """A union, or without a rule a merge by structure."""
        ours, theirs = (self._contents().get(stages[number].oid) for number in (2, 3))
        if ours is None or theirs is None or not (is_mergeable_text(ours) and is_mergeable_text(theirs)):
            return None
        bases = self._bases(path, stages) if 1 in stages else [None]
        return next((done for base in bases if (done := self._on(base, path, stages, rule, (ours, theirs)))), None)

    def _on(
        self,
        base: bytes | None,
        path: str,
        stages: Mapping[int, Stage],
        rule: FileRule | None,
        sides: tuple[bytes, bytes],
    ) -> _Done | None:
        """The same with one version of the common ancestor."""
        ours, theirs = sides
        if base is not None and not is_mergeable_text(base):
            return None
        merged, words = _merged(path, base, ours, theirs, rule)
        if rule is None and merged is None and (made := self.settler.programs.merge(path, base, ours, theirs)):
            merged, words = made[0], f"structure: {made[1]}"
        if merged is None or has_new_markers(merged, base or b"") or is_broken(path, merged, ours, theirs):
            return None
        return _Done((_mode(stages), write_blob(self.repository, merged)), SettledPath(path, words))

    def _bases(self, path: str, stages: Mapping[int, Stage]) -> list[bytes]:
        """The common ancestor's version; where that is itself a merge with markers, as it comes out settled.

        None where it is too large, or cannot be settled: what either side took away could not be told. Of several
        ancestors git tells the newest first, and whoever merged them before may have had them in the other order: a
        union of `a` and `b` is then no beginning of one of `b` and `a`, so both orders are tried.
        """
        base = self._contents().get(stages[1].oid)
        if base is None:
            return []
        if not has_new_markers(base, *(self._contents()[stages[number].oid] for number in (2, 3))):
            return [base]
        entries = [tree[path] for tree in self._ancestors() if path in tree and tree[path][0] in REGULAR]
        held = blobs(self.repository, [oid for _, oid in entries], largest=LARGEST)
        return [held[oid] for oid in dict.fromkeys(oid for _, oid in entries) if oid in held]

    def _by_attributes(self, path: str) -> _Entry | None:
        """What git makes of it with the unions of the base's `.gitattributes`."""
        if self._with_unions is None:
            merged = merge(self.repository, self.conflict.ours, self.conflict.theirs, attributes=self.attributes)
            left = set(merged.files) if isinstance(merged, Conflict) else set()
            everything = entries_of(self.repository, merged.tree)
            known = {path.path for path in self.conflict.paths} - left
            self._with_unions = {name: everything[name] for name in known if name in everything}
        return self._with_unions.get(path)

    def _contents(self) -> dict[str, bytes]:
        """All versions of all paths that are small enough, by object."""
        if self._held is None:
            stages = [stage for path in self.conflict.paths for stage in path.stages if stage.mode in REGULAR]
            self._held = blobs(self.repository, [stage.oid for stage in stages], largest=LARGEST)
        return self._held

    def _ancestors(self) -> list[dict[str, _Entry]]:
        """The files of the common ancestors' merges, in either order; none where that cannot be settled."""
        if self._ancestor is None:
            bases = self.repository.ask("merge-base", "--all", self.conflict.ours, self.conflict.theirs).text.split()
            orders = [bases, bases[::-1]] if len(bases) > 1 and self.depth < _DEEPEST else []
            trees = [tree for order in orders if (tree := self._merged_ancestors(order))]
            self._ancestor = [entries_of(self.repository, tree) for tree in dict.fromkeys(trees)]
        return self._ancestor

    def _merged_ancestors(self, bases: Sequence[str]) -> str | None:
        tip, tree = bases[0], ""
        for base in bases[1:]:
            attributes = merge_attributes(self.repository, tip, base)
            merged = merge(self.repository, tip, base, attributes=attributes, settle=self._settle_deeper)
            if isinstance(merged, Conflict):
                return None
            tree = merged.tree
            tip = self.repository.commit_tree(tree, (tip, base), "Common ancestors\n", date=_SCRATCH_DATE)
        return tree

    def _settle_deeper(self, repository: GitRepository, conflict: Conflict, attributes: bytes) -> Merged | Conflict:
        return self.settler.settle(repository, conflict, attributes, self.depth + 1)


def _merged(
    path: str, base: bytes | None, ours: bytes, theirs: bytes, rule: FileRule | None
) -> tuple[bytes | None, str]:
    """What comes of three versions, and how that is called."""
    if rule is None:
        structural = settle_structurally(path, base, ours, theirs)
        return (structural.content, f"structure: {structural.way}") if structural else (None, "")
    if rule.key is not None:
        return union_by_key(base, ours, theirs, rule.key), rule.words
    return union_of_lines(base, ours, theirs), rule.words


def _both_are_files(path: ConflictPath, stages: Mapping[int, Stage]) -> bool:
    """Whether it is about the contents of a file that both sides have, under this name."""
    kinds = set(path.kinds)
    if not kinds or not kinds <= {"contents", "binary"} or not {2, 3} <= stages.keys():
        return False
    return all(stage.mode in REGULAR for stage in path.stages)


def _mode(stages: Mapping[int, Stage]) -> str:
    """The mode that a side changed to; of two files that both made, executable where one is."""
    base, ours, theirs = (stages[number].mode if number in stages else None for number in (1, 2, 3))
    if ours == theirs or theirs == base:
        return ours or REGULAR[0]
    return theirs or REGULAR[0] if ours == base else max(ours or "", theirs or "")


def _about(messages: Sequence[str], left: Sequence[ConflictPath], settled: Mapping[str, object]) -> tuple[str, ...]:
    """The messages about what is left: those that name a settled path alone are out."""
    return tuple(
        text
        for text in messages
        if any(path.path in text for path in left) or not any(path in text for path in settled)
    )
