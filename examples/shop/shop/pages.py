"""How the shop looks."""

from shop.catalogue import PRODUCTS
from shop.prices import as_text, price_of


def home() -> str:
    """The first page."""
    return "<h1>A small shop</h1>"


def products() -> str:
    """Everything that can be bought, with its price."""
    rows = (f"<li>{product.name}: {as_text(price_of(product.sku))}</li>" for product in PRODUCTS.values())
    return "<ul>" + "".join(rows) + "</ul>"
