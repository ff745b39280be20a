"""Every spider of the project, also those that will be added: each loads, is a declaration, and walks its site."""

import inspect

import pytest
import pytest_twisted
from scrapy.spiderloader import SpiderLoader

from splitcart.config import get_chain
from splitcart_scrapy.spiders.base import SiteSpider
from tests.collect.runs import figures, outbox, project_settings, small_market

SPIDERS = SpiderLoader(project_settings()).list()


# Those of barcodes ask a server first: test_barcodes.py.
@pytest.mark.parametrize("name", [name for name in SPIDERS if not name.endswith("_barcodes")])
@pytest_twisted.ensureDeferred
async def test_a_spider_walks_its_site(replica, crawl, desk, name):
    market = small_market()
    replica(market)
    company = name.removesuffix("_stores")
    store = market.stores(company)[0]
    desk.put(company, store.store_id, retailer_store_id=store.retailer_store_id)
    crawler = await crawl(name)
    assert figures(crawler)["finish_reason"] == "finished"
    assert len(outbox("store" if name.endswith("_stores") else "product")) == 1


@pytest.mark.parametrize("name", SPIDERS)
def test_a_spider_is_a_declaration_of_a_known_chain(name):
    spider_class = SpiderLoader(project_settings()).load(name)
    assert issubclass(spider_class, SiteSpider)
    assert get_chain(spider_class.company)
    assert len(inspect.getsource(inspect.getmodule(spider_class)).splitlines()) <= 60


@pytest.mark.parametrize("name", SPIDERS)
def test_a_spider_is_polite_and_says_who_it_is(name, monkeypatch):
    monkeypatch.setenv("SPLITCART_CONTACT", "mailto:someone@example.org")
    settings = project_settings()
    settings.delete("DOWNLOAD_DELAY", "cmdline")
    spider_class = SpiderLoader(settings).load(name)
    spider_class.update_settings(settings)
    assert settings.getfloat("DOWNLOAD_DELAY") == get_chain(spider_class.company).delay_seconds >= 1
    assert settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN") == 1
    assert settings["USER_AGENT"].endswith("SplitCart/0.1.0 (+mailto:someone@example.org)")
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
