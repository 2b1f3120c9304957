"""How what plait says is worded: counts, times, lists, near matches, and other people's text that stays text."""

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice

_SHOWN = 48
_CANDIDATES = 500
"""difflib takes microseconds a candidate: a hostile plan must not buy minutes of them."""

_COARSE = ((360_000, 21_600), (36_000, 900), (7200, 300), (600, 60), (60, 5), (10, 1))
"""From how many seconds on a simulation tells a time in steps of how many."""

_BREAKS = re.compile(r"\s+")
_SPECIAL = re.compile(r"([\\`*_\[\]|~#!$])")
_BEGINNING = re.compile(r"^(\d*)([-+=.)])")
# Renderers make links of bare addresses even where their signs are escaped; an invisible word joiner stops them.
_ADDRESS = re.compile(r"(?i)(https?:|ftp:|mailto:|xmpp:|www(?=\.))|(?=@)")
_JOINER = "\N{WORD JOINER}"
_NOTHING = re.compile(r"(?<=\w) (00 s|00 min|0 h)$")

_WRONG = re.compile(r"error|exception|fail|assert|panic|fatal|cannot|not found", re.IGNORECASE)


def quoted(value: object) -> str:
    """The text in quotes, control characters escaped, cut at 48 characters."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *others, last = tuple(words) or ("",)
    return f"{', '.join(others)} or {last}" if others else last


def listed(words: Iterable[str], limit: int | None = 8) -> str:
    """`a, b and c`; `a, b and 14 more` when there are more than `limit`, if there is one."""
    *others, last = tuple(words) or ("",)
    if limit is not None and len(others) >= limit:
        return f"{', '.join(others[: limit - 1])} and {len(others) - limit + 2} more"
    return f"{', '.join(others)} and {last}" if others else last


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 branch`, `2 branches`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def near_match(word: str, candidates: Iterable[str]) -> str | None:
    """`did you mean 'backend'?`, or None when nothing is near."""
    by_folded = {candidate.casefold(): candidate for candidate in islice(candidates, _CANDIDATES)}
    near = get_close_matches(word[:100].casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {quoted(by_folded[near[0]])}?" if near else None


def kind_of(value: object) -> str:
    """What was written, in the words of YAML."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return quoted(value)


def one_line(text: str, limit: int = 300) -> str:
    """Any text as one printable line of at most `limit` characters: no control, no bidi override, no half surrogate."""
    # Cut first: a flood of megabytes is not worth cleaning.
    signs = text[: 4 * limit]
    line = _BREAKS.sub(" ", signs if signs.isprintable() else "".join(map(_printable, signs))).strip()
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
    return _ADDRESS.sub(lambda address: f"{address[0]}{_JOINER}", line)


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


def key_line(text: str) -> str:
    """What a text begins with, and the last line after that which says what went wrong; no colon before nothing."""
    first, *rest = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    wrong = next((line for line in reversed(rest) if _WRONG.search(line)), rest[-1] if rest else "")
    return first.removesuffix(":") if wrong in first else f"{first} {wrong}"


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


def run_command(*, edition: str = "", where: str = "", refresh: bool = False) -> str:
    """What goes on with a feature.

    Args:
        edition: The one that it is, as `--edition` takes it: another day's run would be another feature.
        where: ` --repo PATH`, where the reader stands somewhere else.
    """
    return f"plait run PLAN{where}{' --refresh' if refresh else ''}{f' --edition {edition}' if edition else ''}"


def land_command(feature: str, *, where: str = "") -> str:
    """What brings a feature onto base; `where`: ` --repo PATH`."""
    return f"plait land {feature}{where}"


def approve_command(feature: str, contract: str) -> str:
    """The command by which a person approves a contract."""
    return f"plait approve {feature} {contract}"
