"""Retiring history changes nothing of the time that is kept, and what is dropped stands in files."""

import gzip
import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from grouping.effective import EffectiveInterval, effective_history, effective_prices
from splitcart.database import reading, transaction
from splitcart.database.models import Candidate, Coverage, Price, PriceHistory, RetiredMonth
from splitcart.database.retention import read_horizon
from splitcart.errors import FailedError, InputError
from splitcart.ingest import CrawlIngester
from splitcart.ingest.invariants import check_database
from splitcart.ingest.replay import replay_stores
from splitcart.ingest.retention import Retirement, months_before, retire_history
from tests.grouping.factory import BASE, ROOTS, SmallChain, day, dearer
from tests.ingest.crawl_files import category, product, write_crawl

STORES = ["G001", "G002", "G003", "G004"]
HORIZON = datetime(2026, 7, 1, tzinfo=UTC)
NOW = datetime(2026, 10, 20, tzinfo=UTC)


def lived(engine: sa.Engine, seed: int) -> SmallChain:
    """Seven months of a grouped chain: changes every fortnight, departures, returns, partial crawls, a rogue."""
    rng = random.Random(seed)
    chain = SmallChain(engine, STORES)
    shelf = dict(BASE)
    for week in range(0, 31, 2):
        for sku in rng.sample(sorted(BASE), 12):
            if sku in shelf and rng.random() < 0.3:
                del shelf[sku]
            else:
                shelf[sku] = rng.randrange(100, 900)
        for position, store in enumerate(STORES):
            if week == 0 or rng.random() < 0.5:
                own = dearer(shelf, range(60)) if store == "G004" and week > 8 else shelf
                roots = tuple(ROOTS) if rng.random() < 0.8 else ("produce", "dairy")
                chain.crawl(store, own, day(7 * week, position), roots=roots)
        chain.run(day(7 * week, 12))
    return chain


def clipped(intervals: list[EffectiveInterval]) -> list[tuple[Any, ...]]:
    return [
        (max(each.since, HORIZON), each.until, each.offer, each.source, each.inferred_from, each.group_id)
        for each in intervals
        if each.until is None or each.until > HORIZON
    ]


def kept_time(chain: SmallChain) -> dict[str, Any]:
    """Everything that can be asked of the time from the horizon on."""
    told: dict[str, Any] = {}
    with reading(chain.engine) as session:
        for name, store in chain.stores.items():
            told[name, "now"] = effective_prices(session, store)
            for number in range(120, 216, 12):
                told[name, number] = effective_prices(session, store, day(number)) if day(number) >= HORIZON else None
            told[name, HORIZON] = effective_prices(session, store, HORIZON)
            history = {sku: clipped(found) for sku, found in effective_history(session, store).items()}
            told[name, "history"] = {sku: found for sku, found in history.items() if found}
        told["prices"] = session.execute(sa.select(Price.__table__).order_by(Price.store_id, Price.sku_id)).all()
    return told


def retire(chain: SmallChain, keep_months: int = 3) -> Retirement:
    return retire_history(chain.engine, chain._folder, keep_months, lambda: NOW)


def wrong(chain: SmallChain) -> list[Any]:
    with reading(chain.engine) as session:
        return [finding for finding in check_database(session, chain._folder) if finding.problems]


def test_the_kept_time_is_told_as_before_also_after_a_replay(engine: sa.Engine) -> None:
    chain = lived(engine, seed=4)
    before = kept_time(chain)
    with reading(engine) as session:
        coverage, intervals = (
            session.scalar(sa.select(sa.func.count()).select_from(m)) for m in (Coverage, PriceHistory)
        )
    done = retire(chain)
    assert done.horizon == HORIZON
    assert list(done.months) == ["2026-03", "2026-04", "2026-05", "2026-06"]
    assert 0 < done.intervals < intervals
    assert 0 < done.coverage < coverage
    assert kept_time(chain) == before
    assert wrong(chain) == []
    replay_stores(CrawlIngester(engine, chain._folder, lambda: NOW), STORES)
    assert kept_time(chain) == before
    assert wrong(chain) == []
    again = retire(chain)
    assert (again.months, again.intervals, again.coverage, again.horizon) == ({}, 0, 0, HORIZON)
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Coverage)) == coverage - done.coverage


def test_what_was_dropped_stands_in_files_by_name(engine: sa.Engine) -> None:
    chain = lived(engine, seed=2)
    with reading(engine) as session:
        dropped = session.scalars(sa.select(PriceHistory).where(PriceHistory.until < HORIZON)).all()
        expected = sorted((each.until.isoformat(), each.price_cents, each.reason) for each in dropped)
    retire(chain)
    told = []
    with reading(engine) as session:
        months = session.scalars(sa.select(RetiredMonth).order_by(RetiredMonth.month)).all()
    for month in months:
        packed = (chain._folder / month.file).read_bytes()
        assert hashlib.sha256(packed).hexdigest() == month.sha256
        *lines, closing = [orjson.loads(line) for line in gzip.decompress(packed).splitlines()]
        assert closing["batch"]["count"] == len(lines) == month.rows
        told += [(each["until"], each["price_cents"], each["reason"]) for each in (line["interval"] for line in lines)]
        assert {"company", "store_id", "sku", "since", "crawl_id"} <= lines[0]["interval"].keys()
        assert lines[0]["interval"]["store_id"] in STORES
    assert sorted(told) == expected


def test_a_first_interval_is_dated_from_the_beginning_of_its_offer(engine: sa.Engine) -> None:
    chain = SmallChain(engine, ["G001"])
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G001", dearer(BASE, {3}), day(20))
    retire(chain)
    with reading(engine) as session:
        told = effective_history(session, chain.stores["G001"])
    assert [each.since for each in told[chain.skus[3]]] == [day(20)]
    assert [each.since for each in told[chain.skus[4]]] == [day(0)]


def test_the_time_before_the_horizon_is_not_guessed_at(engine: sa.Engine) -> None:
    chain = SmallChain(engine, ["G001"])
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G001", dearer(BASE, {3}), day(20))
    retire(chain)
    with reading(engine) as session, pytest.raises(InputError, match="history before 2026-04-01 UTC was retired"):
        effective_prices(session, chain.stores["G001"], day(10))


def with_gap(chain: SmallChain, at: datetime) -> None:
    """A crawl that shows sku 3 without a price that can be read."""
    rows = [product(str(sku), root, BASE[sku]) for root in ROOTS for sku in ROOTS[root] if sku != 3]
    rows.append(product("3", "produce", None))
    path = write_crawl(chain._folder, rows, [category(root, at, minutes=60) for root in ROOTS], store_id="G001")
    CrawlIngester(chain.engine, chain._folder, lambda: at + timedelta(hours=1)).ingest(path)


def test_a_gap_that_still_stands_is_kept_and_can_become_a_departure(engine: sa.Engine) -> None:
    chain = SmallChain(engine, ["G001"])
    chain.crawl("G001", BASE, day(0))
    with_gap(chain, day(7))
    chain.crawl("G001", dearer(BASE, range(100, 110)), day(14))
    with_gap(chain, day(21))
    done = retire(chain)
    with reading(engine) as session:
        left = session.execute(sa.select(PriceHistory.reason, PriceHistory.until)).all()
    assert left == [("gap", day(21))]
    assert sum(done.months.values()) == done.intervals + 1
    chain.crawl("G001", {sku: price for sku, price in BASE.items() if sku != 3}, day(200))
    with reading(engine) as session:
        assert session.get_one(Price, (chain.stores["G001"], chain.skus[3])).left_at == day(200)
    retire(chain)
    with reading(engine) as session:
        assert session.scalars(sa.select(PriceHistory).where(PriceHistory.until < HORIZON)).all() == []


def test_a_crawl_that_waits_for_its_verdict_keeps_its_coverage(engine: sa.Engine) -> None:
    chain = SmallChain(engine, ["G001", "G002"])
    for number in range(5):
        chain.crawl("G001", dearer(BASE, {3}, by=number), day(number))
    chain.crawl("G002", BASE, day(0))
    chain.run(day(5))
    group = chain.group_of("G001").id
    with transaction(engine) as session:
        crawl = session.scalars(sa.select(Coverage.crawl_id).where(Coverage.observed_from == day(2))).first()
        session.add(Candidate(group_id=group, store_id=chain.stores["G001"], crawl_id=crawl, stamped_at=day(2)))
    retire(chain)
    with reading(engine) as session:
        begun = session.scalars(
            sa.select(Coverage.observed_from)
            .distinct()
            .where(Coverage.store_id == chain.stores["G001"])
            .order_by(Coverage.observed_from)
        ).all()
    assert begun == [day(0), day(2), day(4)]


def test_too_short_a_time_is_refused(engine: sa.Engine) -> None:
    chain = SmallChain(engine, ["G001"])
    with pytest.raises(InputError, match="2 months are too few to keep"):
        retire(chain, keep_months=2)


def test_a_month_that_cannot_be_archived_whole_stays(engine: sa.Engine) -> None:
    chain = SmallChain(engine, ["G001"])
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G001", dearer(BASE, {3, 4}), day(20))
    with transaction(engine) as session:
        session.execute(sa.update(PriceHistory).where(PriceHistory.sku_id == chain.skus[3]).values(crawl_id=99))
    with pytest.raises(FailedError, match=r"2026-03 has 2 intervals, 1 of them of known .* run: splitcart db check"):
        retire(chain)
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(PriceHistory)) == 2
        assert read_horizon(session) is None
    assert list((chain._folder / "retired").iterdir()) == []


@pytest.mark.parametrize(("count", "expected"), [(1, "2025-12"), (3, "2025-10"), (13, "2024-12"), (24, "2024-01")])
def test_months_are_counted_back_over_years(count: int, expected: str) -> None:
    assert f"{months_before(datetime(2026, 1, 1, tzinfo=UTC), count):%Y-%m}" == expected
