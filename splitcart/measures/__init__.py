"""The shared pure facts: money, sizes, unit prices, barcodes, keys, slugs, ids and local time.

In: what retailers and people write. Out: the one form in which every room keeps it; None where a text says nothing.
Nothing here touches a file, a network or a database; the clock is an argument, ``system_clock`` its usual value.
"""

from splitcart.measures.clock import Clock, shifted_clock, system_clock
from splitcart.measures.gtin import Gtin, parse_gtin
from splitcart.measures.ids import canonical_store_id, clean_postcode, clean_state, crawl_id, store_slug
from splitcart.measures.keys import brand_key, product_key, words_key
from splitcart.measures.lease import StoreLease
from splitcart.measures.local_time import last_change_before, local_day, next_change_after, zone_for_state
from splitcart.measures.money import cents, cents_from_display, dollars
from splitcart.measures.sizes import Size, parse_sizes, total_size
from splitcart.measures.slugs import slug
from splitcart.measures.unit_prices import UnitPrice, measures_bought, parse_unit_price, unit_price_agrees

__all__ = [
    "Clock",
    "Gtin",
    "Size",
    "StoreLease",
    "UnitPrice",
    "brand_key",
    "canonical_store_id",
    "cents",
    "cents_from_display",
    "clean_postcode",
    "clean_state",
    "crawl_id",
    "dollars",
    "last_change_before",
    "local_day",
    "measures_bought",
    "next_change_after",
    "parse_gtin",
    "parse_sizes",
    "parse_unit_price",
    "product_key",
    "shifted_clock",
    "slug",
    "store_slug",
    "system_clock",
    "total_size",
    "unit_price_agrees",
    "words_key",
    "zone_for_state",
]
