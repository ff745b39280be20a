"""ALDI's stores, from its service points (docs/retailers.md#aldi-stores)."""

from collections.abc import AsyncIterator

from scrapy import Request
from w3lib.url import add_or_replace_parameters

from splitcart_scrapy.parsers import StorePage, aldi
from splitcart_scrapy.spiders.base import StoreListSpider
from splitcart_scrapy.sweep import AUSTRALIA, Sweep

PAGE_SIZE = 50


class AldiStoresSpider(StoreListSpider):
    """The finder answers with the stores near a point; cells are split until their answers reach beyond them."""

    name = "aldi_stores"
    company = "aldi"

    async def pages(self) -> AsyncIterator[StorePage]:
        sweep = Sweep(AUSTRALIA)
        for cell in sweep:
            distances: list[float] = []
            offset, total = 0, 1
            while offset < total:
                page = await self.read(self._request(cell.centre, offset), aldi.parse_stores)
                yield page
                distances += page.distances_km
                offset, total = offset + page.listed, page.total if page.listed and page.total else 0
            sweep.answered(cell, distances)

    def _request(self, point: tuple[float, float], offset: int) -> Request:
        latitude, longitude = point
        parameters = {
            "latitude": f"{latitude:.6f}",
            "longitude": f"{longitude:.6f}",
            "serviceType": "walk-in",
            "includeNearbyServicePoints": "true",
            "limit": str(PAGE_SIZE),
            "offset": str(offset),
        }
        url = add_or_replace_parameters(f"{self.base_url('api')}/v2/service-points", parameters)
        return Request(url, headers={"Accept": "application/json", "Origin": aldi.SITE, "Referer": f"{aldi.SITE}/"})
