"""ALDI's products, store by store (docs/retailers.md#aldi)."""

from typing import ClassVar

from scrapy import Request
from w3lib.url import add_or_replace_parameters

from splitcart.measures.lease import StoreLease
from splitcart_scrapy.parsers import Listing, aldi
from splitcart_scrapy.spiders.base import StorePricesSpider


class AldiSpider(StorePricesSpider):
    name = company = "aldi"
    page_size = 30
    past_end_statuses = frozenset({400})
    unknown_store_statuses = frozenset({400, 404})
    parse_tree = staticmethod(aldi.parse_category_tree)
    parse_listing = staticmethod(aldi.parse_listing)

    headers: ClassVar[dict[str, str]] = {"Accept": "application/json", "Origin": aldi.SITE, "Referer": f"{aldi.SITE}/"}

    def tree_request(self, lease: StoreLease) -> Request:
        return self._request("/v2/product-category-tree", {"servicePoint": lease.store_id})

    def listing_request(self, lease: StoreLease, listing: Listing, page: int) -> Request:
        place = {"categoryKey": listing.key, "limit": str(self.page_size), "offset": str((page - 1) * self.page_size)}
        fixed = {"currency": "AUD", "sort": "relevance", "testVariant": "A"}
        return self._request("/v3/product-search", fixed | place | {"servicePoint": lease.store_id})

    def _request(self, path: str, parameters: dict[str, str]) -> Request:
        url = add_or_replace_parameters(self.base_url("api") + path, {"serviceType": "walk-in"} | parameters)
        return Request(url, headers=self.headers)
