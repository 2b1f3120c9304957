"""Colours that people who see no red or no green can tell apart, and how they stand out."""

from collections.abc import Iterable

# Okabe and Ito, "Color Universal Design" (2008), without black, which a dark page swallows.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")


def colours_of(roles: Iterable[str]) -> dict[str, str]:
    """A colour for each role, in order of first appearance; beyond seven the palette comes again, darker or lighter."""
    return {role: _nth(number) for number, role in enumerate(dict.fromkeys(roles))}


def _nth(number: int) -> str:
    colour, round_ = PALETTE[number % len(PALETTE)], number // len(PALETTE)
    return (colour, _mixed(colour, 0x00, 0.4), _mixed(colour, 0xFF, 0.5))[round_ % 3]


def _mixed(colour: str, shade: int, share: float) -> str:
    """Towards black (0) or white (255) by `share`."""
    return "#" + "".join(f"{round(part + (shade - part) * share):02X}" for part in _parts(colour))


def ink_on(colour: str) -> str:
    """Black or white, whichever is easier to read on it."""
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, colour))


def contrast(colour: str, ground: str) -> float:
    """From 1 (none) to 21; WCAG 2.2 asks 4.5 of small text."""
    low, high = sorted((_luminance(colour), _luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    shares = [part / 255 for part in _parts(colour)]
    red, green, blue = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, int, int]:
    """Of `#RRGGBB`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def shaded(colour: str) -> str:
    """Darker, for what stands behind it."""
    return _mixed(colour, 0x00, 0.5)
