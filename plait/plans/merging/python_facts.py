"""What a Python file binds, defines, uses and calls: what two versions of it can be compared by."""

import ast
import builtins
import re
import symtable
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from plait.plans.merging.python_blocks import parsed
from plait.plans.merging.three_way import GivesUp, Place

_GIVEN = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "__spec__", "__annotations__"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_WRAPPERS = frozenset(
    {"property", "cached_property", "classmethod", "staticmethod", "contextmanager", "asynccontextmanager"}
)
"""Decorators that change how something is called."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function may be called."""

    names: tuple[str, ...]
    """Of positional parameters, the first of them required."""
    required: int
    by_name: frozenset[str]
    """Parameters that are given by name alone."""
    required_by_name: frozenset[str]
    takes_more: tuple[bool, bool]
    """`*args`, `**kwargs`."""
    gives: frozenset[str] = frozenset()
    """What makes a call give something else than the value: `async`, `yield`, decorators such as `property`."""

    @classmethod
    def of(cls, function: ast.FunctionDef | ast.AsyncFunctionDef) -> "Signature":
        """What a definition says."""
        arguments = function.args
        names = tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args))
        named = list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
        return cls(
            names,
            len(names) - len(arguments.defaults),
            frozenset(argument.arg for argument, _ in named),
            frozenset(argument.arg for argument, default in named if default is None),
            (arguments.vararg is not None, arguments.kwarg is not None),
            frozenset(_gives(function)),
        )

    @classmethod
    def of_fields(cls, node: ast.ClassDef) -> "Signature":
        """What the fields of a dataclass or a named tuple say."""
        fields = [child for child in node.body if isinstance(child, ast.AnnAssign)]
        names = tuple(ast.unparse(field.target) for field in fields)
        required = sum(field.value is None for field in fields)
        return cls(names, required, frozenset(), frozenset(), (False, False))

    def takes_all_of(self, old: "Signature") -> bool:
        """Whether each call that fitted the old one still fits."""
        return (
            self.names[: len(old.names)] == old.names
            and self.required <= old.required
            and old.by_name <= self.by_name
            and self.required_by_name <= old.required_by_name
            and self.gives == old.gives
            and all(now or not before for now, before in zip(self.takes_more, old.takes_more, strict=True))
        )


@dataclass(slots=True)
class Facts:
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
    needed_at_run_time: set[str] = field(default_factory=set)
    """Names that are imported for types alone, and used elsewhere than in annotations."""
    signatures: dict[str, list[Signature]] = field(default_factory=dict)
    """By name of the function, or of the class that it makes."""
    calls: Counter[str] = field(default_factory=Counter)
    doubled: set[str] = field(default_factory=set)
    """Keys that one dictionary has twice, values that two members of an enumeration have."""
    numbers: dict[Place, list[int]] = field(default_factory=dict)
    """By scope, what its constants are numbered with, as codes and ports are."""
    late_fields: set[str] = field(default_factory=set)
    """Fields without a default behind one that has it, which a dataclass refuses."""
    import_lines: set[int] = field(default_factory=set)


def facts_of(source: str) -> Facts:
    module = parsed(source)
    facts = Facts()
    _read_scope(module.body, "", facts)
    for node in ast.walk(module):
        if isinstance(node, _DEFINITIONS):
            facts.names.add(node.name)
            _read_signature(node, facts)
        elif isinstance(node, ast.Name):
            facts.used.add(node.id)
        elif isinstance(node, ast.Attribute):
            facts.used.add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            facts.import_lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.Dict):
            keys = [ast.unparse(key) for key in node.keys if isinstance(key, ast.Constant)]
            facts.doubled |= {key for key, count in Counter(keys).items() if count > 1}
        if isinstance(node, ast.Call):
            called = node.func
            facts.calls[getattr(called, "id", "") or getattr(called, "attr", "")] += 1
    listed = set(_listed(module))
    known = set(facts.bound.get("", ())) | _GIVEN
    facts.undefined = (_global_names(source) | listed) - known
    facts.needed_at_run_time = _type_only(module) & set(_used_at_run_time(module))
    facts.early = set(_used_early(module.body))
    return facts


def _read_scope(body: Sequence[ast.stmt], scope: str, facts: Facts) -> None:
    bound = facts.bound.setdefault(scope, Counter())
    facts.numbers[scope,] = list(_numbers(body))
    for node in body:
        names = list(_bindings(node))
        # `import a.b` and `import a.c` bind one name, to one thing.
        shared = {name for name in names if isinstance(node, ast.Import) and bound[name]}
        bound.update(name for name in names if name not in shared)
        if isinstance(node, _DEFINITIONS):
            facts.definitions.add(f"{scope}.{node.name}")
        if isinstance(node, ast.ClassDef):
            inner = f"{scope}.{node.name}"
            _read_scope(node.body, inner, facts)
            _read_members(node, inner, facts)
            own = set(facts.bound[inner])
            facts.missing_members |= {f"{inner}.{name}" for name in _own_members(node) - own}


def _numbers(body: Sequence[ast.stmt]) -> Iterator[int]:
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            number = node.value.value
            if type(number) is int:
                yield number


def _read_signature(node: ast.AST, facts: Facts) -> None:
    makers = [child for child in getattr(node, "body", []) if getattr(child, "name", "") == "__init__"]
    signatures = facts.signatures.setdefault(getattr(node, "name", ""), [])
    for function in makers if isinstance(node, ast.ClassDef) else [node]:
        if isinstance(function, _FUNCTIONS):
            signatures.append(Signature.of(function))
    if isinstance(node, ast.ClassDef) and not makers:
        about = " ".join(map(ast.unparse, (*node.decorator_list, *node.bases)))
        if re.search(r"dataclass|define|NamedTuple|attrs?\b", about):
            signatures.append(Signature.of_fields(node))


def _gives(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if isinstance(function, ast.AsyncFunctionDef):
        yield "async"
    yield from _WRAPPERS & {ast.unparse(decorator).rpartition(".")[2] for decorator in function.decorator_list}
    pending: list[ast.AST] = [*function.body]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom):
            yield "yield"
        if not isinstance(part, (*_DEFINITIONS, ast.Lambda)):
            pending += ast.iter_child_nodes(part)


def _read_members(node: ast.ClassDef, scope: str, facts: Facts) -> None:
    """What an enumeration has twice, and what a dataclass has too late."""
    has_default = False
    values: Counter[str] = Counter()
    for child in node.body:
        if isinstance(child, ast.AnnAssign):
            if has_default and child.value is None:
                facts.late_fields.add(f"{scope}.{ast.unparse(child.target)}")
            has_default = has_default or child.value is not None
        elif isinstance(child, ast.Assign) and not re.match(r"(\w+\.)*auto\(", ast.unparse(child.value)):
            values[ast.unparse(child.value)] += 1
    if any(word in ast.unparse(base) for base in node.bases for word in ("Enum", "Flag", "Choices")):
        facts.doubled |= {f"{scope}: {value}" for value, count in values.items() if count > 1}


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


def _type_only(module: ast.Module) -> set[str]:
    """What is bound below `if TYPE_CHECKING:` alone."""
    bound: dict[bool, set[str]] = {True: set(), False: set()}
    for node in module.body:
        is_for_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        bound[is_for_types].update(_bindings(node))
    return bound[True] - bound[False]


def _used_at_run_time(module: ast.Module) -> Iterator[str]:
    pending: list[ast.AST] = [module]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            yield node.id
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        pending += [child for child in ast.iter_child_nodes(node) if child not in annotations]


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
