"""Real records of 2025, where they are present: nothing is lost, and what is dirty is known by number.

The tests below exist only on a machine that has the records; elsewhere the file holds none.
"""

import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
import sqlalchemy as sa

from scheduler import invalid_stores, store_point
from splitcart.database import open_database, reading
from splitcart.database.models import Category, Company, Coverage, Crawl, Price, PriceHistory, Sku, Store
from splitcart.ingest import CrawlIngester
from splitcart.ingest.outcomes import ProductsUpdate
from splitcart.ingest.store_sources import read_store_lists
from splitcart.ingest.updates import update_legacy_products, update_stores_from
from tests.ingest.real_input import ALDI, STORES


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


if STORES:

    def test_5701_real_stores_load_and_none_is_dropped(engine: sa.Engine) -> None:
        update = update_stores_from(engine, STORES[0].parent, now)
        created = {slug: counts.created for slug, counts in update.companies.items()}
        assert created == {"aldi": 495, "coles": 1700, "iga": 1291, "woolworths": 2215}
        odd = {slug: counts.odd_ids for slug, counts in update.companies.items() if counts.odd_ids}
        assert odd == {"coles": ["414", "419"]}
        reasons: Counter[str] = Counter()
        with reading(engine) as session:
            for company_id in session.scalars(sa.select(Company.id)):
                stores = session.scalars(sa.select(Store).where(Store.company_id == company_id))
                reasons.update(reason.split(":")[0] for reason in invalid_stores(map(store_point, stores)).values())
            twice = sa.select(Store.store_id).group_by(Store.store_id).having(sa.func.count() > 1)
            assert len(session.scalars(twice).all()) == 6
            assert session.scalar(sa.select(sa.func.count(Store.id)).where(Store.name.in_(("", "N/A")))) == 0
        assert reasons == {
            "no coordinates": 6,
            "coordinates are (0, 0)": 4,
            "outside Australia": 2,
            "10 stores on one point": 10,
        }

    def test_the_same_real_list_again_changes_nothing(sqlite: sa.Engine) -> None:
        update_stores_from(sqlite, STORES[0], now)
        update = update_stores_from(sqlite, STORES[0], now)
        assert sum(counts.unchanged for counts in update.companies.values()) == 5701
        assert sum(map(len, read_store_lists(STORES[0]).values())) == 5701


if ALDI:

    class Imported(NamedTuple):
        engine: sa.Engine
        update: ProductsUpdate

    @pytest.fixture(scope="module")
    def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
        folder = tmp_path_factory.mktemp("aldi")
        engine = open_database(f"sqlite:///{folder}/aldi.db")
        update = update_legacy_products(CrawlIngester(engine, folder, now), [ALDI[0].parent])
        yield Imported(engine, update)
        engine.dispose()

    def skus_of(path: Path) -> dict[str, int]:
        """Price in cents of each sku in a file, read without our own reader."""
        entries = [orjson.loads(line)["product"] for line in gzip.decompress(path.read_bytes()).splitlines()]
        return {entry["sku"]: round(entry["price_current"] * 100) for entry in entries}

    def shelf(engine: sa.Engine, store_id: str) -> dict[str, int]:
        with reading(engine) as session:
            rows = session.execute(
                sa.select(Sku.code, Price.price_cents)
                .join(Price, Price.sku_id == Sku.id)
                .join(Store, Store.id == Price.store_id)
                .where(Store.store_id == store_id, Price.left_at.is_(None))
            )
            return dict(rows.all())

    def test_no_row_is_lost(imported: Imported) -> None:
        assert imported.update.refused == {}
        rows = {crawl.file: crawl.rows for crawl in imported.update.crawls}
        assert rows == {str(path): len(skus_of(path)) for path in ALDI}
        assert all(crawl.quarantined == 0 and crawl.counts["gaps"] == 0 for crawl in imported.update.crawls)
        for crawl in imported.update.crawls:
            counts = crawl.counts
            shown = sum(counts[kind] for kind in ("created", "changed", "returned", "unchanged"))
            assert shown == crawl.rows

    @pytest.mark.parametrize("path", [path for path in ALDI if "2025-09-23" in path.name], ids=lambda path: path.name)
    def test_the_shelf_is_the_newest_file_and_what_it_cannot_tell(imported: Imported, path: Path) -> None:
        shown = skus_of(path)
        kept = shelf(imported.engine, path.name.split("-")[-4].upper())
        assert {code: kept.get(code) for code in shown} == shown
        beyond = kept.keys() - shown.keys()
        assert len(beyond) == (235 if "g100" in path.name else 0), "only G100's file is partial"

    def test_the_partial_file_closes_nothing_in_the_four_categories_that_it_lacks(imported: Imported) -> None:
        crawl = next(crawl for crawl in imported.update.crawls if "g100-2025-09-23" in crawl.file)
        assert (crawl.complete_categories, crawl.categories) == (13, 17)
        with reading(imported.engine) as session:
            scope = session.scalars(sa.select(Crawl.scope).where(Crawl.crawl_id == crawl.crawl_id)).one()
            lacking = {entry["category"] for entry in scope if not entry["complete"]}
            assert lacking == {"Baby", "Cleaning & Household", "Pets", "Snacks & Confectionery"}
            left = (
                sa.select(Category.name)
                .join(Sku, Sku.root_category_id == Category.id)
                .join(Price, Price.sku_id == Sku.id)
                .join(Store, Store.id == Price.store_id)
                .where(Store.store_id == "G100", Price.left_at.is_not(None))
            )
            roots = session.scalars(left).all()
            assert len(roots) == crawl.counts["left"] == 44
            assert not lacking & set(roots)
            covered = sa.select(Coverage.category_id).join(Crawl).where(Crawl.crawl_id == crawl.crawl_id)
            assert len(session.scalars(covered).all()) == 13

    def test_a_price_change_is_two_entries(imported: Imported) -> None:
        before, after = (
            skus_of(next(path for path in ALDI if f"g102-2025-09-{day}" in path.name)) for day in ("12", "23")
        )
        both = before.keys() & after.keys()
        moved = {code: (before[code], after[code]) for code in both if before[code] != after[code]}
        assert len(moved) > 50
        same = sa.and_(Price.store_id == PriceHistory.store_id, Price.sku_id == PriceHistory.sku_id)
        columns = (Sku.code, PriceHistory.price_cents, PriceHistory.until, Price.price_cents, Price.since)
        with reading(imported.engine) as session:
            entries = session.execute(
                sa.select(*columns)
                .join_from(PriceHistory, Price, same)
                .join(Sku, Sku.id == Price.sku_id)
                .join(Store, Store.id == Price.store_id)
                .where(Store.store_id == "G102", PriceHistory.reason == "changed")
            ).all()
        assert {code: (old, new) for code, old, _, new, _ in entries if old != new} == moved
        assert {until for *_, until, _, _ in entries} == {datetime(2025, 9, 22, 14, tzinfo=UTC)}
        assert all(until == since for _, _, until, _, since in entries)
