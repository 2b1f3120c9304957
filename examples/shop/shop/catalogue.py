"""What the shop sells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One thing that can be bought."""

    sku: str
    name: str
    price: str
    """In euros, as the supplier's list has it: "12.50"."""


PRODUCTS = {
    product.sku: product
    for product in (
        Product("cup", "Cup", "8.90"),
        Product("plate", "Plate", "12.50"),
        Product("teapot", "Teapot", "49.00"),
    )
}


def find(sku: str) -> Product:
    """The product of this number; a LookupError that names it when there is none."""
    try:
        return PRODUCTS[sku]
    except KeyError:
        raise LookupError(f"no product {sku!r}") from None


if __name__ == "__main__":
    for each in PRODUCTS.values():
        print(f"{each.sku:8} {each.price:>6}  {each.name}")
