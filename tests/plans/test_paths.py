"""Patterns of paths: spelled in one way, matched as SEMANTICS says, and compared exactly."""

import itertools
import re
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plait.plans.paths import (
    PROTECTED,
    is_git_directory,
    is_protected,
    matches,
    may_change,
    normalize,
    out_of_scope,
    overlap,
    scope_words,
)
from tests.support.effort import effort


@pytest.mark.parametrize(
    ("pattern", "spelled"),
    [
        ("src/a.py", "src/a.py"),
        ("./src//a.py", "src/a.py"),
        ("src/", "src/**"),
        ("src/**", "src/**"),
        ("src/**/", "src/**"),
        ("**/**/a", "**/a"),
        ("a**b", "a*b"),
        ("***", "*"),
        (".", "**"),
        ("./", "**"),
        ("cafe\u0301/x", "caf\u00e9/x"),
        ("app/[slug]/page.tsx", "app/[slug]/page.tsx"),
        (".github/workflows/*.yml", ".github/workflows/*.yml"),
        (".gitignore", ".gitignore"),
        ("a b/c", "a b/c"),
    ],
)
def test_patterns_have_one_spelling(pattern: str, spelled: str) -> None:
    assert normalize(pattern) == spelled
    assert normalize(spelled) == spelled


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "is empty"),
        ("/etc/passwd", "must begin at the repository's root"),
        ("~/x", "must begin at the repository's root"),
        ("./~/x", "must begin at the repository's root"),
        (".//!x", "there is no negation"),
        ("a/" * 20 + "b" * 245 + ("/" + "b" * 245) * 3 + "/", "at most 1024"),
        ("../x", "leaves the repository"),
        ("a/../../x", "leaves the repository"),
        ("a/..", "leaves the repository"),
        (".git/hooks/x", "is git's own"),
        (".GIT/config", "is git's own"),
        ("a/.Git/config", "is git's own"),
        ("git~1/config", "is git's own"),
        ("GIT~12", "is git's own"),
        (".git./x", "is git's own"),
        (".git /x", "is git's own"),
        (".git::$INDEX_ALLOCATION/x", "is git's own"),
        (".g\u200cit/x", "is git's own"),
        ("a\\b", "has a backslash"),
        ("a\0b", "has control characters"),
        ("a\nb", "has control characters"),
        ("a\x9bb", "has control characters"),
        ("\ud800", "has control characters"),
        ("!src/**", "there is no negation"),
        ("a/" * 600, "at most 1024"),
        ("a/" * 100, "deeper than 64"),
        ("a" * 300, "over 255 characters"),
    ],
)
def test_patterns_that_could_reach_elsewhere_are_refused(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        normalize(pattern)


@given(st.text(st.sampled_from("ab.*?/~git\\ \u200c:!G1"), max_size=20) | st.text(max_size=30))
@settings(max_examples=1500, deadline=None)
def test_an_accepted_pattern_stays_inside_and_is_spelled_once(text: str) -> None:
    try:
        pattern = normalize(text)
    except ValueError:
        return
    assert normalize(pattern) == pattern
    path = PurePosixPath(pattern)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert not any(is_git_directory(part) for part in path.parts)


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("src/a.py", "src/a.py", True),
        ("src/a.py", "src", False),
        ("src/a.py", "src/", True),
        ("src/x/y/a.py", "src/", True),
        ("src", "src/", True),
        ("srcs/a.py", "src/", False),
        ("x/src/a.py", "src/", False),
        ("src/a.py", "src/*", True),
        ("src/x/a.py", "src/*", False),
        ("src/.hidden", "src/*", True),
        ("a.py", "**/a.py", True),
        ("x/y/a.py", "**/a.py", True),
        ("x/y/b.py", "**/a.py", False),
        ("x/a/y/b", "x/**/b", True),
        ("x/b", "x/**/b", True),
        ("test_a.py", "test_?.py", True),
        ("test_ab.py", "test_?.py", False),
        ("app/[slug]/p", "app/[slug]/p", True),
        ("app/s/p", "app/[slug]/p", False),
        ("A.py", "a.py", False),
        ("cafe\u0301", "caf\u00e9", True),
        ("a*b", "a*b", True),
        ("bad\udcff/x", "**", True),
        ("", "**", True),
    ],
)
def test_paths_match_as_their_patterns_say(path: str, pattern: str, *, expected: bool) -> None:
    assert matches(path, (normalize(pattern),)) is expected


_SEGMENT = st.text(st.sampled_from("ab*?"), min_size=1, max_size=3)
_PATTERN = st.lists(_SEGMENT | st.just("**"), min_size=1, max_size=4).map("/".join).map(normalize)
_WORDS = ["".join(letters) for size in (1, 2, 3) for letters in itertools.product("abc", repeat=size)]


def _as_regex(pattern: str) -> re.Pattern[str]:
    """An independent statement of the rules: each segment ends with a slash, `**` is any number of them."""
    parts = []
    for segment in pattern.split("/"):
        if segment == "**":
            parts.append("(?:[^/]+/)*")
        else:
            parts.append("".join({"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign)) for sign in segment) + "/")
    return re.compile("".join(parts))


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5).map("/".join), _PATTERN)
def test_matching_agrees_with_regular_expressions(path: str, pattern: str) -> None:
    assert matches(path, (pattern,)) is (_as_regex(pattern).fullmatch(path + "/") is not None)


_SHORT_WORDS = ["".join(letters) for size in (1, 2, 3) for letters in itertools.product("abz", repeat=size)]
_SHALLOW = st.lists(st.text(st.sampled_from("ab*?"), min_size=1, max_size=2) | st.just("**"), min_size=1, max_size=3)


def _shares_a_path(left: str, right: str) -> bool:
    """Try every path that could tell: one word for each set of segments that it fits, and at most four of them."""
    one, other = _as_regex(left), _as_regex(right)
    segments = [_as_regex(segment) for segment in {*left.split("/"), *right.split("/")} - {"**"}]
    words = {tuple(bool(segment.fullmatch(f"{word}/")) for segment in segments): word for word in _SHORT_WORDS}
    return any(
        one.fullmatch(text) and other.fullmatch(text)
        for depth in range(5)
        for text in ("".join(f"{word}/" for word in path) for path in itertools.product(words.values(), repeat=depth))
    )


def _file_stands_in_the_way(file: str, deeper: str) -> bool:
    segments = deeper.split("/")
    last = file.rpartition("/")[2]
    if set(last) & set("*?"):
        return False
    return any(
        _shares_a_path(file, "/".join(segments[:cut])) for cut in range(1, len(segments)) if segments[cut - 1] == last
    )


@settings(max_examples=400, deadline=None)
@given(_SHALLOW.map("/".join).map(normalize), _SHALLOW.map("/".join).map(normalize))
@example("a/**/b", "a/b")
@example("*a", "a*")
@example("*/a", "a")
@example("a", "a/b/a")
@example("**/a", "**/b")
def test_overlap_agrees_with_trying_every_path(left: str, right: str) -> None:
    expected = (
        _shares_a_path(left, right) or _file_stands_in_the_way(left, right) or _file_stands_in_the_way(right, left)
    )
    assert overlap(left, right) is expected
    assert overlap(right, left) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("src/cart/**", "src/analytics/**", False),
        ("src/**", "src/cart/x.py", True),
        ("src/**", "src", True),
        ("src/a", "src/a/b", True),
        ("docs/*/index.md", "docs/intro.md", False),
        ("**/*.md", "src/cart.py", False),
        ("**/*.md", "src/**", True),
        ("tests/test_*.py", "tests/*_cart.py", True),
        ("a/**/z", "a/**/y", False),
        ("**", "x", True),
    ],
)
def test_overlaps_that_people_meet(left: str, right: str, *, expected: bool) -> None:
    assert overlap(left, right) is expected


@given(_PATTERN, st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4).map("/".join))
def test_a_pattern_overlaps_every_path_that_it_matches(pattern: str, path: str) -> None:
    if matches(path, (pattern,)):
        assert overlap(pattern, path)


def test_hostile_patterns_cost_little() -> None:
    stars, other = "a*" * 127, "*a" * 127
    deep, deeper = "/".join(["**/*a*b?"] * 31), "/".join(["**/?b*a*"] * 31)
    with effort(most=60_000):
        overlap(stars, other + "b")
        overlap(normalize(deep), normalize(deeper))
        matches("a" * 4000, ("a*" * 100 + "b",))
        matches("/".join(["a"] * 2000), (normalize("/".join(["**/a"] * 30) + "/b"),))


@pytest.mark.parametrize(
    ("path", "owns", "locked", "allowed"),
    [
        ("src/a.py", None, (), True),
        ("src/a.py", (), (), False),
        ("src/a.py", ("src/**",), (), True),
        ("docs/a.md", ("src/**",), (), False),
        ("src/events.py", (), ("src/events.py",), True),
        (".github/workflows/ci.yml", None, (), False),
        (".github/workflows/ci.yml", ("**",), (), False),
        (".github/workflows/ci.yml", ("**/*.yml",), (), False),
        (".github/workflows/ci.yml", (".github/workflows/*",), (), True),
        (".github/workflows/ci.yml", ("src/**",), (".github/workflows/ci.yml",), True),
        ("templates/.github/x", None, (), True),
        (".gitattributes", ("*",), (), False),
        ("src/.gitattributes", ("src/**",), (), False),
        ("src/.gitattributes", ("src/.gitattributes",), (), True),
        (".GitHub/workflows/x", ("**",), (), False),
        (".claude/settings.json", (".*/**",), (), False),
        ("a/.mcp.json", None, (), False),
        (".env", ("?env",), (), False),
        (".env", (".env",), (), True),
        (".env.example", None, (), True),
        ("sitecustomize.py", None, (), False),
        ("mysitecustomize.py", None, (), True),
        (".git/config", ("**", ".git/config"), (), False),
        ("a/.GIT/hooks/x", None, (), False),
        ("git~1/x", None, (), False),
        ("../x", None, (), False),
        ("/etc/passwd", None, (), False),
        ("a//b", None, (), False),
        ("", None, (), False),
    ],
)
def test_a_task_may_change_what_it_owns_and_control_files_only_by_name(
    path: str, owns: tuple[str, ...] | None, locked: tuple[str, ...], *, allowed: bool
) -> None:
    assert may_change(path, owns=owns, locked=locked) is allowed


@pytest.mark.parametrize("pattern", PROTECTED)
def test_protected_patterns_are_normalized_and_protected(pattern: str) -> None:
    assert normalize(pattern) == pattern
    assert is_protected(pattern.replace("**/", "deep/").replace("/**", "/x") if pattern != "**" else pattern)


@pytest.mark.parametrize("path", [pattern.replace("/**", "/x").replace("**/", "") for pattern in PROTECTED])
def test_the_path_itself_is_the_entry_that_allows_what_is_protected(path: str) -> None:
    assert out_of_scope([path], owns=("**",)) == (path,)
    assert out_of_scope([path.upper()], owns=None) == (path.upper(),)
    assert out_of_scope([path], owns=(normalize(path),)) == ()


def test_a_person_is_asked_for_what_is_protected_alone() -> None:
    paths = ["src/a.py", ".github/workflows/x.yml", ".git/config"]
    assert out_of_scope(paths, owns=("docs/**",), asked="protected") == (".github/workflows/x.yml", ".git/config")
    assert out_of_scope(paths[:2], owns=(".github/**",), asked="protected") == ()
    assert out_of_scope(paths[:2], owns=("docs/**",)) == ("src/a.py", ".github/workflows/x.yml")


def test_a_refusal_names_the_entry_that_would_allow_it() -> None:
    assert scope_words(["a.py", ".env"], task="A") == (
        "it changed what it does not own: a.py; it changed what is protected: .env "
        '(where that is meant, add ".env" to the owns of A: ** does not name it)'
    )
    assert scope_words(list("abcdefg"), task="A").endswith("a, b, c, d, e and 2 more")
    assert scope_words(["x\ny"], task="A") == "it changed what it does not own: x\\ny"
