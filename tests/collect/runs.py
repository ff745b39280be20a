"""What the tests of whole crawls share: a small market, quick settings, and a look at what was written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import Crawler
from scrapy.settings import Settings

from splitcart.config import get_settings
from splitcart.replica.config import CHAINS, MarketConfig, still
from splitcart.replica.market import Market
from splitcart.transfer import read_crawl_file
from splitcart.transfer.records import CrawlRecord, StoreRecord
from splitcart.transfer.rows import ProductRow

NOW = datetime(2026, 11, 5, 2, tzinfo=UTC)
QUICK = {
    "DOWNLOAD_DELAY": 0,
    "RETRY_TIMES": 1,
    "RETRY_AFTER_DEFAULT_SECONDS": 0,
    "RETRY_AFTER_TIMES": 2,
}
OFFER = (
    *("price_cents", "was_cents", "unit_price_cents", "unit_measure", "special_kind"),
    *("multi_buy_quantity", "multi_buy_cents", "member_cents"),
)


def project_settings(**overrides: Any) -> Settings:
    settings = Settings()
    settings.setmodule("splitcart_scrapy.settings", priority="project")
    settings.setdict(QUICK | overrides, priority="cmdline")
    return settings


def small_market(*chains: str, seed: int = 1, **figures: Any) -> Market:
    return Market(MarketConfig(seed=seed, chains=dict.fromkeys(chains or CHAINS, still(**figures))))


def truth(market: Market, chain: str, store_id: str) -> dict[str, tuple[Any, ...]]:
    """What the shelf shows, as the site tells it: a sku whose price is hidden has none of an offer."""
    return {
        code: tuple(getattr(offer, name) for name in OFFER) if offer.price_shown else None
        for code, offer in market.offers(chain, store_id, NOW).items()
    }


def seen(rows: list[ProductRow | StoreRecord]) -> dict[str, tuple[Any, ...]]:
    products = [row for row in rows if isinstance(row, ProductRow)]
    assert len({row.sku for row in products}) == len(rows)
    return {
        row.sku: tuple(getattr(row, name) for name in OFFER) if row.price_cents is not None else None
        for row in products
    }


def outbox(kind: str = "product") -> list[Path]:
    return sorted(get_settings().folder(f"{kind}_outbox").glob("*.jsonl.gz"))


def read(path: Path) -> tuple[list[ProductRow | StoreRecord], CrawlRecord]:
    *rows, closing = [record for _, record in read_crawl_file(path)]
    assert isinstance(closing, CrawlRecord)
    return rows, closing


def the_file(kind: str = "product") -> tuple[list[ProductRow | StoreRecord], CrawlRecord]:
    (path,) = outbox(kind)
    return read(path)


def working_files() -> list[Path]:
    return sorted((get_settings().data_dir / "state/crawling").glob("*.partial"))


def figures(crawler: Crawler) -> Mapping[str, Any]:
    """The crawl's own figures among Scrapy's stats, and how it ended."""
    stats = crawler.stats.get_stats()
    own = {name.removeprefix("splitcart/"): value for name, value in stats.items() if name.startswith("splitcart/")}
    return own | {"finish_reason": stats["finish_reason"]}
