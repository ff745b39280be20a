"""Effective prices against a slow and simple model: random crawls, list news and memberships, arriving in any order."""

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouping import effective_history, effective_prices
from grouping.effective import EffectivePrice, Offer
from grouping.lists import News, apply_news
from grouping.memberships import refresh_store_categories
from splitcart.database import Base, reading, transaction
from splitcart.database.models import Company, Crawl, Membership, Sku, Store, StoreGroup
from splitcart.ingest import CrawlIngester
from tests.grouping.effective_model import LENGTH, ROOTS, START, STEP, Model, ModelCrawl, ModelNews, ModelStay
from tests.ingest.crawl_files import category, product, shelf_row, write_crawl

STORES = ("G101", "G102")
STEPS = 12
ABOUT = {2: "A", 3: "B"}  # two category groups beside the whole-list groups 0 and 1
END = START + 100 * STEP
moments = st.integers(0, STEPS * 60).map(lambda minute: START + timedelta(minutes=minute))
offers = st.tuples(st.sampled_from([100, 200, 300]), st.sampled_from([None, 400]))


@st.composite
def crawls(draw: st.DrawFn) -> list[ModelCrawl]:
    slots = draw(
        st.lists(st.tuples(st.sampled_from(STORES), st.integers(0, STEPS)), min_size=1, max_size=6, unique=True)
    )
    made = []
    for store, step in slots:
        saw = draw(st.dictionaries(st.sampled_from(sorted(ROOTS)), offers | st.none()))
        made.append(ModelCrawl(store, step, saw, draw(st.frozensets(st.sampled_from(["A", "B"])))))
    return made


@st.composite
def news(draw: st.DrawFn) -> list[ModelNews]:
    times = draw(st.lists(moments, max_size=10, unique=True))
    return [
        ModelNews(
            group,
            draw(st.sampled_from([sku for sku in sorted(ROOTS) if group not in ABOUT or ROOTS[sku] == ABOUT[group]])),
            draw(st.none() | offers),
            at + timedelta(seconds=7),
        )
        for at in sorted(times)
        for group in [draw(st.integers(0, 3))]
    ]


@st.composite
def stays(draw: st.DrawFn) -> list[ModelStay]:
    made = []
    for store in STORES:
        for root in (None, "A", "B"):
            bounds = sorted(draw(st.lists(moments, max_size=3, unique=True)))
            for since, until in zip(bounds, [*bounds[1:], None][: len(bounds)], strict=True):
                of_root = [None, *(group for group, about in ABOUT.items() if about == root)]
                group = draw(st.integers(0, 1) if root is None else st.sampled_from(of_root))
                suspended = draw(st.none() | moments)
                made.append(
                    ModelStay(
                        store,
                        group,
                        root,
                        since,
                        until,
                        draw(st.none() | moments.map(lambda at: at + timedelta(seconds=3))),
                        suspended if suspended and suspended > since else None,
                        draw(st.sampled_from(["ejected", "moved"])) if until else None,
                    )
                )
    return made


def clear(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            names = ", ".join(table.name for table in Base.metadata.sorted_tables)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
            return
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(sa.delete(table))


def play(engine: sa.Engine, model: Model, arrival: list[ModelCrawl], folder: Path) -> None:
    """Feed the model's facts to the real thing, the crawls in the given order of arrival."""
    clear(engine)
    ingester = CrawlIngester(engine, folder / "data", lambda: datetime(2026, 3, 9, tzinfo=UTC))
    for crawl in arrival:
        ingester.ingest(as_file(crawl, folder / "files"))
    with transaction(engine) as session:
        company = session.scalars(sa.select(Company)).one()
        groups = [
            StoreGroup(company_id=company.id, name=str(number), is_active=True, status="HEALTHY", created_at=START)
            for number in range(4)
        ]
        session.add_all(groups)
        session.flush()
        stores = {store.store_id: store.id for store in session.scalars(sa.select(Store))}
        source = session.scalar(sa.select(Crawl.id).limit(1))
        skus = known_skus(session, company.id, model)
        roots = dict(skus.values())
        root_ids = {ROOTS[code]: root for code, (_, root) in skus.items()}
        for number, root in ABOUT.items():
            groups[number].category_id = root_ids[root]
        for item in model.news:
            apply_news(session, groups[item.group].id, [News(skus[item.sku][0], offer(item.offer), item.at, source)])
        for stay in model.stays:
            if stay.store in stores and (stay.root is None or stay.root in root_ids):
                session.add(
                    Membership(
                        store_id=stores[stay.store],
                        category_id=root_ids[stay.root] if stay.root else None,
                        group_id=None if stay.group is None else groups[stay.group].id,
                        since=stay.since,
                        until=stay.until,
                        confirmed_at=stay.confirmed_at,
                        suspended_at=stay.suspended_at,
                        ended_by=stay.ended_by,
                    )
                )
        session.flush()
        refresh_store_categories(session, list(stores.values()))
        assert set(roots.values()) <= set(root_ids.values())


def known_skus(session, company_id: int, model: Model) -> dict[str, tuple[int, int]]:
    """Sku code → (sku id, root category id); skus that only the news speak of are made here."""
    from splitcart.ingest.catalogue import Catalogue

    catalogue = Catalogue(session, company_id)
    catalogue.take_in(session, [shelf_row(product(code, root, 1)) for code, root in ROOTS.items()], END, END)
    rows = session.execute(sa.select(Sku.code, Sku.id, Sku.root_category_id))
    return {code: (sku_id, root_id) for code, sku_id, root_id in rows}


def as_file(crawl: ModelCrawl, folder: Path) -> Path:
    shown = {code: pair or (None, None) for code, pair in sorted(crawl.saw.items())}
    rows = [product(code, ROOTS[code], price, was_cents=was) for code, (price, was) in shown.items()]
    scope = [
        category(root, crawl.begin(root), complete=root in crawl.complete, minutes=int(LENGTH.total_seconds() // 60))
        for root in ("A", "B")
    ]
    return write_crawl(folder, rows, scope, store_id=crawl.store)


def offer(pair: tuple[int, int | None] | None) -> Offer | None:
    return None if pair is None else Offer(price_cents=pair[0], was_cents=pair[1])


def expected(model: Model, store: str, at: datetime) -> dict[str, tuple]:
    answers = {sku: model.effective(store, sku, at) for sku in ROOTS}
    return {sku: answer for sku, answer in answers.items() if answer}


def actual(prices: list[EffectivePrice], codes: dict[int, str]) -> dict[str, tuple]:
    return {
        codes[price.sku_id]: (
            (price.offer.price_cents, price.offer.was_cents),
            price.source,
            price.seen_at,
            price.is_new_range,
        )
        for price in prices
    }


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_effective_prices_equal_the_brute_force_model(dialect: str, request: pytest.FixtureRequest) -> None:
    engine = request.getfixturevalue(dialect)

    @settings(max_examples=40 if dialect == "sqlite" else 15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(crawls(), news(), stays(), st.randoms(use_true_random=False), st.lists(moments, min_size=4, max_size=8))
    def check(
        crawled: list[ModelCrawl],
        told: list[ModelNews],
        stayed: list[ModelStay],
        rng: random.Random,
        asked: list[datetime],
    ) -> None:
        model = Model(crawled, told, stayed)
        arrival = rng.sample(crawled, len(crawled))
        with tempfile.TemporaryDirectory() as folder:
            play(engine, model, arrival, Path(folder))
        with reading(engine) as session:
            codes = dict(session.execute(sa.select(Sku.id, Sku.code)).all())
            for store in session.scalars(sa.select(Store)):
                for at in [*asked, END]:
                    assert actual(effective_prices(session, store.id, at), codes) == expected(model, store.store_id, at)
                assert actual(effective_prices(session, store.id), codes) == expected(model, store.store_id, END)
                history = effective_history(session, store.id)
                for at in asked:
                    standing = {
                        codes[sku_id]: ((interval.offer.price_cents, interval.offer.was_cents), interval.source)
                        for sku_id, intervals in history.items()
                        for interval in intervals
                        if interval.since <= at and (interval.until is None or at < interval.until)
                    }
                    assert standing == {sku: told[:2] for sku, told in expected(model, store.store_id, at).items()}

    check()


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def played(engine: sa.Engine, tmp_path: Path, model: Model) -> int:
    play(engine, model, model.crawls, tmp_path)
    with reading(engine) as session:
        return session.scalar(sa.select(Store.id).where(Store.store_id == "G101"))


def prices_at(engine: sa.Engine, store_id: int, when: datetime | None) -> dict[str, tuple[int, str]]:
    with reading(engine) as session:
        codes = dict(session.execute(sa.select(Sku.id, Sku.code)).all())
        return {
            codes[price.sku_id]: (price.offer.price_cents, price.source)
            for price in effective_prices(session, store_id, when)
        }


SEEN = ModelCrawl("G101", 1, {"k0": (100, None), "k1": (100, None)}, frozenset("AB"))


def test_news_after_a_store_was_seen_replace_its_own_offer(engine: sa.Engine, tmp_path: Path) -> None:
    model = Model(
        [SEEN],
        [ModelNews(0, "k0", (200, None), at(0)), ModelNews(0, "k1", (200, None), at(5))],
        [ModelStay("G101", 0, None, at(0), confirmed_at=at(1))],
    )
    store = played(engine, tmp_path, model)
    assert prices_at(engine, store, None) == {"k0": (100, "direct_scrape"), "k1": (200, "inferred_group")}


def test_a_membership_without_proof_infers_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    model = Model([SEEN], [ModelNews(0, "k1", (200, None), at(5))], [ModelStay("G101", 0, None, at(0))])
    store = played(engine, tmp_path, model)
    assert prices_at(engine, store, None)["k1"] == (100, "direct_scrape")


def test_what_the_list_takes_up_and_drops_after_the_coverage_follows_and_stock_is_never_inferred(
    engine: sa.Engine, tmp_path: Path
) -> None:
    news = [
        ModelNews(0, "k1", (100, None), at(0)),
        ModelNews(0, "k1", None, at(5)),
        ModelNews(0, "k2", (300, None), at(6)),
        ModelNews(0, "k3", (400, None), at(0)),
    ]
    model = Model([SEEN], news, [ModelStay("G101", 0, None, at(0), confirmed_at=at(1))])
    store = played(engine, tmp_path, model)
    assert prices_at(engine, store, None) == {"k0": (100, "direct_scrape"), "k2": (300, "inferred_group")}
    with reading(engine) as session:
        (arrived,) = [price for price in effective_prices(session, store) if price.is_new_range]
        assert arrived.available is None


def test_inferences_after_the_last_proof_are_withdrawn_when_a_store_is_ejected(
    engine: sa.Engine, tmp_path: Path
) -> None:
    news = [ModelNews(0, "k0", (200, None), at(3)), ModelNews(0, "k1", (200, None), at(6))]
    stay = ModelStay("G101", 0, None, at(0), at(10), confirmed_at=at(4), ended_by="ejected")
    store = played(engine, tmp_path, Model([SEEN], news, [stay]))
    assert prices_at(engine, store, at(5)) == {"k0": (200, "inferred_group"), "k1": (100, "direct_scrape")}
    assert prices_at(engine, store, at(7)) == {"k0": (200, "inferred_group")}  # k1 is a gap: nobody knows
    assert prices_at(engine, store, at(11)) == {"k0": (100, "direct_scrape"), "k1": (100, "direct_scrape")}


def test_an_exception_keeps_own_prices_in_its_category_only(engine: sa.Engine, tmp_path: Path) -> None:
    crawl = ModelCrawl("G101", 1, {"k0": (100, None), "k3": (100, None)}, frozenset("AB"))
    news = [ModelNews(0, "k0", (200, None), at(5)), ModelNews(0, "k3", (200, None), at(5))]
    stays_of_store = [
        ModelStay("G101", 0, None, at(0), confirmed_at=at(1)),
        ModelStay("G101", None, "A", at(0), confirmed_at=at(1)),
    ]
    store = played(engine, tmp_path, Model([crawl], news, stays_of_store))
    assert prices_at(engine, store, None) == {"k0": (100, "direct_scrape"), "k3": (200, "inferred_group")}
