"""Woolworths' stores, from its store locator (docs/retailers.md#woolworths-stores)."""

from collections.abc import AsyncIterator

from scrapy import Request
from w3lib.url import add_or_replace_parameters

from splitcart_scrapy.parsers import StorePage, woolworths
from splitcart_scrapy.spiders.base import StoreListSpider

# All are listed, so that a store that changes hands is noticed; chains.toml says which divisions are priced.
DIVISIONS = ("SUPERMARKETS", "EG", "AMPOL")
MAX_STORES = "10000"


class WoolworthsStoresSpider(StoreListSpider):
    name = "woolworths_stores"
    company = "woolworths"

    async def pages(self) -> AsyncIterator[StorePage]:
        for division in DIVISIONS:
            parameters = {"Max": MAX_STORES, "Division": division, "Facility": "", "postcode": "*"}
            url = add_or_replace_parameters(f"{self.base_url('site')}/apis/ui/StoreLocator/Stores", parameters)
            yield await self.read(Request(url, headers={"Accept": "application/json"}), woolworths.parse_stores)
