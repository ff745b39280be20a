"""Pure parsers, one module a chain: a body and plain arguments in, records out; no network, no clock, no settings."""

from splitcart_scrapy.parsers.pages import Listing, ListingPage, StorePage

__all__ = ["Listing", "ListingPage", "StorePage"]
