"""From skus to products: by GTIN, else by name, brand and size; never by less, and never two GTINs in one."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from splitcart.database import open_database, reading, transaction
from splitcart.database.models import Brand, Category, Company, Price, Product, Sku
from splitcart.ingest import CrawlIngester
from splitcart.ingest.matching import find_products
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.workers import work_together

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MILK = "9310645321899"
TEA = "9300605010505"
COLA = "9300675024235"
SEEN = {"details_seen_at": AT, "first_seen_at": AT}
WEIGHED = "0265178000003"


@pytest.fixture
def session(sqlite: sa.Engine) -> Iterator[Session]:
    with transaction(sqlite) as session:
        yield session


@pytest.fixture
def either(engine: sa.Engine) -> Iterator[Session]:
    """What the statements do is asked of both databases, what the rules decide of one."""
    with transaction(engine) as session:
        yield session


def sku(name: str = "Milk", barcode: str | None = None, **facts: Any) -> dict[str, Any]:
    return {"name": name, "brand": "Acme", "size": "1 l", "barcode": barcode, "barcode_is_local": None, **facts}


def take_in(session: Session, skus: list[dict[str, Any]]) -> tuple[int, int]:
    """Match one batch, store it, and return what find_products counted."""
    if session.get(Company, 1) is None:
        session.add(Company(id=1, slug="aldi", name="ALDI"))
        session.flush()
        session.add(Category(id=1, company_id=1, name="A", path="A"))
        session.flush()
    known = session.scalar(sa.select(sa.func.count(Sku.id))) or 0
    place = {"company_id": 1, "category_id": 1, "root_category_id": 1, "details_key": "", **SEEN}
    for number, each in enumerate(skus, start=known):
        each.update(place, code=f"s{number}")
    found = find_products(session, skus, AT)
    session.execute(sa.insert(Sku), skus)
    return found.created, found.matched


def match(session: Session, *skus: dict[str, Any]) -> list[int]:
    """Match one batch and return the product of each sku."""
    take_in(session, list(skus))
    return [each["product_id"] for each in skus]


def gtins(session: Session) -> list[str | None]:
    return list(session.scalars(sa.select(Product.gtin).order_by(Product.id)))


def test_a_new_sku_is_a_new_product(either: Session) -> None:
    assert take_in(either, [first := sku(barcode=MILK)]) == (1, 0)
    made = either.scalars(sa.select(Product)).one()
    assert (made.id, made.name, made.gtin, made.created_at) == (
        first["product_id"],
        "Milk",
        "0" + MILK,
        AT,
    )


@pytest.mark.parametrize("one_batch", [True, False])
def test_equal_gtins_are_one_product_whatever_the_words_and_the_length(either: Session, one_batch: bool) -> None:
    one, other = sku("Milk", MILK), sku("Full cream", "0" + MILK, brand=None, size=None)
    ids = match(either, one, other) if one_batch else match(either, one) + match(either, other)
    assert ids[0] == ids[1]
    assert len(gtins(either)) == 1


@pytest.mark.parametrize("one_batch", [True, False])
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (sku("Milk"), sku("MILK"), True),
        (sku("Milk Acme"), sku("Acme milk"), True),
        (sku("Milk", size="1 l"), sku("Milk 1000ml", size=None), True),
        (sku("Milk", size="1 l"), sku("Milk", size="2 l"), False),
        (sku("Milk", size=None), sku("Milk", size=None), False),
        (sku("Milk", brand=None), sku("Milk", brand=None), False),
        (sku("Milk"), sku("Milk", brand="Best"), False),
        (sku("Milk", MILK), sku("Milk", TEA), False),
        (sku("Milk", MILK), sku("Milk"), True),
        (sku("Milk"), sku("Milk", MILK), True),
        (sku("Milk", WEIGHED), sku("Cheese", WEIGHED), False),
        (sku("Milk", MILK, barcode_is_local=True), sku("Cheese", MILK, barcode_is_local=True), False),
        (sku("Milk", "9310645321890"), sku("Cheese", "9310645321890"), False),
        (sku("!!", size="1 l"), sku("??", size="1 l"), False),
    ],
    ids=[
        "case",
        "word order",
        "size in the name",
        "another size",
        "no size",
        "no brand",
        "another brand",
        "other GTINs",
        "a GTIN and none",
        "none and a GTIN",
        "restricted code",
        "the shop's own code",
        "wrong check digit",
        "no words",
    ],
)
def test_without_gtins_name_brand_and_size_decide(
    session: Session, one: dict[str, Any], other: dict[str, Any], same: bool, one_batch: bool
) -> None:
    one, other = dict(one), dict(other)
    ids = match(session, one, other) if one_batch else match(session, one) + match(session, other)
    assert (ids[0] == ids[1]) is same


@pytest.mark.parametrize("one_batch", [True, False])
def test_a_product_takes_the_first_gtin_and_no_second(either: Session, one_batch: bool) -> None:
    skus = [sku("Milk"), sku("Milk", MILK), sku("Milk", TEA), sku("Elsewhere", MILK), sku("Elsewhere", TEA)]
    ids = match(either, *skus) if one_batch else [match(either, each)[0] for each in skus]
    assert ids[0] == ids[1] == ids[3]
    assert ids[2] == ids[4] != ids[0]
    assert sorted(gtin or "" for gtin in gtins(either)) == sorted(["0" + MILK, "0" + TEA])


def test_a_key_that_two_gtins_have_is_no_answer(session: Session) -> None:
    one, other = match(session, sku("Milk", MILK), sku("Milk", TEA))
    (third,) = match(session, sku("Milk"))
    assert len({one, other, third}) == 3
    assert match(session, sku("Milk")) == [third]


def test_a_brand_whose_letters_become_several_of_ours_fits_its_column(either: Session) -> None:
    take_in(either, [sku(brand="\ufb03" * 255), sku(brand="\ufb03" * 254)])
    assert either.scalars(sa.select(Brand.key)).all() == ["ffi" * 100]


def test_counts_say_what_was_created_and_what_matched(session: Session) -> None:
    assert take_in(session, [sku("Milk", MILK), sku("Milk", MILK), sku("Tea")]) == (2, 1)
    assert take_in(session, [sku("Milk", MILK), sku("Cola")]) == (1, 1)


def test_more_skus_than_one_query_names_are_all_matched(either: Session) -> None:
    skus = [sku(f"Article {number}") for number in range(1200)]
    assert take_in(either, [dict(each) for each in skus]) == (1200, 0)
    assert take_in(either, skus) == (0, 1200)


@pytest.fixture(scope="module")
def any_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('match')}/any.db")
    yield engine
    engine.dispose()


some_skus = st.builds(
    sku, st.sampled_from(["Milk", "Tea"]), st.sampled_from([None, MILK, TEA, COLA]), size=st.sampled_from(["1 l", None])
)


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(some_skus, min_size=1, max_size=4), max_size=4))
def test_however_skus_arrive_no_product_has_two_gtins_and_no_gtin_two_products(
    any_database: sa.Engine, batches: list[list[dict[str, Any]]]
) -> None:
    with any_database.connect() as connection, Session(connection) as session:
        product_of: dict[str, int] = {}
        gtin_of: dict[int, str] = {}
        for batch in batches:
            for each, found in zip(batch, match(session, *batch), strict=True):
                if gtin := each["barcode"]:
                    assert product_of.setdefault(gtin, found) == found
                    assert gtin_of.setdefault(found, gtin) == gtin
        session.rollback()


def test_two_workers_that_meet_the_same_gtins_at_once_make_one_product_each(
    postgres: sa.Engine, tmp_path: Path
) -> None:
    """Two chains share half their barcodes, and name them in opposite order in every file."""
    codes = [f"93{number:010d}" for number in range(1, 301)]
    barcodes = [code + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(code)) % 10) for code in codes]
    for company, store_id, turn in (("aldi", "G101", 1), ("woolworths", "1147", -1)):
        for number in range(3):
            shelf = [product(f"s{code}", "A", 100, barcode=code) for code in barcodes[::turn][number::3]]
            at = AT + timedelta(hours=number)
            write_crawl(
                tmp_path / company / "product_inbox",
                shelf,
                [category("A", at, complete=False)],
                company=company,
                store_id=store_id,
                crawl_id=f"{company}-{number}",
            )
    assert work_together(postgres, tmp_path / "aldi", tmp_path / "woolworths") == [(3, 0), (3, 0)]
    with reading(postgres) as session:
        assert session.scalar(sa.select(sa.func.count(Product.id))) == 300
        shared = sa.select(Sku.product_id).group_by(Sku.product_id).having(sa.func.count() == 2)
        assert len(session.scalars(shared).all()) == 300


def test_two_workers_on_stores_of_one_chain_share_its_catalogue(postgres: sa.Engine, tmp_path: Path) -> None:
    """The same new skus and categories in opposite order: neither may wait for the other for ever."""
    names = [f"s{number}" for number in range(400)]
    for store_id, order in (("G101", names), ("G102", names[::-1])):
        for number in range(2):
            at = AT + timedelta(hours=number)
            shelf = [product(name, f"Root {int(name[1:]) % 7}", 100 + number, brand=f"B{number}") for name in order]
            write_crawl(
                tmp_path / store_id / "product_inbox",
                shelf,
                [category(f"Root {root}", at) for root in range(9)],
                store_id=store_id,
            )
    assert work_together(postgres, tmp_path / "G101", tmp_path / "G102") == [(2, 0), (2, 0)]
    with reading(postgres) as session:
        assert session.scalar(sa.select(sa.func.count(Sku.id))) == 400
        assert session.scalar(sa.select(sa.func.count()).select_from(Price)) == 800


def test_a_gtin_that_another_worker_takes_meanwhile_sends_the_file_round_again(
    postgres: sa.Engine, tmp_path: Path
) -> None:
    """A known product is about to get its GTIN while another transaction creates a product with it."""
    ingester = CrawlIngester(postgres, tmp_path / "data", lambda: AT)
    plain = product("a1", "A", 100, name="Milk", brand="Acme", size="1 l")
    ingester.ingest(write_crawl(tmp_path, [plain], [category("A", AT)]))
    coded = product("a2", "A", 100, name="Milk", brand="Acme", size="1 l", barcode=MILK)
    path = write_crawl(tmp_path, [plain, coded], [category("A", AT + timedelta(days=1))])
    other = postgres.connect()
    other.execute(sa.insert(Product).values(name="Milk", gtin="0" + MILK, created_at=AT))
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(ingester.ingest, path)
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        with postgres.connect() as watcher:
            while not watcher.scalar(waiting):
                watcher.rollback()
                time.sleep(0.01)
        other.commit()
        other.close()
        assert result.result().status == "ingested"
    with reading(postgres) as session:
        rows = session.execute(sa.select(Sku.code, Product.gtin).join(Product).order_by(Sku.code))
        assert rows.all() == [("a1", None), ("a2", "0" + MILK)]
        assert session.scalar(sa.select(sa.func.count(Product.id))) == 2
