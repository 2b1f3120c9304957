"""Other people's text inside a prompt: fenced, so that nothing in it can pass for what stands around it."""

import re


def fenced(text: str) -> str:
    """Quoted as data: the fence is longer than any that the text holds, so no line of it can close the quotation."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.strip()}\n{fence}"


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of a text, and how many were left out."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()}\n… ({len(text) - limit:,} characters left out)"
