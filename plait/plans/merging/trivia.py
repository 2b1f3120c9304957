"""Blank lines and comments around what a file says, for languages whose comments begin with `#`."""

from collections.abc import Sequence


def above(lines: Sequence[str], begin: int, start: int) -> tuple[int, tuple[str, ...]]:
    """The lines from `begin` to before `start`: how many empty ones, and those that follow."""
    gap = 0
    while begin + gap < start and not lines[begin + gap]:
        gap += 1
    return gap, tuple(lines[begin + gap : start])


def with_inner_comments(lines: Sequence[str], end: int, indent: str, limit: int) -> int:
    """The line after what ends before line `end`, and after the comments that are indented deeper than it."""
    at = end
    while at < limit:
        line = lines[at]
        if line.strip() and not (is_comment(line) and line.startswith((f"{indent} ", f"{indent}\t"))):
            break
        at += 1
        end = at if line.strip() else end
    return end


def without_trivia(lines: Sequence[str], start: int, end: int) -> int:
    """The line after the last of these that is neither empty nor a comment."""
    while end > start + 1 and (not lines[end - 1].strip() or is_comment(lines[end - 1])):
        end -= 1
    return end


def is_comment(line: str) -> bool:
    """Whether nothing but a comment is on the line."""
    return line.lstrip().startswith("#")


def head_comments(lines: Sequence[str]) -> int:
    """How many lines the comment has that a file begins with."""
    count = 0
    while count < len(lines) and lines[count].startswith("#"):
        count += 1
    return count
