"""What a merged Python file may not be, though it parses: each check compares it with the versions that it came from.

A fault that one of the sides has already is that side's; one that only the result has came from the merge.
"""

import ast
import builtins
import symtable
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from plait.plans.merging.python_blocks import parsed
from plait.plans.merging.three_way import GivesUp

_GIVEN = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "__spec__", "__annotations__"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


def refuse_what_breaks(base: str, ours: str, theirs: str, merged: str) -> None:
    """Refuse a result that lost or doubled something, or in which one side's change misses what the other took away.

    Raises:
        GivesUp: with what is wrong.
    """
    sources = (base, ours, theirs, merged)
    old, mine, other, result = versions = [_facts(source) for source in sources]
    _lines_are_kept(*(_body_lines(source, facts) for source, facts in zip(sources, versions, strict=True)))
    _definitions_are_kept(old.definitions, mine.definitions, other.definitions, result.definitions)
    for scope, bound in result.bound.items():
        for name, count in bound.items():
            if count > max(1, *(facts.bound.get(scope, Counter())[name] for facts in (old, mine, other))):
                raise GivesUp(f"{name} would be defined twice")
    _refuse_new("is not there any more", [facts.undefined for facts in versions])
    _refuse_new("would be used before it is there", [facts.early for facts in versions])
    _refuse_new("is no longer a member", [facts.missing_members for facts in versions])
    gone = old.names - result.names
    for name in sorted(gone & result.used):
        if any(name not in side.names and name not in side.used for side in (mine, other)):
            raise GivesUp(f"one side took {name} away, the other uses it")
    _calls_fit(old, mine, other)


@dataclass(slots=True)
class _Facts:
    """What is bound, defined and used in one version."""

    bound: dict[str, Counter[str]] = field(default_factory=dict)
    """By scope (dotted names of classes, `` for the module): statements that bind a name."""
    definitions: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """Of functions and classes, at any depth."""
    used: set[str] = field(default_factory=set)
    undefined: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)
    missing_members: set[str] = field(default_factory=set)
    signatures: dict[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    import_lines: set[int] = field(default_factory=set)


def _facts(source: str) -> _Facts:
    module = parsed(source)
    facts = _Facts()
    _read_scope(module.body, "", facts)
    for node in ast.walk(module):
        if isinstance(node, _DEFINITIONS):
            facts.names.add(node.name)
            if isinstance(node, _FUNCTIONS):
                facts.signatures[node.name] = facts.signatures.get(node.name, "") + ast.dump(node.args)
        elif isinstance(node, ast.Name):
            facts.used.add(node.id)
        elif isinstance(node, ast.Attribute):
            facts.used.add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            facts.import_lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, ast.Call):
            called = node.func
            facts.calls[getattr(called, "id", "") or getattr(called, "attr", "")] += 1
    listed = set(_listed(module))
    known = set(facts.bound.get("", ())) | _GIVEN
    facts.undefined = (_global_names(source) | listed) - known
    facts.early = set(_used_early(module.body))
    return facts


def _read_scope(body: Sequence[ast.stmt], scope: str, facts: _Facts) -> None:
    bound = facts.bound.setdefault(scope, Counter())
    for node in body:
        bound.update(_bindings(node))
        if isinstance(node, _DEFINITIONS):
            facts.definitions.add(f"{scope}.{node.name}")
        if isinstance(node, ast.ClassDef):
            inner = f"{scope}.{node.name}"
            _read_scope(node.body, inner, facts)
            own = set(facts.bound[inner])
            facts.missing_members |= {f"{inner}.{name}" for name in _own_members(node) - own}


def _bindings(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds in its scope, each once; what stands below a condition may be bound twice."""
    if isinstance(node, _DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    else:
        names = set()
        pending: list[ast.AST] = [node]
        while pending:
            part = pending.pop()
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                names.add(part.id)
            elif part is not node and isinstance(part, _DEFINITIONS):
                names.add(part.name)
                continue
            elif isinstance(part, ast.Import | ast.ImportFrom):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in part.names)
            elif isinstance(part, ast.ExceptHandler) and part.name:
                names.add(part.name)
            elif isinstance(part, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                continue
            pending += ast.iter_child_nodes(part)
        yield from names


def _own_members(node: ast.ClassDef) -> set[str]:
    """Attributes that are read through `self` or `cls`, and never set through them."""
    read: set[str] = set()
    stored: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in ("self", "cls"):
            (read if isinstance(part.ctx, ast.Load) else stored).add(part.attr)
    return read - stored


def _listed(module: ast.Module) -> Iterator[str]:
    """The names in `__all__`."""
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            parts = ast.walk(node)
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _global_names(source: str) -> set[str]:
    """What is looked up in the module or among the built-in names, from any scope."""
    try:
        pending = [symtable.symtable(source, "merged", "exec")]
    except SyntaxError as error:
        raise GivesUp(str(error)) from None
    names = set()
    while pending:
        table = pending.pop()
        is_module = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or is_module):
                names.add(symbol.get_name())
        pending += table.get_children()
    return names


def _used_early(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Names of the module that a statement of it needs at once and that are bound only behind it."""
    last: dict[str, int] = {}
    for place, node in enumerate(body):
        for name in _bindings(node):
            last.setdefault(name, place)
    for place, node in enumerate(body):
        for name in _needed_at_once(node):
            if last.get(name, -1) > place:
                yield f"{name} in {next(iter(_bindings(node)), type(node).__name__)}"


def _needed_at_once(node: ast.AST) -> Iterator[str]:
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            yield part.id
        if isinstance(part, _FUNCTIONS):
            pending += [*part.decorator_list, *part.args.defaults, *(d for d in part.args.kw_defaults if d)]
        elif not isinstance(part, ast.Lambda):
            pending += ast.iter_child_nodes(part)


def _body_lines(source: str, facts: _Facts) -> Counter[str]:
    """Lines without indent and empty ones; imports are compared by name."""
    numbered = enumerate(source.split("\n"), start=1)
    return Counter(line.strip() for number, line in numbered if line.strip() and number not in facts.import_lines)


def _lines_are_kept(base: Counter[str], ours: Counter[str], theirs: Counter[str], merged: Counter[str]) -> None:
    for line in base.keys() | ours.keys() | theirs.keys() | merged.keys():
        mine, other, change = ours[line] - base[line], theirs[line] - base[line], merged[line] - base[line]
        low, high = mine + other, mine + other
        if mine > 0 and other > 0:
            low = max(mine, other)
        elif mine < 0 and other < 0:
            high = min(mine, other)
        if not low <= change <= high:
            raise GivesUp(f"a line would be there {change - low:+} times: {line[:60]}")


def _definitions_are_kept(base: set[str], ours: set[str], theirs: set[str], merged: set[str]) -> None:
    expected = (ours & theirs) | ((ours | theirs) - base)
    if merged != expected:
        raise GivesUp(f"lost or doubled: {sorted(merged ^ expected)[:3]}")


def _refuse_new(words: str, faults: Sequence[set[str]]) -> None:
    *before, after = faults
    if new := after.difference(*before):
        raise GivesUp(f"{min(new)} {words}")


def _calls_fit(base: _Facts, ours: _Facts, theirs: _Facts) -> None:
    """Refuse what one side calls more often than before where the other changed how it is called."""
    for changing, calling in ((ours, theirs), (theirs, ours)):
        changed = _changed(base.signatures, changing.signatures)
        if any(calling.calls[name] > max(base.calls[name], changing.calls[name]) for name in changed):
            raise GivesUp("one side changed the parameters of a function that the other calls anew")


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}
