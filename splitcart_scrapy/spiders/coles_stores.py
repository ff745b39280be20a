"""Coles' stores, from its store finder (docs/retailers.md#coles-stores)."""

from collections.abc import AsyncIterator

from splitcart_scrapy.coles_access import ColesAccess
from splitcart_scrapy.parsers import StorePage, coles
from splitcart_scrapy.parsers.coles_graph import STORES_QUERY
from splitcart_scrapy.spiders.base import StoreListSpider
from splitcart_scrapy.sweep import AUSTRALIA, Sweep

# All are listed, so that a store that changes hands is noticed; chains.toml says which divisions are priced.
BRANDS = ["COL", "LQR", "FCL", "VIN"]
NEAREST = 50


class ColesStoresSpider(ColesAccess, StoreListSpider):
    """The finder answers with the fifty stores nearest to a point, however far they are."""

    name = "coles_stores"
    company = "coles"

    async def pages(self) -> AsyncIterator[StorePage]:
        await self.enter()
        sweep = Sweep(AUSTRALIA, most=NEAREST)
        for cell in sweep:
            latitude, longitude = (round(degrees, 6) for degrees in cell.centre)
            where = {"brandIds": BRANDS, "latitude": latitude, "longitude": longitude}
            page = await self.read(self.graph_request("GetStores", STORES_QUERY, where), coles.parse_stores)
            yield page
            sweep.answered(cell, page.distances_km)
