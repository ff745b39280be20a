"""Coles' products, store by store (docs/retailers.md#coles)."""

from scrapy import Request
from w3lib.url import add_or_replace_parameters

from splitcart.measures.lease import StoreLease
from splitcart_scrapy.coles_access import ColesAccess
from splitcart_scrapy.failures import SiteChangedError
from splitcart_scrapy.parsers import Listing, coles
from splitcart_scrapy.parsers.coles_graph import CATEGORIES_QUERY
from splitcart_scrapy.spiders.base import StorePricesSpider


class ColesSpider(ColesAccess, StorePricesSpider):
    """Asks the API; when that fails, from then on the pages, which know the store from a cookie and name it."""

    name = company = "coles"
    page_size = 48
    max_listing_rows = 104 * 48
    known_listings: tuple[Listing, ...] = ()
    parse_tree = staticmethod(coles.parse_category_tree)
    parse_listing = staticmethod(coles.parse_listing)

    async def warm_up(self, lease: StoreLease) -> None:  # noqa: ARG002 - one visitor for all stores
        if self.way_in is None:
            await self.enter()

    async def listings(self, lease: StoreLease) -> list[Listing]:
        try:
            self.known_listings = tuple(await super().listings(lease))
        except SiteChangedError as error:
            self.turn_to_pages(error)
        return list(self.known_listings) or coles.recorded_listings(self.chain.excluded_categories)

    def tree_request(self, lease: StoreLease) -> Request:
        return self.graph_request("GetProductCategories", CATEGORIES_QUERY, {"storeId": lease.store_id})

    def listing_request(self, lease: StoreLease, listing: Listing, page: int) -> Request:
        number = lease.store_id.partition(":")[2]
        if self.reads_pages:
            path = f"browse/{listing.slug}?page={page}" + "".join(f"&slug={part}" for part in listing.slug.split("/"))
            return self.data_request(path, number)
        place = {"storeId": number, "start": str(page - 1), "sortBy": "relevance", "excludeAds": "true"}
        place |= {"categoryId": listing.key, "categoryLevel": str(listing.level), "categoryName": listing.asked_as}
        url = add_or_replace_parameters(f"{self.base_url('site')}/api/bff/products/search", place)
        return Request(url, headers=self.api_headers(), meta={"instead": (lease, listing, page)})

    async def renew(self, request: Request, problem: SiteChangedError) -> Request | None:
        again = await super().renew(request, problem)
        if again is None and "instead" in request.meta:
            self.turn_to_pages(problem)
            return self.listing_request(*request.meta["instead"])
        return again
