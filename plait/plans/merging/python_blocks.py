"""Python source as blocks: functions, classes with what is in them, imports, assignments, other statements."""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from plait.plans.merging.blocks import Block, Key, plain_lines
from plait.plans.merging.three_way import GivesUp
from plait.plans.merging.trivia import above, head_comments, with_inner_comments, without_trivia

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ENTERS = frozenset({"add_command", "add_typer", "register", "register_blueprint", "include_router"})
"""Calls that enter something into a collection where it is looked up by name: their order does not count."""
_HEAD_ENDS = re.compile(r":\s*(#.*)?\Z")


@dataclass(frozen=True, slots=True)
class Habits:
    """What decides how statements are known in all versions of a file."""

    spread: frozenset[str]
    """Modules that several statements of a scope import from: each such statement is known by what it brings."""
    repeated: frozenset[str]
    """What is called by several statements of a scope: each such statement is known by its text."""


def parsed(source: str) -> ast.Module:
    """Raises: GivesUp."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source)
    except SyntaxError as error:
        raise GivesUp(f"does not parse: {error.msg}") from None


def read_blocks(lines: Sequence[str], module: ast.Module, habits: Habits) -> tuple[Block, ...]:
    """The whole file as one block, with what is at the top level for children.

    Raises:
        GivesUp: the blocks do not add up to the lines.
    """
    head = head_comments(lines)
    if module.body and head > _start(module.body[0]):
        raise GivesUp("a comment within the first statement")
    children, tail = _Scope(lines, habits).blocks(module.body, head, len(lines), "")
    root = Block("file", "file", 0, (), tuple(lines[:head]), children, tail)
    if plain_lines((root,)) != list(lines):
        raise GivesUp("statements that share lines in a way that is not understood")
    return (root,)


def habits(modules: Sequence[ast.Module]) -> Habits:
    """What the versions of a file have in common."""
    spread: set[str] = set()
    repeated: set[str] = set()
    bodies = [module.body for module in modules]
    while bodies:
        body = bodies.pop()
        imports = Counter(_origin(node) for node in body if isinstance(node, ast.ImportFrom))
        calls = Counter(map(_called, body))
        spread |= {origin for origin, count in imports.items() if count > 1}
        repeated |= {name for name, count in calls.items() if count > 1}
        bodies += [inside for node in body if (inside := list(_inside(node)))]
    return Habits(frozenset(spread), frozenset(repeated))


def _called(node: ast.AST) -> str:
    """`app.run` of the statement `app.run(…)`; nothing of others."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func) if isinstance(node.value.func, ast.Name | ast.Attribute) else ""
    return ""


def _origin(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _start(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, _DEFINITIONS) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


class _Scope:
    """Cuts the lines of a file."""

    def __init__(self, lines: Sequence[str], habits: Habits) -> None:
        self.lines = lines
        self.habits = habits

    def blocks(
        self, body: Sequence[ast.stmt], begin: int, end: int, indent: str
    ) -> tuple[tuple[Block, ...], tuple[str, ...]]:
        """The statements from line `begin` to before `end`, and the lines that follow the last."""
        blocks: list[Block] = []
        for place, group in enumerate(_families(body)):
            start = _start(group[0])
            if start < begin:
                raise GivesUp("a statement begins within another one's lines")
            gap, lead = above(self.lines, begin, start)
            begin = with_inner_comments(self.lines, _end(group[-1]), indent, end)
            blocks.append(self._block(group, gap, lead, start, begin, is_first=not place))
        return tuple(blocks), tuple(self.lines[begin:end])

    def _block(
        self, group: Sequence[ast.stmt], gap: int, lead: tuple[str, ...], start: int, end: int, *, is_first: bool
    ) -> Block:
        node, lines = group[0], tuple(self.lines[start:end])
        if len(group) > 1:
            kind = "family" if isinstance(node, _DEFINITIONS) else "statement"
            key: Key = ("name", _name(node)) if kind == "family" else ("text", *_code(lines))
            return Block(key, kind, gap, lead, lines)
        key, kind = _told(node, lines, self.habits, is_first=is_first)
        inside = _inside(node)
        head = without_trivia(self.lines, start, _start(inside[0])) if inside else start
        if head > start and _HEAD_ENDS.search(self.lines[head - 1]):
            indent = re.match(r"\s*", self.lines[_start(inside[0])])
            children, tail = self.blocks(inside, head, end, indent[0] if indent else "")
            return Block(key, kind, gap, lead, tuple(self.lines[start:head]), children, tail)
        return Block(key, kind, gap, lead, lines)


def _families(body: Sequence[ast.stmt]) -> list[list[ast.stmt]]:
    """Statements that share a line, and neighbours that define one name (overloads, a property and its setter)."""
    groups: list[list[ast.stmt]] = []
    for node in body:
        before = groups[-1][-1] if groups else None
        if before is not None and (
            _start(node) < _end(before)
            or (isinstance(node, _DEFINITIONS) and isinstance(before, _DEFINITIONS) and node.name == before.name)
        ):
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


def _inside(node: ast.stmt) -> Sequence[ast.stmt]:
    """What a class holds, and a condition that only imports (`if TYPE_CHECKING:`)."""
    if isinstance(node, ast.ClassDef):
        return node.body
    if isinstance(node, ast.If) and not node.orelse:
        return node.body if all(isinstance(child, ast.Import | ast.ImportFrom) for child in node.body) else ()
    return ()


def _name(node: ast.stmt) -> str:
    return node.name if isinstance(node, _DEFINITIONS) else ""


def _told(node: ast.stmt, lines: tuple[str, ...], habits: Habits, *, is_first: bool) -> tuple[Key, str]:
    """What a statement is known by, and its kind."""
    if isinstance(node, _DEFINITIONS):
        return ("name", node.name), "class" if isinstance(node, ast.ClassDef) else "function"
    if isinstance(node, ast.ImportFrom):
        names = (
            tuple(f"{alias.name} as {alias.asname}" for alias in node.names) if _origin(node) in habits.spread else ()
        )
        return ("from", _origin(node), *names), "import"
    if isinstance(node, ast.Import):
        return ("import", *(f"{alias.name} as {alias.asname}" for alias in node.names)), "import"
    if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
        names = tuple(target.id for target in node.targets if isinstance(target, ast.Name))
        return ("name", *names), "value"
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return ("name", node.target.id), "value"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        is_docstring = is_first and isinstance(node.value.value, str)
        return (("docstring",) if is_docstring else ("text", *_code(lines))), "docstring" if is_docstring else "note"
    if isinstance(node, ast.If):
        return ("if", ast.unparse(node.test)), "condition" if _inside(node) else "statement"
    if isinstance(node, ast.Pass):
        return ("pass",), "pass"
    called = _called(node)
    if called.rpartition(".")[2] in _ENTERS:
        return ("text", *_code(lines)), "entry"
    if called and called not in habits.repeated:
        return ("call", called), "call"
    return ("text", *_code(lines)), "statement"


def _code(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in lines)
