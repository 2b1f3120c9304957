"""Python by definition: what each side did to a function, a class, an import or an assignment, wherever it stands."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from plait.plans.merging.blocks import Block, BlockMerge, Key, made_empty, plain_lines
from plait.plans.merging.import_names import merge_imports, remaining_imports
from plait.plans.merging.python_blocks import habits, parsed, read_blocks
from plait.plans.merging.python_checks import refuse_what_breaks
from plait.plans.merging.texts import Text, merge_texts, read_text, write_text
from plait.plans.merging.three_way import Effort, GivesUp, merge_lines, settle

_NAMELESS = frozenset({"statement", "note", "entry"})
_ACTING = _NAMELESS | {"call"}
"""Kinds whose order among themselves may count."""
_RUNNING = _ACTING | {"value"}
_WORD = re.compile(r"[^\W\d]\w*")
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
_EMPTY = re.compile(rb"[ \t\f]*(?:[#\r\n]|\Z)")
_ENCODINGS = frozenset(
    {"utf-8", "utf8", "utf-8-unix", "ascii", "us-ascii", "latin-1", "iso-8859-1", "iso-8859-15", "cp1252"}
)
_DEFINES = ("def ", "async def ", "class ", "@")


def merge_python(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge three versions of a Python file.

    What both sides changed is merged line by line within its definition; what both added at one place stands one after
    the other. It gives up where order counts (`__all__`, statements that do something, decorators that both changed),
    on two definitions of one name, and on a result that `refuse_what_breaks` refuses.

    Raises:
        GivesUp: as said, or one version does not parse.
        ValueError: a version is not in its encoding.
    """
    old, mine, other = (_read(content) for content in (base, ours, theirs))
    merged = write_text(merge_texts(old, mine, other, _merge_lines))
    refuse_what_breaks(*("\n".join((*text.lines, "")) for text in (old, mine, other, _read(merged))))
    return merged


def _read(content: bytes) -> Text:
    """Only encodings that are known to be quick and plain: Python knows some that are neither (`punycode`)."""
    declared = "utf-8"
    for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n", 2)[:2]:
        if cookie := _COOKIE.match(line):
            declared = cookie[1].decode().lower().replace("_", "-")
            break
        if not _EMPTY.match(line):
            break
    if declared not in _ENCODINGS or (content.startswith(codecs.BOM_UTF8) and not declared.startswith("utf")):
        raise GivesUp(f"the encoding {declared}")
    return read_text(content, declared.removesuffix("-unix"))


def _merge_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Sequence[str]:
    versions = (base, ours, theirs)
    modules = [parsed("\n".join((*lines, ""))) for lines in versions]
    habit = habits(modules)
    roots = [read_blocks(lines, module, habit) for lines, module in zip(versions, modules, strict=True)]
    if not base:
        roots[0] = (made_empty(roots[1][0]),)
    return plain_lines(
        BlockMerge(partial(_settle, effort=Effort()), _remove, _arrange, _NAMELESS, _is_united).merged(*roots)
    )


def _settle(base: Block | None, ours: Block, theirs: Block, effort: Effort) -> Block:
    kinds = {block.kind for block in (base, ours, theirs) if block}
    if kinds == {"import"}:
        return merge_imports(base, ours, theirs)
    name = _spelled(ours.key)
    if base is None:
        raise GivesUp(f"both sides added {name}")
    if len(kinds) > 1 or "family" in kinds or ours.key == ("name", "__all__"):
        raise GivesUp(f"both sides changed {name}")
    versions = (base, ours, theirs)
    if kinds & {"statement", "call", "entry"} and any(
        line.lstrip().startswith(_DEFINES) for block in versions for line in block.lines
    ):
        raise GivesUp(f"both sides changed definitions below a condition: {name}")
    settle(*map(_decorators, versions), what=f"the decorators of {name}")
    lead = settle(base.lead, ours.lead, theirs.lead, what=f"the comment on {name}")
    return replace(
        ours,
        lead=lead,
        lines=merge_lines(base.lines, ours.lines, theirs.lines, what=f"{ours.kind} {name}", effort=effort),
    )


def _is_united(block: Block) -> bool:
    """Two classes of one name are two designs, unless they only hold tests."""
    return block.kind != "class" or "Test" in _spelled(block.key)


def _decorators(block: Block) -> tuple[str, ...]:
    if block.kind not in ("function", "class"):
        return ()
    heads = (place for place, line in enumerate(block.lines) if line.lstrip().startswith(_DEFINES[:3]))
    return block.lines[: next(heads, 0)]


def _remove(base: Block, changed: Block) -> Block | None:
    if base.kind == changed.kind == "import" and base.lead == changed.lead and base.lines != changed.lines:
        return remaining_imports(base, changed)
    raise GivesUp(f"one side took {_spelled(base.key)} away, the other changed it")


def _arrange(ours: Sequence[Block], theirs: Sequence[Block]) -> Sequence[Block]:
    """Imports in one order, then the rest of one side, then that of the other."""
    mine, other = _imports(ours), _imports(theirs)
    rest, other_rest = ours[len(mine) :], theirs[len(other) :]
    if any(block.kind == "import" for block in (*rest, *other_rest)) and mine and other:
        raise GivesUp("both sides added imports between other things")
    acting = [[block for block in side if block.kind in _ACTING] for side in (ours, theirs)]
    if all(acting) and not all(block.kind == "entry" for side in acting for block in side):
        raise GivesUp("both sides added statements at one place: their order may count")
    if any(_meet(mine, other) for mine in rest for other in other_rest):
        raise GivesUp("both sides do something with one name at one place: their order may count")
    if all(any(block.kind == "docstring" for block in side) for side in (ours, theirs)):
        raise GivesUp("both sides added a docstring")
    return (*_sorted_imports(mine, other), *rest, *other_rest)


def _meet(mine: Block, other: Block) -> bool:
    """Whether one of two blocks that run where they stand acts on, or binds, what the other is about.

    `del a` and `b = a.c` meet, as do `x = 2` and `y = x`; `x = f(1)` and `y = f(2)` do not.
    """
    blocks = (mine, other)
    kinds = {block.kind for block in blocks}
    if not kinds <= _RUNNING or kinds == {"entry"}:
        return False
    words, others = (frozenset(_WORD.findall("\n".join(block.lines))) for block in blocks)
    if kinds & _ACTING:
        return not words.isdisjoint(others)
    bound, also_bound = (_WORD.findall(re.split("[:=]", block.lines[0])[0]) for block in blocks)
    return not (others.isdisjoint(bound) and words.isdisjoint(also_bound))


def _imports(blocks: Sequence[Block]) -> Sequence[Block]:
    count = 0
    while count < len(blocks) and blocks[count].kind in ("import", "docstring"):
        count += 1
    return blocks[:count]


def _sorted_imports(ours: Sequence[Block], theirs: Sequence[Block]) -> Sequence[Block]:
    """As isort puts them, where each side's are so and stand together."""
    added = (*ours, *theirs)
    together = all(not block.gap and not block.lead for side in (ours, theirs) for block in side[1:])
    is_sorted = all(list(side) == sorted(side, key=_import_rank) for side in (ours, theirs))
    if not (ours and theirs and together and is_sorted):
        return added
    gap = max(ours[0].gap, theirs[0].gap)
    first, *others = sorted(added, key=_import_rank)
    return (replace(first, gap=gap), *(replace(block, gap=0) for block in others))


def _import_rank(block: Block) -> tuple[int, str]:
    text = block.lines[0].strip()
    form, module = text.split()[:2]
    ranks = {"import": 2, "from": 3}
    return (1 if module == "__future__" else ranks.get(form, 0), text.casefold())


def _spelled(key: Key) -> str:
    return " ".join(str(part) for part in key)[:80] if isinstance(key, tuple) else str(key)
