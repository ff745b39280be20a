"""Every spider of the project, also those that will be added: each loads, is a declaration, and walks its site."""

import linecache
import sys
from types import ModuleType

import pytest
import pytest_twisted
from scrapy.spiderloader import SpiderLoader

from splitcart_scrapy.lint import median_lines, problems
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
def test_a_spider_keeps_the_rules(name, monkeypatch):
    monkeypatch.setenv("SPLITCART_CONTACT", "mailto:someone@example.org")
    settings = project_settings()
    assert problems(SpiderLoader(settings).load(name), settings) == []
    assert settings["USER_AGENT"].endswith("SplitCart/0.1.0 (+mailto:someone@example.org)")


def test_spiders_are_short():
    assert median_lines([SpiderLoader(project_settings()).load(name) for name in SPIDERS]) <= 40


def spider(text: str) -> type:
    """Make a module ``aldi`` of a text, and return its only spider."""
    module = ModuleType("spiders.aldi")
    linecache.cache["aldi.py"] = (len(text), None, text.splitlines(keepends=True), "aldi.py")
    module.__file__ = "aldi.py"
    sys.modules[module.__name__] = module
    exec(compile(text, "aldi.py", "exec"), module.__dict__)
    return next(each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__)


GOOD = '''"""ALDI's products (docs/retailers.md#aldi)."""
from splitcart_scrapy.spiders.base import StoreListSpider, StorePricesSpider
class AldiSpider(StorePricesSpider):
    name = company = "aldi"
'''


@pytest.fixture
def _no_module_stays():
    yield
    sys.modules.pop("spiders.aldi", None)
    linecache.cache.pop("aldi.py", None)


@pytest.mark.usefixtures("_no_module_stays")
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("", "", None),
        ('name = company = "aldi"', 'name, company = "aldi_shops", "aldi"', "is named 'aldi_shops', expected one of"),
        ("(StorePricesSpider)", "(StoreListSpider)", "is no StorePricesSpider"),
        ("AldiSpider", "Aldi", "is the class Aldi, expected AldiSpider"),
        ('name = company = "aldi"', 'name = company = "lidl"', "unknown company 'lidl'"),
        (" (docs/retailers.md#aldi).", ".", "its module's docstring"),
        ("    name", '    """reads pages"""\n    name', "its docstring does not begin with a sentence"),
        ("    name", "    # more\n" * 60 + "    name", "at most 60 are allowed"),
        ("    name", '    address = "https://www.aldi.com.au/x"\n    name', "belongs into chains.toml"),
        ("    name", '    def at(self): return self.base_url("shop")\n    name', "base URL 'shop'"),
        ("    name", '    custom_settings = {"CONCURRENT_REQUESTS_PER_DOMAIN": 8}\n    name', "PER_DOMAIN is not 1"),
        ("    name", '    custom_settings = {"DOWNLOAD_VERIFY_CERTIFICATES": False}\n    name', "CERTIFICATES is not"),
        ("(StorePricesSpider)", "(__import__('scrapy').Spider)", "derives from Spider"),
    ],
)
def test_a_rule_that_is_broken_is_named(old, new, problem):
    found = problems(spider(GOOD.replace(old, new, 1)), project_settings(DOWNLOAD_DELAY=1))
    assert (found == []) if problem is None else any(problem in each for each in found), found
