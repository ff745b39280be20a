"""Coles' barcodes, from the products' own pages (docs/retailers.md#coles-listings)."""

from scrapy import Request

from splitcart.measures.slugs import slug
from splitcart_scrapy.browser import BROWSER_HEADERS
from splitcart_scrapy.coles_access import ColesAccess
from splitcart_scrapy.parsers import coles_pages
from splitcart_scrapy.spiders.base import BarcodeSpider


class ColesBarcodesSpider(ColesAccess, BarcodeSpider):
    name = "coles_barcodes"
    company = "coles"
    parse_barcode = staticmethod(coles_pages.parse_barcode)

    def page_request(self, sku: str, name: str) -> Request:
        return Request(f"{self.base_url('site')}/product/{slug(name) or 'p'}-{sku}", headers=BROWSER_HEADERS)
