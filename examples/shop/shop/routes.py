"""Where each page is found."""

from shop import pages

ROUTES = {
    "/": pages.home,
    "/products": pages.products,
}
