"""Chooses the one line of a longer text to show where there is room for one."""

import re

_WRONG = re.compile(r"error|exception|fail|assert|panic|fatal|cannot|not found", re.IGNORECASE)


def telling_line(text: str) -> str:
    """What a text begins with, and the last line after that which says what went wrong; no colon before nothing."""
    first, *rest = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    wrong = next((line for line in reversed(rest) if _WRONG.search(line)), rest[-1] if rest else "")
    return first.removesuffix(":") if wrong in first else f"{first} {wrong}"
