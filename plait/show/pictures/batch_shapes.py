"""Draws the batches of a run below its lanes: when each was built, and what came of it."""

from collections.abc import Iterable, Sequence

from plait.plans.phrasing import count, one_line, spell_seconds
from plait.show.pictures.bars import BatchBar
from plait.show.pictures.frame import MARGIN, Frame
from plait.show.pictures.marks import PlacedMark, is_clear
from plait.show.pictures.svg import diamond, line, rect, text, text_width, told

_ROWS = 2
"""Of words."""
_SIZE = 11.0


def draw_landings(
    frame: Frame, batches: Sequence[BatchBar], placed: Sequence[PlacedMark], *, bottom: float, strip: float
) -> Iterable[str]:
    """A line through all lanes wherever something landed: down to the strip of batches, or to words in the way."""
    for batch in batches:
        if batch.landed:
            x = frame.x(batch.end)
            yield line(x, frame.top - 8, x, strip if is_clear(x, placed) else bottom, look="landing")


def draw_batches(frame: Frame, batches: Sequence[BatchBar], top: float) -> tuple[list[str], float]:
    """A strip of bars with two lines of words, and where it ends below; words without room are left to the hint."""
    drawn = [text(MARGIN, top + 11, "batches", size=_SIZE, look="soft")] if batches else []
    taken: list[float] = []
    for batch in sorted(batches, key=lambda batch: batch.start):
        x, width = frame.extent(batch.start, batch.end)
        words = f"{one_line(batch.id, 24)}: {_verdict(batch)}"
        shapes = [rect(x, top, width, 14, look="batch", round_by=3)]
        if batch.landed:
            shapes.append(diamond(x + width, top + 7, 7, look="ink"))
        late = x > frame.right - text_width(words, _SIZE)
        at = max(frame.left, frame.right - text_width(words, _SIZE)) if late else x
        row = next((row for row, full in enumerate(taken) if at >= full), len(taken))
        if row < _ROWS:
            place, anchor = (frame.right, "end") if late else (at, "start")
            shapes.append(text(place, top + 29 + 14 * row, words, size=_SIZE, look="soft", anchor=anchor))
            taken[row : row + 1] = [at + text_width(words, _SIZE) + 4]
        drawn.append(told(shapes, f"{words}, {spell_seconds(batch.end - batch.start)}"))
    return drawn, top + (22 + 14 * len(taken) if batches else 0)


def _verdict(batch: BatchBar) -> str:
    """`3 landed, 1 rejected, 2 verifications`."""
    parts = [(batch.landed, "landed"), (batch.rejected, "rejected")]
    said = [f"{number} {word}" for number, word in parts if number] or ["nothing landed"]
    return ", ".join([*said, *([count(batch.verifications, "verification")] if batch.verifications else [])])
