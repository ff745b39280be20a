"""What the spiders of all chains share: paced fetching, the way of a crawl through the pipelines, and its verdicts."""

from splitcart_scrapy.spiders.base.barcodes import BarcodeSpider
from splitcart_scrapy.spiders.base.prices import StorePricesSpider
from splitcart_scrapy.spiders.base.site import SiteSpider, site_spider
from splitcart_scrapy.spiders.base.store_list import StoreListSpider

__all__ = ["BarcodeSpider", "SiteSpider", "StoreListSpider", "StorePricesSpider", "site_spider"]
