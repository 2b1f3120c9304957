"""Python by definition: what merges, and each trap in which it has to give up."""

import pytest

from plait.plans.merging.structural import Settled, settle_structurally

BASE = '''"""A shop."""
import os
from shop.prices import net, tax


LIMIT = 3


def buy(item):
    return item


class Cart:
    """What is bought."""

    def add(self, item):
        self.items.append(item)

    def total(self):
        return net(self.items)


def sell(item):
    return os.getcwd(), tax(item)
'''


def merged(base: str | None, ours: str, theirs: str) -> str | None:
    """The merge of three texts, which has to be the same with the sides changed over."""
    old = None if base is None else base.encode()
    settled = settle_structurally("shop.py", old, ours.encode(), theirs.encode())
    assert settle_structurally("shop.py", old, theirs.encode(), ours.encode()) == settled
    if settled is None:
        return None
    assert settled.way == "python"
    return settled.content.decode()


def changed(*changes: tuple[str, str], text: str = BASE) -> str:
    """The text with each first part, which must be there once, as the second."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_functions_that_both_sides_add_at_one_place_stand_one_after_the_other() -> None:
    ours = BASE + "\n\ndef lend(item):\n    return item\n"
    theirs = BASE + "\n\ndef give(item):\n    return None\n"
    result = BASE + "\n\ndef give(item):\n    return None\n\n\ndef lend(item):\n    return item\n"
    assert merged(BASE, ours, theirs) == result


def test_methods_that_both_sides_add_land_in_their_class() -> None:
    end = "        return net(self.items)\n"
    ours = changed((end, end + "\n    def clear(self):\n        self.items.clear()\n"))
    theirs = changed((end, end + "\n    @property\n    def size(self):\n        return len(self.items)\n"))
    both = end + (
        "\n    @property\n    def size(self):\n        return len(self.items)\n"
        "\n    def clear(self):\n        self.items.clear()\n"
    )
    assert merged(BASE, ours, theirs) == changed((end, both))


def test_names_that_both_sides_import_are_a_set_in_order() -> None:
    ours = changed(("import net, tax", "import discount, net, tax"), ("return item\n", "return discount(item)\n"))
    theirs = changed(("import net, tax", "import gross, net, tax"), ("LIMIT = 3", "LIMIT = gross(3)"))
    result = merged(BASE, ours, theirs)
    assert result is not None
    assert "from shop.prices import discount, gross, net, tax\n" in result


def test_an_import_list_that_grows_too_long_is_wrapped() -> None:
    names = ", ".join(f"a_rather_long_name_{number}" for number in range(3))
    ours = changed(("import net, tax", f"import {names}, net, tax"))
    theirs = changed(("import net, tax", "import net, tax, vat_of_another_country"))
    result = merged(BASE, ours, theirs)
    assert result is not None
    assert "from shop.prices import (\n    a_rather_long_name_0,\n" in result
    assert "    tax,\n    vat_of_another_country,\n)\n" in result


def test_a_wrapped_import_stays_wrapped_as_it_is() -> None:
    wrapped = "from shop.prices import (\n  net,\n  tax\n)"
    base = changed(("from shop.prices import net, tax", wrapped))
    ours = base.replace("  net,\n", "  gross,\n  net,\n")
    theirs = base.replace("  tax\n", "  tax,\n  vat\n")
    assert merged(base, ours, theirs) == base.replace("  net,\n  tax\n", "  gross,\n  net,\n  tax,\n  vat\n")


def test_comments_on_imported_names_stay_with_them() -> None:
    wrapped = "from shop.prices import (\n    net,  # noqa\n    tax,\n)"
    base = changed(("from shop.prices import net, tax", wrapped))
    ours = base.replace("    net,  # noqa\n", "    gross,  # new\n    net,  # noqa\n")
    theirs = base.replace("    tax,\n", "    tax,\n    vat,\n")
    both = "    gross,  # new\n    net,  # noqa\n    tax,\n    vat,\n"
    assert merged(base, ours, theirs) == base.replace("    net,  # noqa\n    tax,\n", both)


def test_a_comment_on_an_import_line_stays_at_its_end() -> None:
    base = "from a import b  # noqa\n"
    assert merged(base, "from a import b, c  # noqa\n", "from a import b, d\n") == "from a import b, c, d\n"


def test_what_both_sides_register_is_registered_beside_each_other() -> None:
    ours, theirs = BASE + "\ncli.add_command(b)\n", BASE + "\ncli.add_command(a)\n"
    assert merged(BASE, ours, theirs) == BASE + "\ncli.add_command(a)\n\ncli.add_command(b)\n"


def test_imports_added_at_one_place_are_sorted_as_their_sides_are() -> None:
    ours = changed(("import os\n", "import os\nimport sys\n"))
    theirs = changed(("import os\n", "import os\nimport re\nimport zlib\n"))
    result = "import os\nimport re\nimport sys\nimport zlib\n"
    assert merged(BASE, ours, theirs) == changed(("import os\n", result))


def test_a_function_that_both_changed_in_different_lines_is_merged_line_by_line() -> None:
    long = "def f():\n    a = 1\n    b = 2\n    c = 3\n    return a, b, c\n"
    ours = long.replace("a = 1", "a = 10") + "\n\ndef g():\n    return 1\n"
    theirs = long.replace("c = 3", "c = 30") + "\n\ndef h():\n    return 2\n"
    result = merged(long, ours, theirs)
    assert result is not None
    assert "a = 10\n    b = 2\n    c = 30\n" in result


def test_a_function_that_one_side_moved_and_the_other_changed_is_changed_at_its_new_place() -> None:
    base = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"
    moved = "def b():\n    return 2\n\n\ndef a():\n    return 1\n"
    assert merged(base, moved, base.replace("return 1", "return 10")) == moved.replace("return 1", "return 10")


def test_a_removal_is_honoured_beside_the_other_sides_addition() -> None:
    ours = changed(("def buy(item):\n    return item\n\n\n", ""))
    theirs = changed(
        ("def buy(item):\n    return item\n", "def buy(item):\n    return item\n\n\ndef lend():\n    pass\n")
    )
    assert merged(BASE, ours, theirs) == changed(("def buy(item):\n    return item\n", "def lend():\n    pass\n"))


def test_comments_decorators_and_docstrings_go_with_what_they_belong_to() -> None:
    ours = (
        BASE
        + '\n\n# Slow.\n@cached\ndef lend(item):\n    """Lend it."""\n    return item  # for now\n    # never more\n'
    )
    theirs = BASE + "\n\n# Fast.\ndef give(item):\n    return None\n"
    result = merged(BASE, "cached = str\n" + ours, theirs)
    assert result is not None
    assert (
        '# Slow.\n@cached\ndef lend(item):\n    """Lend it."""\n    return item  # for now\n    # never more\n'
        in result
    )


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"# coding: latin-1\n# \xe9\n", b"#!/usr/bin/env python\n"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"\n"])
def test_encoding_line_ends_and_a_missing_last_one_survive(prefix: bytes, line_end: bytes, last: bytes) -> None:
    base = "def a():\n    return 1\n\n\ndef z():\n    return 2"
    ours = base.replace("\n\n\ndef z", "\n\n\ndef b():\n    return 3\n\n\ndef z")
    theirs = base.replace("\n\n\ndef z", "\n\n\ndef c():\n    return 4\n\n\ndef z")
    result = base.replace("\n\n\ndef z", "\n\n\ndef b():\n    return 3\n\n\ndef c():\n    return 4\n\n\ndef z")
    versions = [(prefix + text.encode() + last).replace(b"\n", line_end) for text in (base, ours, theirs, result)]
    assert settle_structurally("a.py", *versions[:3]) == Settled(versions[3], "python")


def test_files_that_both_sides_added_are_united() -> None:
    ours = "import re\n\n\ndef a():\n    return re\n\n\ndef same():\n    pass\n"
    theirs = "def same():\n    pass\n\n\ndef b():\n    pass\n"
    result = "import re\n\n\ndef a():\n    return re\n\n\ndef same():\n    pass\n\n\ndef b():\n    pass\n"
    assert merged(None, ours, theirs) == result


def test_a_block_that_only_imports_for_types_is_merged_like_imports() -> None:
    guard = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from a import b\n\n\nx: b\n"
    ours = guard.replace("    from a import b\n", "    from a import b\n    from c import d\n")
    theirs = guard.replace("    from a import b\n", "    from a import b, e\n    from f import g\n")
    both = "    from a import b, e\n    from c import d\n    from f import g\n"
    assert merged(guard, ours, theirs) == guard.replace("    from a import b\n", both)


PROPERTY = """class A:
    @property
    def x(self):
        return 1

    @x.setter
    def x(self, value):
        pass
"""

GIVES_UP: dict[str, tuple[str, str, str]] = {
    "both change the same lines": (BASE, changed(("LIMIT = 3", "LIMIT = 4")), changed(("LIMIT = 3", "LIMIT = 5"))),
    "both add one name differently": (BASE, BASE + "\n\ndef n():\n    a\n", BASE + "\n\ndef n():\n    b\n"),
    "both add one name, as two kinds of things": (BASE, BASE + "\n\nn = 1\n", BASE + "\n\ndef n():\n    pass\n"),
    "one imports what the other defines": (
        BASE,
        changed(("import os\n", "import os\nfrom a import n\n")),
        BASE + "\n\ndef n():\n    pass\n",
    ),
    "both import one name from two places": (
        BASE,
        changed(("import os\n", "import os\nfrom a import n\n")),
        changed(("import os\n", "import os\nfrom b import n\n")),
    ),
    "one takes away what the other changes": (
        BASE,
        changed(("def buy(item):\n    return item\n\n\n", "")),
        changed(("    return item\n", "    return item, 1\n")),
    ),
    "both rename one function": (
        "def f():\n    a = 1\n    return a\n\n\ndef z():\n    pass\n",
        "def g():\n    a = 1\n    return a\n\n\ndef z():\n    pass\n",
        "def h():\n    a = 1\n    return a\n\n\ndef z():\n    pass\n",
    ),
    "one takes away a statement that the other changes": (
        "def f():\n    pass\n\n\nf(1)\nf(2)\n",
        "def f():\n    pass\n\n\nf(1)\n",
        "def f():\n    pass\n\n\nf(1)\nf(3)\n",
    ),
    "one renames what the other uses anew": (
        BASE,
        changed(("def buy(item):", "def purchase(item):")),
        BASE + "\n\ndef twice():\n    return buy(1), buy(2)\n",
    ),
    "one takes away an import that the other uses anew": (
        BASE,
        changed(("import os\n", ""), ("os.getcwd()", "1")),
        BASE + "\n\ndef here():\n    return os.getcwd()\n",
    ),
    "one renames a method that the other calls anew": (
        BASE,
        changed(("def total(self)", "def sum(self)")),
        changed(("        self.items.append(item)\n", "        self.items.append(item)\n        self.total()\n")),
    ),
    "one renames a method that the other calls from elsewhere": (
        BASE,
        changed(("def total(self)", "def sum(self)")),
        BASE + "\n\ndef pay(cart):\n    return cart.total()\n",
    ),
    "one lists in __all__ what the other takes away": (
        "__all__ = ['a']\n\n\ndef a():\n    pass\n\n\ndef b():\n    pass\n",
        "__all__ = ['a', 'b']\n\n\ndef a():\n    pass\n\n\ndef b():\n    pass\n",
        "__all__ = ['a']\n\n\ndef a():\n    pass\n",
    ),
    "one changes the parameters of what the other calls anew": (
        BASE,
        changed(("def buy(item):", "def buy(item, price):")),
        BASE + "\n\ndef twice():\n    return buy(1)\n",
    ),
    "one changes how a class is made that the other makes anew": (
        "class A:\n    def __init__(self, a):\n        self.a = a\n\n\nx = 1\n",
        "class A:\n    def __init__(self, b):\n        self.a = b\n\n\nx = 1\n",
        "class A:\n    def __init__(self, a):\n        self.a = a\n\n\nx = 1\ny = A(a=1)\n",
    ),
    "one takes an import away on which the other comments": (
        "from a import b\nx = 1\n",
        "x = 1\n",
        "from a import b  # needed\nx = 1\n",
    ),
    "one keeps for types alone what the other uses": (
        "from a import b, c\n\n\ndef f(x: b):\n    return c\n",
        "from a import c\n\nif TYPE_CHECKING:\n    from a import b\n\n\ndef f(x: b):\n    return c\n",
        "from a import b, c, d\n\n\ndef f(x: b):\n    return c\n\n\ndef g():\n    return b, d\n",
    ),
    "both give one key in one dictionary": (
        "x = {\n    'a': 1,\n    'b': 2,\n    'c': 3,\n}\n",
        "x = {\n    'd': 4,\n    'a': 1,\n    'b': 2,\n    'c': 3,\n}\n",
        "x = {\n    'a': 1,\n    'b': 2,\n    'c': 3,\n    'd': 5,\n}\n",
    ),
    "both give one value in an enumeration": (
        "class E(IntEnum):\n    A = 1\n",
        "class E(IntEnum):\n    A = 1\n    B = 2\n",
        "class E(IntEnum):\n    A = 1\n    C = 2\n",
    ),
    "a field without a default would follow one that has it": (
        "@dataclass\nclass A:\n    a: int\n",
        "@dataclass\nclass A:\n    a: int\n    b: int = 1\n",
        "@dataclass\nclass A:\n    a: int\n    c: int\n",
    ),
    "both change __all__": (
        "__all__ = [\n 'a',\n 'b',\n 'c']\n",
        "__all__ = [\n 'b',\n 'c']\n",
        "__all__ = [\n 'a',\n 'b']\n",
    ),
    "both change the decorators": (
        "@a\n@b\n@c\ndef f():\n    pass\n",
        "@a1\n@b\n@c\ndef f():\n    pass\n",
        "@a\n@b\n@c1\ndef f():\n    pass\n",
    ),
    "both add statements at one place": (BASE, BASE + "\nbuy(1)\n", BASE + "\nsell(2)\n"),
    "both change a definition below a condition": (
        "if x:\n    def f():\n        a = 1\n        b = 2\n        c = 3\n",
        "if x:\n    def f():\n        a = 0\n        b = 2\n        c = 3\n",
        "if x:\n    def f():\n        a = 1\n        b = 2\n        c = 0\n",
    ),
    "both change a property that has a setter": (
        PROPERTY,
        PROPERTY.replace("return 1", "return 2"),
        PROPERTY.replace("pass", "value()"),
    ),
    "both change one of two definitions of a name": (
        "def f():\n    1\n\n\nx = 1\n\n\ndef f():\n    2\n",
        "def f():\n    3\n\n\nx = 1\n\n\ndef f():\n    2\n",
        "def f():\n    1\n\n\nx = 1\n\n\ndef f():\n    4\n",
    ),
    "one uses at once what the other moves behind it": (
        "def a():\n    return 1\n\n\ndef b():\n    return 2\n",
        "def b():\n    return 2\n\n\ndef a():\n    return 1\n",
        "def a():\n    return 1\n\n\ndef b():\n    return 2\n\n\nX = a(), b()\n",
    ),
    "both rename one constant": ("X = 7\ny = 1\n", "Y = 7\ny = 1\n", "Z = 7\ny = 1\n"),
    "both give one number to a constant": ("Z = 1\nA = 2\n", "Z = 1\nA = 2\nB = 3\n", "Z = 1\nA = 2\nC = 3\n"),
    "both give one flag in an enumeration": (
        "class E(IntFlag):\n    A = 1 << 0\n",
        "class E(IntFlag):\n    A = 1 << 0\n    B = 1 << 1\n",
        "class E(IntFlag):\n    A = 1 << 0\n    C = 1 << 1\n",
    ),
    "both add one class": (
        BASE,
        BASE + "\n\nclass N:\n    def a(self):\n        return 1\n",
        BASE + "\n\nclass N:\n    def b(self):\n        return 2\n",
    ),
    "one makes a coroutine of what the other calls anew": (
        BASE,
        changed(("def buy(item):", "async def buy(item):")),
        BASE + "\n\ndef twice():\n    return buy(1)\n",
    ),
    "one makes a generator of what the other calls anew": (
        BASE,
        changed(("    return item\n", "    yield item\n")),
        BASE + "\n\ndef twice():\n    return buy(1)\n",
    ),
    "one makes a property of what the other calls anew": (
        BASE,
        changed(("    def total(self)", "    @property\n    def total(self)")),
        BASE + "\n\ndef pay(cart):\n    return cart.total()\n",
    ),
    "both add a field that they give by place": (
        "class A(NamedTuple):\n    a: int\n",
        "class A(NamedTuple):\n    a: int\n    b: int = 0\n\n\ndef f():\n    return A(1, 2)\n",
        "class A(NamedTuple):\n    a: int\n    c: int = 0\n\n\ndef g():\n    return A(1, 3)\n",
    ),
    "one takes away at once what the other reads": (
        "import a\nx = a.b\n",
        "import a\nx = a.b\ndel a\n",
        "import a\nx = a.b\ny = a.c\n",
    ),
    "one sets anew what the other reads": ("x = 1\n", "x = 1\nx = [x]\n", "x = 1\ny = x\n"),
    "both add a docstring": ("x = 1\n", '"""A."""\nx = 1\n', '"""B."""\nx = 1\n'),
    "both change a text that stands by itself": (
        'x = 1\n"""About x."""\n',
        'x = 1\n"""On x."""\n',
        'x = 1\n"""x."""\n',
    ),
    "both change the imports with a star": ("from a import *\n", "from a import b\n", "from a import c\n"),
    "a side does not parse": (BASE, BASE + "\n\ndef n(:\n", BASE + "\n\ndef m():\n    pass\n"),
    "a side is Python 2": (BASE, BASE + "\n\nprint 1\n", BASE + "\n\ndef m():\n    pass\n"),
    "a side changes the line ends": (BASE, BASE.replace("\n", "\r\n", 3), BASE + "\n\ndef m():\n    pass\n"),
    "a form feed hides a line end": (BASE, BASE + "\rx = 1\n", BASE + "\n\ndef m():\n    pass\n"),
}


@pytest.mark.parametrize("case", GIVES_UP)
def test_it_gives_up_when(case: str) -> None:
    assert merged(*GIVES_UP[case]) is None


def test_a_class_of_tests_that_both_sides_added_has_the_tests_of_both() -> None:
    head, one, two, three = (
        "\n\nclass TestN:\n",
        *(f"    def test_{number}(self):\n        assert {number}\n" for number in (1, 2, 3)),
    )
    ours, theirs = BASE + head + one + "\n" + two, BASE + head + one + "\n" + three
    assert merged(BASE, ours, theirs) == ours + "\n" + three


def test_values_that_both_sides_make_alike_stand_one_after_the_other() -> None:
    assert merged("x = f(1)\n", "x = f(1)\ny = f(5)\n", "x = f(1)\nz = f(6)\n") == "x = f(1)\ny = f(5)\nz = f(6)\n"


def test_one_side_may_add_an_optional_parameter_while_the_other_calls_anew() -> None:
    ours = changed(("def buy(item):", "def buy(item, *, price: int = 0):"))
    theirs = BASE + "\n\ndef twice():\n    return buy(1)\n"
    assert merged(BASE, ours, theirs) == ours + "\n\ndef twice():\n    return buy(1)\n"


def test_two_modules_of_one_package_may_be_imported() -> None:
    ours = changed(("import os\n", "import os\nimport os.path\n"))
    theirs = changed(("import os\n", "import os\nimport os.abc\n"))
    result = "import os\nimport os.abc\nimport os.path\n"
    assert merged(BASE, ours, theirs) == changed(("import os\n", result))


def test_one_side_may_change_what_occurs_twice() -> None:
    base = "def f():\n    1\n\n\nx = 1\n\n\ndef f():\n    2\n"
    ours = base.replace("    1\n", "    3\n")
    theirs = base + "\n\ndef g():\n    4\n"
    assert merged(base, ours, theirs) == ours + "\n\ndef g():\n    4\n"


@pytest.mark.parametrize(
    "content",
    [
        b"(" * 5000,
        b"x = " + b"-" * 15_000 + b"1\n",
        b"x = " + b"[" * 90 + b"]" * 90 + b"\n" + b"y = 1\n" * 5,
        b"x = 1" + b"0" * 10_000 + b"\n",
        b"\0",
        b"\xff\xfe",
        b"# coding: no-such\n",
        b"# coding: rot13\nk = 1\n",
        b"x = 1 +" * 2000 + b"1\n",
        b"def f(): pass\n" * 500,
        b"if x:\n" + b"".join(b" " * depth + b"if x:\n" for depth in range(1, 120)) + b" " * 120 + b"pass\n",
        "# coding: utf-8\nx = '\u2028\x0c'\n".encode(),
    ],
)
def test_odd_files_never_raise(content: bytes) -> None:
    for theirs in (b"x = 2\n", content + b"\nz = 3\n"):
        for base in (None, b"", content, b"x = 1\n"):
            assert settle_structurally("a.py", base, content, theirs) == settle_structurally(
                "a.py", base, theirs, content
            )


@pytest.mark.parametrize("path", ["a.txt", "a", ".py", "py", "a.PY.orig", "dir.py/a"])
def test_other_languages_are_left_alone(path: str) -> None:
    assert settle_structurally(path, b"x = 1\n", b"x = 1\ny = 2\n", b"x = 1\nz = 3\n") is None
