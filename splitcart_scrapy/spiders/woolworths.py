"""Woolworths' products, store by store (docs/retailers.md#woolworths)."""

import json

from scrapy import Request
from scrapy.http import JsonRequest

from splitcart.measures.lease import StoreLease
from splitcart_scrapy.browser import BROWSER_HEADERS, BROWSER_NAME, FETCH_HEADERS
from splitcart_scrapy.parsers import Listing, woolworths
from splitcart_scrapy.spiders.base import StorePricesSpider


class WoolworthsSpider(StorePricesSpider):
    name = company = "woolworths"
    user_agent_prefix = BROWSER_NAME
    page_size = 36
    max_listing_rows = 10_000  # docs/retailers.md#woolworths-listings
    parse_tree = staticmethod(woolworths.parse_category_tree)
    parse_listing = staticmethod(woolworths.parse_listing)

    async def warm_up(self, lease: StoreLease) -> None:
        home = Request(f"{self.base_url('site')}/", headers=BROWSER_HEADERS, meta=self._visitor(lease))
        await self.fetch(home, is_page=True)

    def tree_request(self, lease: StoreLease) -> Request:
        url = f"{self.base_url('site')}/apis/ui/PiesCategoriesWithSpecials"
        return Request(url, headers=self._headers("/"), meta=self._visitor(lease))

    def listing_request(self, lease: StoreLease, listing: Listing, page: int) -> Request:
        path = f"/shop/browse/{listing.slug}?pageNumber={page}&sortBy=PriceAsc"
        question = {
            "categoryId": listing.key,
            "pageNumber": page,
            "pageSize": self.page_size,
            "sortType": "PriceAsc",
            "url": path,
            "location": f"{path}&filter=SoldBy(Woolworths)",
            "formatObject": json.dumps({"name": listing.path[-1]}),
            "isSpecial": False,
            "isBundle": False,
            "isMobile": False,
            "filters": [{"Key": "SoldBy", "Items": [{"Term": "Woolworths"}]}],
            "isHideUnavailableProducts": False,
            "isHideEverydayMarketProducts": True,
            "categoryVersion": "v2",
            "enableAdReRanking": False,
            "storeId": lease.store_id,
        }
        url = f"{self.base_url('site')}/apis/ui/browse/category"
        return JsonRequest(url, data=question, headers=self._headers(path), meta=self._visitor(lease))

    def _headers(self, page_path: str) -> dict[str, str]:
        site = self.base_url("site")
        return BROWSER_HEADERS | FETCH_HEADERS | {"Origin": site, "Referer": site + page_path}

    def _visitor(self, lease: StoreLease) -> dict[str, str]:
        """Each store is visited with cookies of its own: the site keeps the chosen store for the visitor."""
        return {"cookiejar": lease.store_id}
