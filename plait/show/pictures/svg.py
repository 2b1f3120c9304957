"""The few shapes that plait's pictures are made of, as SVG text that is valid XML whatever is written in it."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise

MARGIN = 18.0
"""Pixels around a picture."""


class Theme(StrEnum):
    """The page that a picture is made for."""

    AUTO = "auto"
    """Whichever the reader has: `prefers-color-scheme`."""
    LIGHT = "light"
    DARK = "dark"


# Shown as an image, a picture sees the reader's theme but none of the page's colours: it brings its own background.
_LIGHT = """
.page{fill:#ffffff}.ink{fill:#1f2328}.soft{fill:#59636e}.strong{font-weight:600}.zebra{fill:#f6f8fa}
.grid{stroke:#dfe4ea}.edge{stroke:#1f2328;stroke-opacity:.45}.firm{stroke:#1f2328;stroke-width:2}
.landing{stroke:#59636e;stroke-opacity:.6;stroke-dasharray:2 3}
.batch{fill:#eef1f4;stroke:#818b98}.hatch{stroke:#ffffff;stroke-width:2.5}
.dashed{stroke-dasharray:4 3;fill-opacity:.55}.pale{fill-opacity:.4}
.plan{fill-opacity:.34;stroke:#1f2328;stroke-opacity:.42}.none{fill:none}
.whisker{fill:none;stroke:#1f2328;stroke-width:1.1;stroke-opacity:.8}.way{fill:none;stroke:#1f2328;stroke-width:1.4;stroke-opacity:.75}
.p50,.p80,.p95{stroke:#8250df;stroke-width:1.3}.p80{stroke-dasharray:6 3}.p95{stroke-dasharray:1.5 3}
.now,.over{stroke:#1f2328;stroke-width:1.3}.now{stroke-dasharray:4 3}.accent{fill:#8250df}
.asked{fill:none;stroke:#59636e;stroke-width:1.2;stroke-dasharray:2 2}
.need{fill:none;stroke:#818b98;stroke-width:1.2}.sure{fill:none;stroke:#1f2328;stroke-width:2.2}
.choice{stroke-dasharray:8 3 2 3}.contract{stroke-dasharray:6 4}.information{stroke-dasharray:1.6 3}
.node{fill:#ffffff}.tip{fill:#818b98}"""
_DARK = """
.page{fill:#0d1117}.ink{fill:#f0f6fc}.soft{fill:#9ea7b3}.zebra{fill:#151b23}
.grid{stroke:#2a313c}.edge{stroke:#f0f6fc;stroke-opacity:.4}
.firm{stroke:#f0f6fc}.landing{stroke:#9ea7b3}.batch{fill:#1c2128;stroke:#6e7681}.hatch{stroke:#0d1117}
.plan{fill-opacity:.5;stroke:#f0f6fc;stroke-opacity:.4}.whisker,.way,.sure{stroke:#f0f6fc}
.p50,.p80,.p95{stroke:#b083f0}.now,.over{stroke:#f0f6fc}.accent{fill:#b083f0}
.need{stroke:#768390}.asked{stroke:#9ea7b3}.node{fill:#0d1117}.tip{fill:#768390}"""
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',Arial,'DejaVu Sans',sans-serif"
_HATCH = (
    '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch" d="M2 0V7"/></pattern>'
)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escaped(words: str) -> str:
    """For text and attributes; what XML 1.0 cannot hold at all becomes a replacement character."""
    allowed = (sign if _in_xml(ord(sign)) else "\N{REPLACEMENT CHARACTER}" for sign in words)
    return "".join(allowed).translate(_ENTITIES)


def _in_xml(code: int) -> bool:
    """The production `Char` of XML 1.0."""
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def rect(x: float, y: float, width: float, height: float, *, look: str, fill: str = "", round_by: float = 0) -> str:
    """`look`: classes of STYLE; `fill`: a colour or `url(#hatch)`, else the class's."""
    colour = f' fill="{escaped(fill)}"' if fill else ""
    corner = f' rx="{_n(round_by)}"' if round_by else ""
    return f'<rect class="{look}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{corner}{colour}/>'


def text(
    x: float, y: float, words: str, *, size: float, look: str = "ink", anchor: str = "start", fill: str = ""
) -> str:
    """One line; `y` is its base line. `fill` goes over the class's colour."""
    colour = f' style="fill:{escaped(fill)}"' if fill else ""
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{look}" x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{at}{colour}>{escaped(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, look: str) -> str:
    return f'<path class="{look}" d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"/>'


def polyline(points: Sequence[tuple[float, float]], *, look: str) -> str:
    """Straight from point to point."""
    return f'<path class="{look}" d="M{"L".join(f"{_n(x)} {_n(y)}" for x, y in points)}"/>'


def curves(points: Sequence[tuple[float, float]], *, look: str) -> str:
    """From point to point, leaving and reaching each one level."""
    steps = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        middle, there = _n((x1 + x2) / 2), f"{_n(x2)} {_n(y2)}"
        steps.append(f"L{there}" if abs(y1 - y2) < 0.05 else f"C{middle} {_n(y1)} {middle} {_n(y2)} {there}")
    return f'<path class="{look}" d="{"".join(steps)}"/>'


def whisker(x1: float, x2: float, y: float, half: float) -> str:
    """A level line with a cap of twice `half` at each end."""
    top, caps = _n(y - half), f"V{_n(y + half)}"
    return f'<path class="whisker" d="M{_n(x1)} {_n(y)}H{_n(x2)}M{_n(x1)} {top}{caps}M{_n(x2)} {top}{caps}"/>'


def arrow_head(x: float, y: float, *, look: str) -> str:
    """Points to the right; its tip is at x, y."""
    return f'<path class="{look}" d="M{_n(x)} {_n(y)}l-7 -3.6v7.2z"/>'


def diamond(x: float, y: float, radius: float, *, look: str) -> str:
    r = _n(radius)
    return f'<path class="{look}" d="M{_n(x)} {_n(y - radius)}l{r} {r}l-{r} {r}l-{r} -{r}z"/>'


def told(shapes: Iterable[str], hint: str) -> str:
    """Shapes with a text that a pointer or a screen reader finds."""
    return f"<g><title>{escaped(hint)}</title>{''.join(shapes)}</g>"


def drawing(shapes: Iterable[str], *, width: float, height: float, label: str, theme: Theme = Theme.AUTO) -> str:
    """The whole picture on its background."""
    size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escaped(label)}" '
        f'font-family="{_FONT}"><style>{_STYLES[theme]}</style><defs>{_HATCH}</defs>'
        f"{rect(0, 0, width, height, look='page', round_by=6)}\n" + "\n".join(shapes) + "\n</svg>\n"
    )


def size_of(svg: str) -> tuple[int, int]:
    """Width and height in whole pixels of a picture that `drawing` made."""
    sizes = re.search(r'width="([0-9.]+)" height="([0-9.]+)"', svg)
    return (math.ceil(float(sizes[1])), math.ceil(float(sizes[2]))) if sizes else (0, 0)


_STYLES = {
    Theme.AUTO: f"{_LIGHT}\n@media (prefers-color-scheme:dark){{{_DARK}\n}}",
    Theme.LIGHT: _LIGHT,
    Theme.DARK: _LIGHT + _DARK,  # the later rule wins
}


_EMS = {
    sign: width
    for width, signs in (
        (0.29, "ijl'"),
        (0.34, " .,:;|/\\I·"),
        (0.41, "frt()[]!-"),
        (0.56, 'cszJL?_"–`*'),
        (0.7, "ABEFKPRSTVXYZ"),
        (0.84, "w+<>=~#^&×"),
        (1.0, "mMW%@…"),
    )
    for sign in signs
}
"""Widths in DejaVu Sans, by the size of the font: none of `_FONT` is wider. Other Latin letters are as `o` and `O`."""


def text_width(words: str, size: float) -> float:
    """About how many pixels: fonts differ, so rather too many than too few."""
    return size * sum(map(_em, words))


def cut_to_room(words: str, size: float, room: float) -> str:
    """As much of it as fits into `room` pixels, with an ellipsis where something is missing."""
    if text_width(words, size) <= room:
        return words
    room -= _em("…") * size
    for length, sign in enumerate(words):
        room -= _em(sign) * size
        if room < 0:
            return words[:length].rstrip() + "…" if length else ""
    return words


def shortened_inside(words: str, size: float, room: float) -> str:
    """As `cut_to_room`, but what is missing is missed inside: long names of one kind differ at their ends."""
    if text_width(words, size) <= room:
        return words
    kept, left = len(words), room * 0.4
    while kept and (left := left - _em(words[kept - 1]) * size) >= 0:
        kept -= 1
    return cut_to_room(words[:kept], size, room - text_width(words[kept:], size)) + words[kept:]


def _em(sign: str) -> float:
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.05
    if unicodedata.combining(sign):
        return 0.0
    if sign in _EMS:
        return _EMS[sign]
    small, large = (0.64, 0.79) if ord(sign) < 0x250 else (0.74, 0.86)
    return large if sign.isupper() else small


def _n(number: float) -> str:
    """To a tenth of a pixel, without a useless `.0`."""
    return f"{number:.1f}".removesuffix(".0")
