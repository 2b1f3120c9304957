"""The hashes of a text's lines by which GitHub's code scanning knows a finding again when lines above it have changed.

As GitHub's own upload action works them out (`primaryLocationLineHash`), so that both say the same: of each line the
next hundred characters without blanks, as a polynomial to the base 37 modulo 2^64, and how often that has come before.
"""

from collections import Counter
from itertools import islice

_WINDOW = 100
_BASE = 37
_MODULUS = 2**64
_END = 0xFFFF
"""What stands behind the last character."""


def line_hashes(text: str) -> list[str]:
    """One for each line of the text, such as `39fa2ee980eb94b0:1`."""
    units, starts = _units(text)
    sums = [0]
    for unit in (*units, *[0] * _WINDOW):
        sums.append((sums[-1] * _BASE + unit) % _MODULUS)
    first = pow(_BASE, _WINDOW, _MODULUS)
    seen, hashes = Counter[int](), list[str]()
    for start in starts:
        value = (sums[start + _WINDOW] - sums[start] * first) % _MODULUS
        seen[value] += 1
        hashes.append(f"{value:x}:{seen[value]}")
    return hashes


def _units(text: str) -> tuple[list[int], list[int]]:
    """The text in units of UTF-16 without spaces and tabs, and where in it each line begins."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    raw = plain.encode("utf-16-le", "surrogatepass")
    units = [low | high << 8 for low, high in zip(islice(raw, 0, None, 2), islice(raw, 1, None, 2), strict=True)]
    units.append(_END)
    starts = [0, *(at + 1 for at, unit in enumerate(units) if unit == ord("\n"))]
    return units, starts
