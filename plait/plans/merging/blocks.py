"""A file as a tree of named blocks of lines, and the merge of three such trees; what a block is, its language says.

Blocks are told apart by key, not by place. One that a side added, changed or took away is so in the result; what both
sides added at one place stands one after the other. An example, with functions for blocks:

    base    ours      theirs       merged
    f       f         f changed    f changed
    g       g         new          g is gone, because theirs took it and ours left it alone
    h       added     h            added, new (or the other way round: whichever order `arrange` gives)
            h                      h
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from plait.plans.merging.three_way import GivesUp, settle

Key = Hashable

_MOST_PAIRS = 20_000
"""Of blocks that went and blocks that came, which are compared line by line."""

LIST = "list"
"""The kind of a block whose children are elements: see `BlockMerge._elements`."""
STEPS = "steps"
"""The kind of a list whose order is what it is for."""
_ORDERED = re.compile(
    r"(?i)(pre_?|post_?|before_?|after_?)?(steps|tasks|script|commands?|args|run|entrypoint|stages|handlers|plays|pipeline|install|tests?)\Z"
)
"""Keys whose list is a sequence of things to do."""


@dataclass(frozen=True, slots=True)
class Block:
    """One entity, with the comments above it."""

    key: Key
    kind: str
    """The language's own word for what it is."""
    gap: int
    """Blank lines before it."""
    lead: tuple[str, ...]
    """Comment lines above it, with the blank ones among them."""
    lines: tuple[str, ...]
    """Itself, or what stands above its children."""
    children: "tuple[Block, ...] | None" = None
    tail: tuple[str, ...] = ()
    """What follows the children: a closing bracket, comments."""
    remark: str = ""
    """What follows the comma of an element on its line."""
    separator: str = ""
    """What stands behind each of the children but the last, before its remark."""
    last_separator: bool = False
    """Whether it stands behind the last, too."""

    def says_same(self, other: "Block | None") -> bool:
        """Whether only blank lines before it differ."""
        return other is not None and replace(self, gap=0) == replace(other, gap=0)


def list_kind(key: str) -> str:
    """The kind of the list below a key of this name."""
    return STEPS if _ORDERED.match(key) else LIST


def made_empty(block: Block) -> Block:
    """A block of the same kind with nothing in it: what there was before both sides made it."""
    return replace(block, lead=(), lines=(), children=(), tail=(), remark="", last_separator=False)


def plain_lines(blocks: Sequence[Block], separator: str = "", *, last: bool = False) -> list[str]:
    """The lines of blocks."""
    lines: list[str] = []
    for place, block in enumerate(blocks):
        comma = separator if last or place < len(blocks) - 1 else ""
        inside = plain_lines(block.children or (), block.separator, last=block.last_separator)
        own = [*block.lines, *inside, *block.tail]
        own[-1:] = [f"{line}{comma}{block.remark}" for line in own[-1:]]
        lines += [*[""] * block.gap, *block.lead, *own]
    return lines


Settle = Callable[[Block | None, Block, Block], Block]
"""Merges two versions of a block without children that both sides changed or added (then there is no base)."""
Remove = Callable[[Block, Block], Block | None]
"""What is left of a block that one side took away and the other changed: its base, its changed version."""
Arrange = Callable[[Sequence[Block], Sequence[Block]], Sequence[Block]]
"""The order of what both sides added at one place."""


def no_agreement(base: Block | None, ours: Block, theirs: Block) -> Block:  # noqa: ARG001
    """For languages in which a value has no parts."""
    raise GivesUp(f"both sides {'changed' if base else 'added'} {ours.key}")


def no_remains(base: Block, changed: Block) -> Block | None:  # noqa: ARG001
    """For languages in which a block is taken away as a whole."""
    raise GivesUp(f"one side took {base.key} away, the other changed it")


def in_order_of_keys(ours: Sequence[Block], theirs: Sequence[Block]) -> Sequence[Block]:
    """Sorted where the additions of each side are, else one after the other."""
    added = (*ours, *theirs)
    return sorted(added, key=_word) if _is_sorted(ours) and _is_sorted(theirs) else added


def one_after_the_other(ours: Sequence[Block], theirs: Sequence[Block]) -> Sequence[Block]:
    """The order where order means nothing."""
    return (*ours, *theirs)


@dataclass(frozen=True, slots=True)
class BlockMerge:
    """How the blocks of one language merge."""

    settle: Settle = no_agreement
    remove: Remove = no_remains
    arrange: Arrange = one_after_the_other
    nameless: frozenset[str] = frozenset()
    """Kinds of blocks that are known by their text: changed is gone, with another one added."""
    unites: Callable[[Block], bool] = lambda _: True
    """Whether two versions of a block with children that both sides added can be one."""

    def merged(self, base: Sequence[Block], ours: Sequence[Block], theirs: Sequence[Block]) -> tuple[Block, ...]:
        """The blocks of one scope.

        Raises:
            GivesUp: something is not certain.
        """
        if ours == theirs:
            return tuple(ours)
        base, ours, theirs = _told_apart(base, ours, theirs)
        old, mine, other = (_by_key(blocks) for blocks in (base, ours, theirs))
        self._refuse_two_successors(old, mine, other)
        result: dict[Key, Block] = {}
        for key in (*mine, *(key for key in other if key not in mine)):
            block = self._block(old.get(key), mine.get(key), other.get(key))
            if block is not None:
                result[key] = block
        order = self._order(list(old), list(mine), list(other), result)
        return tuple(_with_room(result[key], base, ours, theirs, first=not place) for place, key in enumerate(order))

    def _refuse_two_successors(self, base: dict[Key, Block], ours: dict[Key, Block], theirs: dict[Key, Block]) -> None:
        """Refuse where both sides took something away and one put the like of it there: renamed, or changed."""
        gone = [block for key, block in base.items() if key not in ours and key not in theirs]
        if not gone:
            return
        added = [block for key, block in (*ours.items(), *theirs.items()) if key not in base]
        new = [block for block in added if block.key not in ours or block.key not in theirs]
        if len(gone) * len(new) > _MOST_PAIRS:
            raise GivesUp("too much has changed")
        lines = {block.key: frozenset(_all_lines(block)) for block in (*gone, *new)}
        for block in gone:
            if any(self._succeeds(block, other, lines) for other in new):
                raise GivesUp(f"both sides took {block.key} away, one has the like of it")

    def _succeeds(self, old: Block, new: Block, lines_of: Mapping[Key, frozenset[str]]) -> bool:
        if old.kind in self.nameless:
            return new.kind in self.nameless
        lines, others = lines_of[old.key], lines_of[new.key]
        if len(lines) == len(others) == 1:
            return old.kind == new.kind and _behind_name(lines) == _behind_name(others) != ""
        return old.kind == new.kind and 2 * len(lines & others) >= min(len(lines), len(others)) > 1

    def _block(self, base: Block | None, ours: Block | None, theirs: Block | None) -> Block | None:
        if ours is not None and theirs is not None:
            return self._both(base, ours, theirs)
        kept = ours or theirs
        if base is None or kept is None:
            return kept
        return None if kept.says_same(base) else self.remove(base, kept)

    def _both(self, base: Block | None, ours: Block, theirs: Block) -> Block:
        gap = max(ours.gap, theirs.gap)
        if base is not None:
            gap = theirs.gap if ours.gap == base.gap else ours.gap if theirs.gap == base.gap else gap
        if ours.says_same(theirs) or (base is not None and theirs.says_same(base)):
            return replace(ours, gap=gap)
        if base is not None and ours.says_same(base):
            return replace(theirs, gap=gap)
        if ours.kind == theirs.kind and ours.children is not None and theirs.children is not None:
            return replace(self._inside(base, ours, theirs), gap=gap)
        return replace(self.settle(base, ours, theirs), gap=gap)

    def _inside(self, base: Block | None, ours: Block, theirs: Block) -> Block:
        """Two blocks with children; what stands around the children only one side may have changed."""
        if base is None:
            if not self.unites(ours):
                raise GivesUp(f"both sides added {ours.key}")
            base = made_empty(ours)
        if base.kind != ours.kind or base.children is None:
            raise GivesUp(f"{ours.key} has become another thing")
        merge = {LIST: self._elements, STEPS: self._steps}.get(ours.kind, self.merged)
        return replace(
            ours,
            lead=settle(base.lead, ours.lead, theirs.lead, what=f"the comment on {ours.key}"),
            lines=settle(base.lines, ours.lines, theirs.lines, what=f"the head of {ours.key}"),
            tail=settle(base.tail, ours.tail, theirs.tail, what=f"the end of {ours.key}"),
            last_separator=settle(
                base.last_separator, ours.last_separator, theirs.last_separator, what=f"the last comma of {ours.key}"
            ),
            remark=settle(base.remark, ours.remark, theirs.remark, what=f"the remark on {ours.key}"),
            children=merge(base.children, ours.children or (), theirs.children or ()),
        )

    def _elements(self, base: Sequence[Block], ours: Sequence[Block], theirs: Sequence[Block]) -> tuple[Block, ...]:
        """The elements of a list; each version's have to be different from each other.

        What one side added or took away is so. Both may add at one place where the list is sorted in all three
        versions (it stays so), or at its end, where the smaller version's come first. With `[a, b]`, ours `[a, b, d]`
        and theirs `[a, b, c]` the result is `[a, b, c, d]`; ours `[b, a, x]` and theirs `[b, a, y]` give
        `[b, a, x, y]`; with ours `[z, b, a]` and theirs `[y, b, a]` it gives up, because the first may mean something.
        So it does where an element begins with `-`: the order of a command's arguments counts.
        """
        versions = (base, ours, theirs)
        known = frozenset(block.key for block in base)
        both_grew = all(any(block.key not in known for block in side) for side in (ours, theirs))
        if both_grew and any(_word(block).startswith("-") for version in versions for block in version):
            raise GivesUp("both sides added to the arguments of a command")
        stays_sorted = all(map(_is_sorted, versions)) and len(base) > 1

        def arrange(mine: Sequence[Block], other: Sequence[Block]) -> Sequence[Block]:
            if stays_sorted:
                return sorted((*mine, *other), key=_word)
            if not all(known <= frozenset(block.key for block in side) for side in (ours, theirs)):
                raise GivesUp("both sides added elements, and one took some away")
            if list(ours[-len(mine) :]) == list(mine) and list(theirs[-len(other) :]) == list(other):
                return (*mine, *other)
            raise GivesUp("both sides added elements at one place, not at the end")

        return replace(self, arrange=arrange).merged(base, ours, theirs)

    def _steps(self, base: Sequence[Block], ours: Sequence[Block], theirs: Sequence[Block]) -> tuple[Block, ...]:
        """A list whose order is what it is for: both may change it, not add at one place."""

        def arrange(mine: Sequence[Block], other: Sequence[Block]) -> Sequence[Block]:  # noqa: ARG001
            raise GivesUp("both sides added steps at one place")

        return replace(self, arrange=arrange).merged(base, ours, theirs)

    def _order(self, base: list[Key], ours: list[Key], theirs: list[Key], result: dict[Key, Block]) -> list[Key]:
        """What both sides have, in the order of the side that moved something; behind each, what was added there."""
        common = _common_order(base, ours, theirs, result)
        shared = frozenset(common)
        of_ours, of_theirs = (_additions(side, shared, result) for side in (ours, theirs))
        order: list[Key] = []
        for anchor in (None, *common):
            if anchor is not None:
                order.append(anchor)
            mine, other = ([result[key] for key in added.get(anchor, ())] for added in (of_ours, of_theirs))
            placed = self.arrange(mine, other) if mine and other else (*mine, *other)
            order += [block.key for block in placed]
        return order


def _all_lines(block: Block) -> Iterator[str]:
    pending = [block]
    while pending:
        part = pending.pop()
        yield from filter(None, map(str.strip, (*part.lines, *part.tail)))
        pending += part.children or ()


def _behind_name(lines: Iterable[str]) -> str:
    """`1` of `a = 1` and of `"a": 1`."""
    return re.split("[:=]", f"{next(iter(lines))}:", maxsplit=1)[1].strip(" ,:")


def _is_sorted(blocks: Sequence[Block]) -> bool:
    words = [_word(block) for block in blocks]
    return all(before <= after for before, after in pairwise(words))


def _word(block: Block) -> str:
    return str(block.key).strip("'\"").casefold()


def _by_key(blocks: Sequence[Block]) -> dict[Key, Block]:
    return {block.key: block for block in blocks}


def _told_apart(*versions: Sequence[Block]) -> Sequence[Sequence[Block]]:
    """The versions with each key once: a key that occurs several times is numbered, if one side left all of them alone.

    Raises:
        GivesUp: both sides touched them: which is which cannot be told.
    """
    families = [_families(version) for version in versions]
    several = {key for family in families for key, members in family.items() if len(members) > 1}
    if not several:
        return versions
    for key in several:
        base, ours, theirs = (family.get(key, []) for family in families)
        if not (_all_same(base, ours) or _all_same(base, theirs) or _all_same(ours, theirs)):
            raise GivesUp(f"{key} occurs twice, and both sides changed it")
    return [_numbered(version, several) for version in versions]


def _families(blocks: Sequence[Block]) -> dict[Key, list[Block]]:
    families: dict[Key, list[Block]] = {}
    for block in blocks:
        families.setdefault(block.key, []).append(block)
    return families


def _all_same(some: list[Block], others: list[Block]) -> bool:
    return len(some) == len(others) and all(block.says_same(other) for block, other in zip(some, others, strict=True))


def _numbered(blocks: Sequence[Block], several: set[Key]) -> Sequence[Block]:
    counts: Counter[Key] = Counter()
    numbered = []
    for block in blocks:
        counts[block.key] += 1
        numbered.append(replace(block, key=(block.key, counts[block.key])) if block.key in several else block)
    return numbered


def _common_order(base: list[Key], ours: list[Key], theirs: list[Key], result: dict[Key, Block]) -> list[Key]:
    """What both sides have and the result keeps, in order: that of the side that did not leave it as it was."""
    in_base, in_ours, in_theirs = frozenset(base), frozenset(ours), frozenset(theirs)
    mine = [key for key in ours if key in in_theirs and key in result]
    other = [key for key in theirs if key in in_ours and key in result]
    if mine == other:
        return mine
    stayed = [key for key in base if key in in_ours and key in in_theirs and key in result]
    if [key for key in mine if key in in_base] == stayed:
        return other
    if [key for key in other if key in in_base] == stayed:
        return mine
    raise GivesUp("both sides moved things about")


def _additions(side: list[Key], shared: frozenset[Key], result: dict[Key, Block]) -> dict[Key | None, list[Key]]:
    """What a side has alone, by the shared block that it stands behind."""
    added: dict[Key | None, list[Key]] = {}
    anchor: Key | None = None
    for key in side:
        if key in shared:
            anchor = key
        elif key in result:
            added.setdefault(anchor, []).append(key)
    return added


def _with_room(block: Block, *versions: Sequence[Block], first: bool) -> Block:
    """A block that was the first of its scope on its side, and is so no longer, stands apart as its neighbours do."""
    if first:
        return block
    for version in versions:
        if len(version) > 1 and version[0].key == block.key and block.gap < version[1].gap:
            return replace(block, gap=version[1].gap)
    return block
