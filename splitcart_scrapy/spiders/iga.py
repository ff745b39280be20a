"""IGA's products, store by store (docs/retailers.md#iga)."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from scrapy import Request
from w3lib.url import add_or_replace_parameters

from splitcart.measures.lease import StoreLease
from splitcart_scrapy.failures import UnknownStoreError
from splitcart_scrapy.parsers import Listing, iga
from splitcart_scrapy.parsers.iga_stores import parse_online_stores
from splitcart_scrapy.spiders.base import StorePricesSpider

PLANNING = "11111111-1111-1111-1111-111111111111"  # the mode of a visitor who looks and orders nothing


class IgaSpider(StorePricesSpider):
    """The shop knows a store by its tag, not by its id; a category that a store lacks is answered with 404."""

    name = company = "iga"
    page_size = 100
    needs_retailer_store_id = True
    absent_listing_statuses = past_end_statuses = unknown_store_statuses = frozenset({404})
    max_absent_listings = 100  # a store may lack any one department; the largest has 77 leaves
    parse_tree = staticmethod(iga.parse_category_tree)
    parse_listing = staticmethod(iga.parse_listing)

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.session_id = str(uuid4())

    async def warm_up(self, lease: StoreLease) -> None:
        await self.fetch(Request(f"{self.base_url('site')}/", dont_filter=True), is_page=True)
        lookup = self._request(lease, "/stores", {"RSID": str(lease.retailer_store_id), "take": "1"})
        if str(lease.retailer_store_id) not in await self.read(lookup, parse_online_stores):
            raise UnknownStoreError(f"IGA's shop has no store {lease.retailer_store_id} ({lease.store_id}) online")

    def tree_request(self, lease: StoreLease) -> Request:
        return self._request(lease, f"/stores/{lease.retailer_store_id}/categoryHierarchy", {})

    def listing_request(self, lease: StoreLease, listing: Listing, page: int) -> Request:
        path = f"/stores/{lease.retailer_store_id}/categories/{quote(listing.key, safe='')}/search"
        place = {"take": str(self.page_size), "skip": str((page - 1) * self.page_size), "sessionId": self.session_id}
        return self._request(lease, path, place)

    def _request(self, lease: StoreLease, path: str, parameters: dict[str, str]) -> Request:
        url = add_or_replace_parameters(f"{self.base_url('site')}/api/storefront{path}", parameters)
        headers = {"Accept": "application/json", "x-shopping-mode": PLANNING}
        return Request(
            url,
            headers=headers,
            cookies={"iga-shop.retailerStoreId": str(lease.retailer_store_id)},
            meta={"cookiejar": lease.store_id},
        )
