"""The names of contracts on the lines of a graph: each where its line has most room, none over another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from plait.plans.phrasing import one_line
from plait.show.pictures.layering import Spot
from plait.show.pictures.plan_graph import Edge, EdgeKind
from plait.show.pictures.svg import rect, shortened_inside, text, text_width

_SIZE = 10.5
_HEIGHT = 14.0
_ASIDE = 15.0
"""Pixels of its line that are to be seen on each side of a name."""
_WIDEST = 150.0
_LEAST = 24.0
"""Pixels in which a name still says something."""

_MANY = 12
"""Lines that would hide each other under their names."""

_Box = tuple[float, float, float, float]
_Points = Sequence[tuple[float, float]]


def label_of(edge: Edge) -> str:
    """What a need that is not on commits alone is on, in a line."""
    said = {
        EdgeKind.HARD: "after",
        EdgeKind.CHOICE: "after this one or another",
        EdgeKind.CONTRACT: f"by the contract {', '.join(edge.contracts)}",
        EdgeKind.INFORMATION: "with the text of",
    }
    return one_line(f"{edge.target}: {said[edge.kind]} · {edge.source}", 200)


def room_for_labels(edges: Iterable[Edge], ways: Mapping[tuple[str, str], Sequence[Spot]]) -> float:
    """Pixels between two levels that the names of contracts need, of those that pass no level; at most 150."""
    widths = (
        text_width(_name(edge), _SIZE) + 2 * _ASIDE
        for edge in edges
        if edge.contracts and len(ways[edge.source, edge.target]) == 2
    )
    return min(_WIDEST, max(widths, default=0.0))


def draw_labels(lines: Iterable[tuple[Edge, _Points]]) -> Iterator[str]:
    """The name of each contract on its line (from the source's box to the target's), if there is a free place.

    Where there are many such lines, on one of those that leave a task for the same contract.
    """
    agreed = [(edge, points) for edge, points in lines if edge.contracts]
    taken: list[_Box] = []
    named = set[tuple[str, tuple[str, ...]]]()
    for edge, points in agreed:
        again = len(agreed) > _MANY and (edge.source, edge.contracts) in named
        for (x, y), room in () if again else _places(points):
            words = shortened_inside(_name(edge), _SIZE, room)
            half = text_width(words, _SIZE) / 2 + 1
            box = (x - half, y - _HEIGHT / 2, x + half, y + _HEIGHT / 2)
            if room >= _LEAST and words and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                named.add((edge.source, edge.contracts))
                yield rect(box[0], box[1], 2 * half, _HEIGHT, look="page")
                yield text(x, y + 3.6, words, size=_SIZE, look="soft", anchor="middle")
                break


def _name(edge: Edge) -> str:
    return one_line(", ".join(edge.contracts), 60)


def _places(points: _Points) -> list[tuple[tuple[float, float], float]]:
    """The middle of each piece of a line, and the pixels of width that it has for a name; most room first."""
    pieces = [(((x1 + x2) / 2, (y1 + y2) / 2), x2 - x1 - 2 * _ASIDE) for (x1, y1), (x2, y2) in pairwise(points)]
    return sorted(pieces, key=lambda piece: -piece[1])


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
