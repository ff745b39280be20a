"""Coles' barcodes, from the API's details of each product, or its own page (docs/retailers.md#coles-listings)."""

from splitcart.transfer.records import BarcodeRecord
from splitcart_scrapy.coles_access import ColesAccess
from splitcart_scrapy.failures import SiteChangedError, UnknownStoreError
from splitcart_scrapy.parsers import coles_pages
from splitcart_scrapy.parsers.coles_graph import parse_details
from splitcart_scrapy.spiders.base import BarcodeSpider


class ColesBarcodesSpider(ColesAccess, BarcodeSpider):
    """Asks the API, which also tells ingredients and origin; when that fails, from then on the pages."""

    name = "coles_barcodes"
    company = "coles"

    async def look_up(self, sku: str, name: str) -> BarcodeRecord | None:
        if self.way_in is None:
            await self.enter()
        if self.any_store and not self.reads_pages:
            try:
                request = self.details_request(sku, self.any_store)
                return await self.read(request, lambda body: parse_details(body, sku))
            except (SiteChangedError, UnknownStoreError) as error:
                self.turn_to_pages(error)
        page = self.product_request(sku, name)
        barcode = await self.read(page, lambda body: coles_pages.parse_barcode(body, sku), is_page=True)
        return BarcodeRecord(sku=sku, barcode=barcode) if barcode else None
