"""Other people's text inside a prompt: fenced, so that nothing in it can pass for what stands around it."""

import re

from plait.plans.phrasing import one_line


def fenced(text: str) -> str:
    """Quoted as data: the fence is longer than any that the text holds, so no line of it can close the quotation."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.strip()}\n{fence}"


def in_code(text: str) -> str:
    """One line of it as code within a sentence; no backtick in it can end that."""
    line = one_line(text, 1000)
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of a text, and how many were left out."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()}\n… ({len(text) - limit:,} characters left out)"
