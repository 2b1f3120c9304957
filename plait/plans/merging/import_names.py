"""`from … import …` as a set of names, in the order and the layout that the file has."""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from plait.plans.merging.blocks import Block, BlockMerge
from plait.plans.merging.three_way import GivesUp, settle

_LONGEST = 88
_NAME = re.compile(r"(\s*)(\w+(?: as \w+)?)(,?)\s*(#.*)?\Z")
_ORDERS: tuple[Callable[[str], object], ...] = (
    str,
    str.casefold,
    lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name),
    lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name.casefold()),
)
"""How people and isort sort them: by letter, without case, constants before classes before the rest."""


Remarks = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Import:
    start: str
    """Up to and with the word `import`, with its indent."""
    names: tuple[str, ...]
    indent: str | None
    """Of a name that has a line of its own; nothing where all are on one line."""
    ends_with_comma: bool
    remarks: Remarks = ()
    """Comments behind names, or (of the name ``) behind the only line."""


def merge_imports(base: Block | None, ours: Block, theirs: Block) -> Block:
    """Both sides' names, without those that one took away.

    Raises:
        GivesUp: `*`, a comment that both changed, a layout that is neither one line nor a name a line.
    """
    lead = settle(base.lead if base else (), ours.lead, theirs.lead, what="a comment on an import")
    versions = [version.lines if version else () for version in (base, ours, theirs)]
    old, mine, other = (_read(lines) if lines else None for lines in versions)
    if mine is None or other is None:
        raise GivesUp("nothing is imported")
    names = _merged(old.names if old else (), mine.names, other.names)
    shape = next((side for side in (mine, other) if side.indent is not None), mine)
    longest = max(_LONGEST, *(len(line) for lines in versions for line in lines))
    remarks = _merged_remarks(old.remarks if old else (), mine.remarks, other.remarks, names)
    return replace(ours, lead=lead, lines=_written(replace(shape, names=names, remarks=remarks), longest))


def remaining_imports(base: Block, changed: Block) -> Block | None:
    """The names that one side added to an import that the other took away."""
    old, new = _read(base.lines), _read(changed.lines)
    names = tuple(name for name in new.names if name not in old.names)
    if {name: remark for name, remark in new.remarks if name not in names} != dict(old.remarks):
        raise GivesUp("one side took an import away, the other changed the comment on it")
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


def _merged_remarks(base: Remarks, ours: Remarks, theirs: Remarks, names: tuple[str, ...]) -> Remarks:
    """Each name's comment, as one side changed it."""
    old, mine, other = dict(base), dict(ours), dict(theirs)
    known = {name for remarks in (old, mine, other) for name in remarks}
    kept = [name for name in ("", *names) if name in known]
    if any(side.get(name, old.get(name)) != old.get(name) for side in (mine, other) for name in known.difference(kept)):
        raise GivesUp("one side took a name away, the other changed the comment on it")
    new = [(name, settle(old.get(name), mine.get(name), other.get(name), what="a comment")) for name in kept]
    return tuple((name, remark) for name, remark in new if remark)


def _read(lines: Sequence[str]) -> _Import:
    text = "\n".join(lines)
    statements = ast.parse(text.strip()).body
    node = statements[0]
    if len(statements) != 1 or not isinstance(node, ast.ImportFrom) or node.names[0].name == "*" or "\\" in text:
        raise GivesUp("an import that has no names of its own")
    names = tuple(alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in node.names)
    start, _, rest = text.partition(" import ")
    if len(lines) == 1:
        remark = rest[rest.index("#") :] if "#" in rest else ""
        return _Import(f"{start} import", names, None, False, (("", remark),) if remark else ())
    written = [_NAME.match(line) for line in lines[1:-1]]
    found = [match for match in written if match]
    if rest.partition("\n")[0].strip() != "(" or lines[-1].strip() != ")" or len(found) < len(written):
        raise GivesUp("an import that is wrapped in its own way")
    if tuple(match[2] for match in found) != names:
        raise GivesUp("an import that is wrapped in its own way")
    remarks = tuple((match[2], match[4]) for match in found if match[4])
    return _Import(f"{start} import", names, found[0][1], bool(found[-1][3]), remarks)


def _written(statement: _Import, longest: int) -> tuple[str, ...]:
    remarks = dict(statement.remarks)
    whole = remarks.pop("", "")
    line = f"{statement.start} {', '.join(statement.names)}"
    if not statement.names:
        raise GivesUp("nothing is left of an import that both sides changed")
    if statement.indent is None and len(line) <= longest and not remarks:
        return (f"{line}  {whole}" if whole else line,)
    if whole:
        raise GivesUp("a comment on an import that has to be wrapped")
    outer = statement.start[: len(statement.start) - len(statement.start.lstrip())]
    indent = statement.indent if statement.indent is not None else outer + "    "
    closes = statement.indent is None or statement.ends_with_comma
    names = [f"{indent}{name}{',' if closes or name != statement.names[-1] else ''}" for name in statement.names]
    with_remarks = [
        f"{line}  {remarks[name]}" if name in remarks else line
        for line, name in zip(names, statement.names, strict=True)
    ]
    return (f"{statement.start} (", *with_remarks, f"{outer})")
