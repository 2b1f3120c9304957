"""Pages are found and show what they should."""

import unittest

from shop.routes import ROUTES


class Pages(unittest.TestCase):
    def test_each_route_shows_something(self):
        for route, page in ROUTES.items():
            with self.subTest(route=route):
                self.assertIn("<", page())

    def test_products_have_prices(self):
        self.assertIn("Teapot: 49.00 EUR", ROUTES["/products"]())
