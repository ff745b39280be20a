"""IGA's stores: the registry of all shops, joined with the online shop's list (docs/retailers.md#iga-stores)."""

from collections.abc import AsyncIterator

from scrapy import Request
from w3lib.url import add_or_replace_parameters

from splitcart_scrapy.parsers import StorePage
from splitcart_scrapy.parsers.iga_stores import parse_online_stores, parse_stores
from splitcart_scrapy.sightings import Sightings, spread
from splitcart_scrapy.spiders.base import StoreListSpider

LOCATIONS = 23_001


class IgaStoresSpider(StoreListSpider):
    """The registry is asked by location, and nobody knows where those are: until every shop was met often."""

    name = "iga_stores"
    company = "iga"

    async def pages(self) -> AsyncIterator[StorePage]:
        url = f"{self.base_url('gateway')}/api/stores"
        online = await self.read(Request(url, headers={"Accept": "application/json"}), parse_online_stores)
        sightings, missing = Sightings(), set(online)
        for location in spread(LOCATIONS):
            page = await self.read(self._request(location), lambda body: parse_stores(body, online))
            yield page
            sightings.add(store.store_id for store in page.items)
            missing -= {store.retailer_store_id or "" for store in page.items}
            if sightings.enough and not missing:
                return
        if missing:
            yield StorePage(bad_rows=[f"online store {tag} is in no answer of the registry" for tag in sorted(missing)])

    def _request(self, location: int) -> Request:
        parameters = {"format": "json", "saleGroup": "0", "limit": "1500", "locationId": str(location)}
        url = f"{self.base_url('stores')}/location/storelocator/183/"
        return Request(add_or_replace_parameters(url, parameters))
