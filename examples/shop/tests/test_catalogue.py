"""The catalogue finds what there is and names what there is not."""

import unittest

from shop.catalogue import find


class TheCatalogue(unittest.TestCase):
    def test_finds_a_product_by_its_number(self):
        self.assertEqual(find("plate").name, "Plate")

    def test_names_what_it_does_not_have(self):
        with self.assertRaisesRegex(LookupError, "sofa"):
            find("sofa")
