"""Crawls as the collect side would leave them: a file for ingestion, and what it showed for those who are compared."""

import gzip
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random

from benchmarks.policy.world import Row, World
from splitcart.replica.catalogue import MarketSku
from splitcart.replica.pricelist import MarketOffer
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord

CRAWL_MINUTES = 20


@dataclass(frozen=True, eq=False)
class Sight:
    """One root category as one crawl saw it completely; ``row`` is the whole shelf of that market day."""

    store_id: str
    root: int
    day: int
    row: Row


@dataclass(frozen=True, eq=False)
class Crawl:
    """One crawl on its way to the inbox."""

    crawl_id: str
    store_id: str
    at: datetime
    path: Path
    sights: list[Sight]
    complete: bool


def crawl(
    world: World, store_id: str, at: datetime, folder: Path, rng: Random, blocked_share: float, only: Collection[str]
) -> Crawl:
    """Write what the shelf shows, root by root, of all roots or ``only`` some; a blocked crawl lacks the later ones."""
    roots = [root for root in world.roots if not only or root in only]
    rng.shuffle(roots)
    blocked = len(roots) > 1 and rng.random() < blocked_share
    seen = rng.randrange(1, len(roots)) if blocked else len(roots)
    lines: list[bytes] = []
    scope: list[CategoryRecord] = []
    sights = []
    for position, root in enumerate(roots):
        begin = at + timedelta(minutes=CRAWL_MINUTES * position / len(roots))
        end = begin + timedelta(minutes=CRAWL_MINUTES / len(roots))
        day = world.day(store_id, end)
        shown = _lines(world, store_id, root, day) if position < seen else []
        lines += shown
        if position < seen:
            sights.append(Sight(store_id, world.roots.index(root), day, world.shelf(store_id, day)))
        if shown or position >= seen:
            scope.append(_scope(root, len(shown), begin, end, complete=position < seen))
    record = CrawlRecord(
        crawl_id=f"{world.company}-{store_id.lower()}-{at:%Y%m%dT%H%M%SZ}-000000",
        spider=world.company,
        company=world.company,
        store_id=store_id,
        started_at=at,
        finished_at=at + timedelta(minutes=CRAWL_MINUTES),
        rows=len(lines),
        complete=not blocked and len(roots) == len(world.roots),
        store_verified=True,
        categories=scope,
    )
    path = folder / f"{record.crawl_id}.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join([*lines, encode_line(record)]), 1, mtime=0))
    return Crawl(record.crawl_id, store_id, at, path, sights, complete=not blocked)


def _scope(root: str, rows: int, begin: datetime, end: datetime, *, complete: bool) -> CategoryRecord:
    problem = None if complete else "blocked"
    return CategoryRecord(
        category=root, rows=rows, complete=complete, observed_from=begin, observed_to=end, problem=problem
    )


def _lines(world: World, store_id: str, root: str, day: int) -> list[bytes]:
    skus = world.market.skus(world.company)
    return [_line(skus[code], offer) for code, offer in world.offers(store_id, day).items() if skus[code].root == root]


@lru_cache(maxsize=65536)
def _line(sku: MarketSku, offer: MarketOffer) -> bytes:
    return encode_line(
        ProductRecord(
            sku=sku.code,
            name=sku.name,
            brand=sku.brand,
            category_path=list(sku.path),
            available=True,
            price_cents=offer.price_cents if offer.price_shown else None,
            was_cents=offer.was_cents,
            special_kind=offer.special_kind,
            multi_buy_quantity=offer.multi_buy_quantity,
            multi_buy_cents=offer.multi_buy_cents,
            member_cents=offer.member_cents,
        )
    )
