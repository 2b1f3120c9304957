"""How times, counts and other people's text are written where people read them."""

import math
import re
import unicodedata
from datetime import UTC, datetime

_BREAKS = re.compile(r"\s+")
_SPECIAL = re.compile(r"([\\`*_\[\]|~#!$])")
_BEGINNING = re.compile(r"^(\d*)([-+=.)])")
# Renderers make links of bare addresses even where their signs are escaped; an invisible word joiner stops them.
_ADDRESS = re.compile(r"(?i)(https?:|ftp:|mailto:|xmpp:|www(?=\.))|(?=@)")
_JOINER = "\N{WORD JOINER}"
_NOTHING = re.compile(r"(?<=\w) (00 s|00 min|0 h)$")


def one_line(text: str, limit: int = 300) -> str:
    """Any text as one printable line of at most `limit` characters: no control, no bidi override, no half surrogate."""
    # Cut first: a flood of megabytes is not worth cleaning.
    line = _BREAKS.sub(" ", "".join(map(_printable, text[: 4 * limit]))).strip()
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1].rstrip() + "…"


def _printable(sign: str) -> str:
    if sign.isspace():
        return " "
    # Cc control, Cf format (bidi overrides, joiners), Cs surrogates, Cn not assigned (and not allowed in XML).
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Cn"} else sign


def markdown(text: str, limit: int = 300) -> str:
    """Any text as one line of Markdown that says just that: no markup, HTML, link, list or table cell comes of it."""
    line = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _BEGINNING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))
    return _ADDRESS.sub(lambda found: f"{found[0]}{_JOINER}", line)


def code_block(lines: list[str]) -> str:
    """Lines to copy, in a fence that none of them can close."""
    body = "\n".join(one_line(line, 2000) for line in lines)
    ticks = max([len(run) for run in re.findall(r"`+", body)], default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}console\n{body}\n{fence}"


def spell_seconds(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 20 s`, `2 h 05 min`, `63 h 20 min`, `5 d 4 h`."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 0:
        return f"−{spell_seconds(-seconds)}"
    whole = round(seconds)
    if seconds < 9.95:
        return f"{round(seconds, 1):g} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 100 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


_COARSE = ((360_000, 21_600), (36_000, 900), (7200, 300), (600, 60), (60, 5), (10, 1))
"""From how many seconds on a simulation tells a time in steps of how many."""


def coarse_step(seconds: float) -> int | None:
    """Seconds below which a simulated time of this length says nothing; None where tenths of a second do."""
    return next((step for least, step in _COARSE if seconds >= least), None)


def spell_roughly(seconds: float) -> str:
    """As `spell_seconds`, no finer than a simulation can tell: `17 min`, `9 h`, `22 h 30 min`."""
    step = coarse_step(seconds)
    rounded = float(round(seconds / step)) * step if step and math.isfinite(seconds) else seconds
    return _NOTHING.sub("", spell_seconds(rounded))


def spell_moment(moment: datetime | None) -> str:
    """To the second, in UTC; `–` for none."""
    return "–" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def spell_share(share: float | None) -> str:
    """`62 %`; `–` for none."""
    return "–" if share is None else f"{100 * share:.0f} %"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 branch`, `2 branches`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(words: tuple[str, ...], limit: int = 8) -> str:
    """`a, b and c`; `a, b and 14 more` when there are more than `limit`."""
    if len(words) > limit:
        return f"{', '.join(words[: limit - 1])} and {len(words) - limit + 1} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
