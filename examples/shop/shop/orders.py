"""What a customer wants."""

from dataclasses import dataclass

from shop.prices import price_of


@dataclass(frozen=True)
class Line:
    """So many pieces of one product."""

    sku: str
    pieces: int


@dataclass(frozen=True)
class Order:
    """Everything that one customer wants at once."""

    lines: tuple[Line, ...]


def total(order: Order) -> float:
    """What the order costs."""
    return sum(price_of(line.sku) * line.pieces for line in order.lines)
