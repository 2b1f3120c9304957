"""JSON, TOML and YAML by key: formatting stays, what is not certain is left to others."""

import pytest

from plait.plans.merging.structural import settle_structurally

PACKAGE = """{
  "name": "shop",
  "private": true,

  "dependencies": {
    "axios": "^1.0.0",
    "react": "^18.0.0"
  },
  "files": [
    "dist",
    "src"
  ],
  "keywords": ["a", "b"],
  "x": {}
}
"""
PROJECT = """# Ours.
[project]
name = "shop"   # short
dependencies = [
  "axios>=1",
  # What the page needs.
  "react>=18",  # not 19
]

[tool.ruff]
line-length = 100
"""
CI = """# Checks.
name: ci
on:
  push:
    branches: [main]

env:
  A: "1"  # one
paths:
  - src
  - tests
repos:
  - repo: ruff
    rev: v1
    hooks:
      - id: ruff
  - repo: mypy
    rev: v1

jobs:
  test:
    steps:
      - run: make test
# End.
"""


def merged(path: str, base: str | None, ours: str, theirs: str) -> str | None:
    """The merge of three texts, the same with the sides changed over."""
    old = None if base is None else base.encode()
    settled = settle_structurally(path, old, ours.encode(), theirs.encode())
    assert settle_structurally(path, old, theirs.encode(), ours.encode()) == settled
    return settled.content.decode() if settled else None


def changed(text: str, *changes: tuple[str, str]) -> str:
    """The text with each first part, which must be there once, as the second."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


MERGES: dict[str, tuple[str, str, tuple[str, str], tuple[str, str], tuple[tuple[str, str], ...]]] = {
    "dependencies at the end, sorted": (
        "package.json",
        PACKAGE,
        ('"react": "^18.0.0"', '"react": "^18.0.0",\n    "zod": "^3.0.0"'),
        ('"react": "^18.0.0"', '"react": "^18.0.0",\n    "vite": "^5.0.0"'),
        (('"react": "^18.0.0"', '"react": "^18.0.0",\n    "vite": "^5.0.0",\n    "zod": "^3.0.0"'),),
    ),
    "neighbours changed": (
        "package.json",
        PACKAGE,
        ('"axios": "^1.0.0"', '"axios": "^1.1.0"'),
        ('"react": "^18.0.0"', '"react": "^18.1.0"'),
        (('"axios": "^1.0.0"', '"axios": "^1.1.0"'), ('"react": "^18.0.0"', '"react": "^18.1.0"')),
    ),
    "one taken away, its neighbour changed": (
        "package.json",
        PACKAGE,
        ('"axios": "^1.0.0",\n    "react": "^18.0.0"', '"axios": "^1.0.0"'),
        ('"axios": "^1.0.0"', '"axios": "^2.0.0"'),
        (('"axios": "^1.0.0",\n    "react": "^18.0.0"', '"axios": "^2.0.0"'),),
    ),
    "a sorted list grows in order": (
        "package.json",
        PACKAGE,
        ('"dist",\n', '"dist",\n    "docs",\n'),
        ('"dist",\n', '"dist",\n    "lib",\n'),
        (('"dist",\n', '"dist",\n    "docs",\n    "lib",\n'),),
    ),
    "values with parts on both sides": (
        "package.json",
        PACKAGE,
        ('"x": {}', '"x": {},\n  "y": {\n    "deep": [1, 2]\n  }'),
        ('"x": {}', '"x": {},\n  "z": [\n    {\n      "a": 1\n    }\n  ]'),
        (('"x": {}', '"x": {},\n  "y": {\n    "deep": [1, 2]\n  },\n  "z": [\n    {\n      "a": 1\n    }\n  ]'),),
    ),
    "a list of TOML keeps its remarks": (
        "pyproject.toml",
        PROJECT,
        ('  "react>=18",  # not 19\n', '  "react>=18",  # not 19\n  "zod",\n'),
        ('  "react>=18",  # not 19\n', '  "react>=18",  # not 19\n  "vite>=5",  # quick\n'),
        (('  "react>=18",  # not 19\n', '  "react>=18",  # not 19\n  "vite>=5",  # quick\n  "zod",\n'),),
    ),
    "tables of TOML at the end": (
        "pyproject.toml",
        PROJECT,
        ("line-length = 100\n", "line-length = 100\n\n[tool.mypy]\nstrict = true\n"),
        ("line-length = 100\n", 'line-length = 120\n\n[tool.black]\ntext = """\n[not.a.table]\n"""\n'),
        (
            (
                "line-length = 100\n",
                'line-length = 120\n\n[tool.black]\ntext = """\n[not.a.table]\n"""\n\n[tool.mypy]\nstrict = true\n',
            ),
        ),
    ),
    "tables of TOML between others": (
        "pyproject.toml",
        PROJECT,
        ("[tool.ruff]\n", "[new]\nz = 1\n\n[tool.ruff]\n"),
        ("[tool.ruff]\n", "[a]\nz = 1\n\n[tool.ruff]\n"),
        (("[tool.ruff]\n", "[a]\nz = 1\n\n[new]\nz = 1\n\n[tool.ruff]\n"),),
    ),
    "keys of YAML at one place": (
        "ci.yml",
        CI,
        ('  A: "1"  # one\n', '  A: "1"  # one\n  # Three.\n  C: 3\n'),
        ('  A: "1"  # one\n', '  A: "1"  # one\n  B: |\n    # no comment\n    text\n'),
        (('  A: "1"  # one\n', '  A: "1"  # one\n  B: |\n    # no comment\n    text\n  # Three.\n  C: 3\n'),),
    ),
    "entries of YAML that are known by their first key": (
        "ci.yml",
        CI,
        ("ruff\n    rev: v1", "ruff\n    rev: v2"),
        ("mypy\n    rev: v1", "mypy\n    rev: v3"),
        (("ruff\n    rev: v1", "ruff\n    rev: v2"), ("mypy\n    rev: v1", "mypy\n    rev: v3")),
    ),
    "a list of YAML at its end": (
        "ci.yml",
        CI,
        ("  - tests\n", "  - tests\n  - web\n"),
        ("  - tests\n", "  - tests\n  - docs\n"),
        (("  - tests\n", "  - tests\n  - docs\n  - web\n"),),
    ),
}


@pytest.mark.parametrize("case", MERGES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_it_merges(case: str, line_end: str) -> None:
    path, base, ours, theirs, result = MERGES[case]
    versions = (base, changed(base, ours), changed(base, theirs), changed(base, *result))
    old, mine, other, wanted = (text.replace("\n", line_end) for text in versions)
    assert merged(path, old, mine, other) == wanted


GIVES_UP: dict[str, tuple[str, str, tuple[str, str], tuple[str, str]]] = {
    "both change one value": ("a.json", PACKAGE, ('"name": "shop"', '"name": "a"'), ('"name": "shop"', '"name": "b"')),
    "both add one key": ("a.json", PACKAGE, ('"x": {}', '"x": {},\n  "y": 1'), ('"x": {}', '"x": {},\n  "y": 2')),
    "both change values that share a line": (
        "a.json",
        PACKAGE,
        ('["a", "b"]', '["a", "b", "c"]'),
        ('["a", "b"]', '["b"]'),
    ),
    "one takes away what the other changes": (
        "a.json",
        PACKAGE,
        ('"name": "shop",\n', ""),
        ('"name": "shop"', '"name": "b"'),
    ),
    "a key occurs twice": ("a.json", PACKAGE, ('"x": {}', '"x": {},\n  "x": 1'), ('"name": "shop"', '"name": "b"')),
    "there are comments": ("a.json", PACKAGE, ('"x": {}', '"x": {} // no'), ('"name": "shop"', '"name": "b"')),
    "it is not a number": ("a.json", PACKAGE, ('"x": {}', '"x": NaN'), ('"name": "shop"', '"name": "b"')),
    "both add at the front of a list": (
        "a.json",
        '[\n  "z",\n  "b"\n]\n',
        ("[\n", '[\n  "x",\n'),
        ("[\n", '[\n  "y",\n'),
    ),
    "arguments of a command": (
        "a.json",
        '[\n  "run",\n  "-v"\n]\n',
        ('"-v"', '"-v",\n  "--a"'),
        ('"-v"', '"-v",\n  "--b"'),
    ),
    "one puts another element where the other appends": (
        "a.json",
        '[\n  "z",\n  "b"\n]\n',
        ('"b"', '"c"'),
        ('"b"', '"b",\n  "a"'),
    ),
    "both change one value of TOML": ("a.toml", PROJECT, ("100", "110"), ("100", "120")),
    "both add one table": (
        "a.toml",
        PROJECT,
        ("100\n", "100\n[a]\nb = 1\n"),
        ("100\n", "100\n[a]\nb = 2\n"),
    ),
    "a dotted key says what a table says": (
        "a.toml",
        PROJECT,
        ('name = "shop"', 'name = "shop"\nx.y = 1'),
        ("100\n", "100\n[project.x]\ny = 2\n"),
    ),
    "both add steps": (
        "ci.yml",
        CI,
        ("      - run: make test\n", "      - run: make test\n      - run: make a\n"),
        ("      - run: make test\n", "      - run: make test\n      - run: make b\n"),
    ),
    "anchors": ("ci.yml", CI, ("branches: [main]", "branches: &b [main]"), ("name: ci", "name: cd")),
    "tags": ("ci.yml", CI, ("branches: [main]", "branches: !!set {main}"), ("name: ci", "name: cd")),
    "merge keys": ("ci.yml", CI, ("branches: [main]", "<<: {a: 1}"), ("name: ci", "name: cd")),
    "two documents": ("ci.yml", CI, ("# End.", "---\na: 1"), ("name: ci", "name: cd")),
    "a key of YAML occurs twice": ("ci.yml", CI, ("name: ci", "name: ci\nname: cd"), ("# End.\n", "z: 1\n")),
    "blank lines that count": ("ci.yml", CI, ("name: ci", "name: |+\n  a\n\n"), ("# End.\n", "z: 1\n")),
    "both rename one key": ("a.json", PACKAGE, ('"private"', '"secret"'), ('"private"', '"public"')),
    "both add an element of one id": (
        "a.json",
        '{\n  "all": [\n    {"id": 1}\n  ]\n}\n',
        ('{"id": 1}', '{"id": 1},\n    {"id": 2, "name": "a"}'),
        ('{"id": 1}', '{"id": 1},\n    {"id": 2, "name": "b"}'),
    ),
    "both take one number": (
        "a.json",
        '{\n  "shop": 8001,\n  "page": 8002\n}\n',
        ("8002", '8002,\n  "cart": 8003'),
        ("8002", '8002,\n  "user": 8003'),
    ),
    "both require one package": (
        "pyproject.toml",
        PROJECT,
        ('  "react>=18",  # not 19\n', '  "react>=18",  # not 19\n  "zod[a]>=1",\n'),
        ('  "react>=18",  # not 19\n', '  "react>=18",  # not 19\n  "zod == 3",\n'),
    ),
    "both add steps to a list of JSON": (
        "a.json",
        '{\n  "args": [\n    "run"\n  ]\n}\n',
        ('"run"', '"run",\n    "fast"'),
        ('"run"', '"run",\n    "all"'),
    ),
    "both add steps to a list of TOML": (
        "a.toml",
        'commands = [\n  "run",\n]\n',
        ('"run",', '"run",\n  "fast",'),
        ('"run",', '"run",\n  "all",'),
    ),
    "both add a table of an array with a table below it": (
        "a.toml",
        '[[x]]\nname = "a"\n',
        ('name = "a"\n', 'name = "a"\n[[x]]\nname = "b"\n[x.y]\nv = 1\n'),
        ('name = "a"\n', 'name = "a"\n[[x]]\nname = "c"\n[x.y]\nv = 1\n'),
    ),
    "both add one table with another comment": (
        "a.toml",
        PROJECT,
        ("100\n", "100\n# One.\n[a]\nb = 1\n"),
        ("100\n", "100\n# Two.\n[a]\nc = 1\n"),
    ),
    "both add one key with another remark": (
        "ci.yml",
        CI,
        ("# End.", "z: # one\n  a: 1\n# End."),
        ("# End.", "z: # two\n  b: 1\n# End."),
    ),
    "one indents a list otherwise than the other adds to it": (
        "ci.yml",
        CI,
        ("  - src\n  - tests\n", "- src\n- tests\n"),
        ("  - tests\n", "  - tests\n  - web\n"),
    ),
    "tabs": ("ci.yml", CI, ("name: ci", "name:\n\t- a"), ("# End.\n", "z: 1\n")),
}


@pytest.mark.parametrize("case", GIVES_UP)
def test_it_gives_up_when(case: str) -> None:
    path, base, ours, theirs = GIVES_UP[case]
    assert merged(path, base, changed(base, ours), changed(base, theirs)) is None


@pytest.mark.parametrize(
    ("path", "ours", "theirs", "result"),
    [
        ("a.json", '{\n  "a": 1\n}\n', '{\n  "b": 2\n}\n', '{\n  "a": 1,\n  "b": 2\n}\n'),
        ("a.toml", "a = 1\n", "b = 2\n", "a = 1\nb = 2\n"),
        ("a.toml", "[a]\nx = 1\n", "z = 2\n", "z = 2\n[a]\nx = 1\n"),
        ("a.toml", "# A.\n\na = 1\n", "# B.\n\nb = 1\n", None),
        ("a.yaml", "a: 1\n", "b: 2\n", "a: 1\nb: 2\n"),
        ("a.json", "[\n]\n", "", "[\n]\n"),
        ("a.yaml", "a: 1\n", "", "a: 1\n"),
        ("a.yaml", "a: 1\n", "- b\n", None),
        ("a.json", "1\n", "2\n", None),
    ],
)
def test_files_that_both_sides_added(path: str, ours: str, theirs: str, result: str | None) -> None:
    assert merged(path, None, ours, theirs) == result
