"""`from … import …` as a set of names, in the order and the layout that the file has."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from plait.plans.merging.blocks import Block, BlockMerge
from plait.plans.merging.three_way import Effort, GivesUp, merge_lines, settle

_LONGEST = 88
_ORDERS: tuple[Callable[[str], object], ...] = (
    str,
    str.casefold,
    lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name),
    lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name.casefold()),
)
"""How people and isort sort them: by letter, without case, constants before classes before the rest."""


@dataclass(frozen=True, slots=True)
class _Import:
    start: str
    """Up to and with the word `import`, with its indent."""
    names: tuple[str, ...]
    indent: str | None
    """Of a name that has a line of its own; nothing where all are on one line."""
    ends_with_comma: bool


def merge_imports(base: Block | None, ours: Block, theirs: Block, effort: Effort) -> Block:
    """Both sides' names, without those that one took away.

    Raises:
        GivesUp: a comment among the names that both changed, `*`, a layout that is neither one line nor a name a line.
    """
    lead = settle(base.lead if base else (), ours.lead, theirs.lead, what="a comment on an import")
    versions = [version.lines if version else () for version in (base, ours, theirs)]
    if any("#" in line for lines in versions for line in lines):
        if base is None:
            raise GivesUp("imports with comments")
        return replace(ours, lead=lead, lines=merge_lines(*versions, what="an import", effort=effort))
    old, mine, other = (_read(lines) if lines else None for lines in versions)
    if mine is None or other is None:
        raise GivesUp("nothing is imported")
    names = _merged(old.names if old else (), mine.names, other.names)
    shape = next((side for side in (mine, other) if side.indent is not None), mine)
    longest = max(_LONGEST, *(len(line) for lines in versions for line in lines))
    return replace(ours, lead=lead, lines=_written(replace(shape, names=names), longest))


def remaining_imports(base: Block, changed: Block) -> Block | None:
    """The names that one side added to an import that the other took away."""
    if any("#" in line for block in (base, changed) for line in block.lines):
        raise GivesUp("imports with comments")
    old, new = _read(base.lines), _read(changed.lines)
    names = tuple(name for name in new.names if name not in old.names)
    return replace(changed, lines=_written(replace(new, names=names), _LONGEST)) if names else None


def _merged(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    versions = [[Block(name, "name", 0, (), (name,)) for name in names] for names in (base, ours, theirs)]
    if any(len(set(names)) != len(names) for names in (base, ours, theirs)):
        raise GivesUp("a name is imported twice by one statement")
    names = [str(block.key) for block in BlockMerge().merged(*versions)]
    for order in _ORDERS:
        keys = [[order(name) for name in version] for version in (base, ours, theirs)]
        if all(left <= right for version in keys for left, right in pairwise(version)):  # type: ignore[operator]
            return tuple(sorted(names, key=order))  # type: ignore[arg-type]
    return tuple(names)


def _read(lines: Sequence[str]) -> _Import:
    text = "\n".join(lines)
    statements = ast.parse(text.strip()).body
    node = statements[0]
    if len(statements) != 1 or not isinstance(node, ast.ImportFrom) or node.names[0].name == "*" or "\\" in text:
        raise GivesUp("an import that has no names of its own")
    names = tuple(alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in node.names)
    start, _, rest = text.partition(" import ")
    is_wrapped = len(lines) > 1
    if not is_wrapped:
        return _Import(f"{start} import", names, None, False)
    written = [line.strip().rstrip(",") for line in lines[1:-1]]
    if rest.partition("\n")[0].strip() != "(" or lines[-1].strip() != ")" or tuple(written) != names:
        raise GivesUp("an import that is wrapped in its own way")
    indent = lines[1][: len(lines[1]) - len(lines[1].lstrip())]
    return _Import(f"{start} import", names, indent, lines[-2].rstrip().endswith(","))


def _written(statement: _Import, longest: int) -> tuple[str, ...]:
    line = f"{statement.start} {', '.join(statement.names)}"
    if not statement.names:
        raise GivesUp("nothing is left of an import that both sides changed")
    if statement.indent is None and len(line) <= longest:
        return (line,)
    outer = statement.start[: len(statement.start) - len(statement.start.lstrip())]
    indent = statement.indent if statement.indent is not None else outer + "    "
    comma = "," if statement.indent is None or statement.ends_with_comma else ""
    names = [f"{indent}{name}," for name in statement.names]
    names[-1] = f"{indent}{statement.names[-1]}{comma}"
    return (f"{statement.start} (", *names, f"{outer})")
