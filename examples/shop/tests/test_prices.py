"""Prices and totals."""

import unittest

from shop.orders import Line, Order, total
from shop.prices import as_text, price_of


class Prices(unittest.TestCase):
    def test_are_read_as_customers_read_them(self):
        self.assertEqual(as_text(price_of("plate")), "12.50 EUR")

    def test_add_up(self):
        order = Order((Line("plate", 2), Line("cup", 1)))
        self.assertEqual(as_text(total(order)), "33.90 EUR")
