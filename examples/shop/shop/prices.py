"""What things cost, in euros."""

from shop.catalogue import find


def price_of(sku: str) -> float:
    """The price of one piece."""
    return float(find(sku).price)


def as_text(price: float) -> str:
    """A price as customers read it: "12.50 EUR"."""
    return f"{price:.2f} EUR"
