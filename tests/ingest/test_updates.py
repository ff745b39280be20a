"""Whole inboxes, and files that the user names: what is taken, what is refused, and what becomes of the files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from splitcart.database import reading
from splitcart.database.models import Crawl, Price, Store
from splitcart.ingest import CrawlIngester, RefusedFileError
from splitcart.ingest.replay import replay_all
from splitcart.ingest.updates import (
    update_legacy_products,
    update_named_products,
    update_products,
    update_stores_from,
    update_stores_inbox,
)
from splitcart.transfer.inbox import claimed
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.store_lists import shop, write_sweep
from tests.ingest.test_legacy import legacy_file, row
from tests.ingest.workers import work_together

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = datetime(2026, 3, 20, tzinfo=UTC)


def clock() -> datetime:
    return NOW


@pytest.fixture
def ingester(sqlite: sa.Engine, tmp_path: Path) -> CrawlIngester:
    return CrawlIngester(sqlite, tmp_path / "data", clock)


@pytest.fixture
def either(engine: sa.Engine, tmp_path: Path) -> CrawlIngester:
    """What is written to the database is asked of both, what becomes of files of one."""
    return CrawlIngester(engine, tmp_path / "data", clock)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "data" / "product_inbox"


@pytest.fixture
def store_inbox(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store_inbox"


def crawl(folder: Path, at: datetime = AT, price: int = 100, **closing: object) -> Path:
    return write_crawl(folder, [product("a1", "A", price)], [category("A", at)], **closing)


def count(engine: sa.Engine, model: type) -> int:
    with reading(engine) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_an_inbox_is_emptied_into_the_database_and_all_is_kept(either: CrawlIngester, inbox: Path) -> None:
    paths = [crawl(inbox, AT + day * DAY, 100 + day) for day in range(3)]
    seen: list[str] = []
    update = update_products(either, seen.append)
    assert (update.refused, [entry.status for entry in update.crawls]) == ({}, ["ingested"] * 3)
    assert seen == [path.name for path in paths]
    assert names(inbox) == []
    assert names(either.data_dir / "ingested/aldi/2026-03") == seen
    assert names(either.data_dir / "rejected") == []


def test_an_empty_or_absent_inbox_is_no_error(ingester: CrawlIngester, inbox: Path) -> None:
    assert update_products(ingester).as_json()["totals"]["files"] == 0
    inbox.mkdir(parents=True)
    assert update_products(ingester).as_json() == {
        "totals": {"files": 0, "duplicate_files": 0, "rows": 0},
        "prices": {"created": 0, "updated": 0, "unchanged": 0, "closed": 0},
        "products": {"created": 0, "matched": 0, "merged": 0},
        "brands": {"created": 0, "matched": 0, "merged": 0},
        "files": [],
        "waiting": {},
        "refused": {},
        "deaths": [],
        "post_processed": {},
    }


def test_a_refused_file_goes_to_rejected_with_its_reason_and_the_others_are_taken(
    ingester: CrawlIngester, inbox: Path
) -> None:
    crawl(inbox, AT, crawl_id="b-good")
    refused = {
        "a-wrong-store": crawl(inbox, AT, crawl_id="a-wrong-store", store_verified=False),
        "c-unknown-chain": crawl(inbox, AT, crawl_id="c-unknown-chain", company="spar"),
        "d-bad-id": crawl(inbox, AT, crawl_id="d-bad-id", store_id="7"),
        "e-sweep": write_sweep(inbox, AT, [shop("G101")], crawl_id="e-sweep"),
        "f-half": crawl(inbox, AT, crawl_id="f-half"),
        "g-noise": inbox / "g-noise.jsonl.gz",
    }
    refused["f-half"].write_bytes(refused["f-half"].read_bytes()[:-9])
    refused["g-noise"].write_bytes(b"noise " * 20)
    update = update_products(ingester)
    assert [entry.crawl_id for entry in update.crawls] == ["b-good"]
    assert names(inbox) == []
    rejected = ingester.data_dir / "rejected"
    for name, reason in {
        "a-wrong-store": "answered for another store than G101",
        "c-unknown-chain": "unknown company 'spar'; known: aldi, coles, iga, woolworths",
        "d-bad-id": "'7' is no store id of ALDI",
        "e-sweep": "expected products of one store",
        "f-half": "truncated",
        "g-noise": "is not gzip, or damaged",
    }.items():
        assert (rejected / f"{name}.jsonl.gz").exists()
        assert reason in (rejected / f"{name}.jsonl.gz.reason.txt").read_text()
        assert reason in update.refused[f"{name}.jsonl.gz"]
    assert count(ingester.engine, Crawl) == 1


def test_a_known_crawl_in_the_inbox_is_passed_over_and_removed(ingester: CrawlIngester, inbox: Path) -> None:
    crawl(inbox)
    update_products(ingester)
    crawl(inbox)
    update = update_products(ingester)
    assert ([entry.status for entry in update.crawls], names(inbox)) == (["duplicate"], [])
    assert update.as_json()["totals"] == {"files": 1, "duplicate_files": 1, "rows": 1}


@pytest.mark.parametrize("other", [{"store_id": "G102"}, {"finished_at": AT + DAY}])
def test_another_crawl_under_a_known_id_is_set_aside_and_not_lost(
    ingester: CrawlIngester, inbox: Path, other: dict[str, object]
) -> None:
    crawl(inbox, crawl_id="one")
    update_products(ingester)
    crawl(inbox, price=200, crawl_id="one", **other)
    update = update_products(ingester)
    assert (update.crawls, list(update.refused), names(inbox)) == ([], ["one.jsonl.gz"], [])
    assert "another crawl is known by the id one, of another store or time" in update.refused["one.jsonl.gz"]
    assert names(ingester.data_dir / "rejected") == ["one.jsonl.gz", "one.jsonl.gz.reason.txt"]
    assert count(ingester.engine, Price) == 1


def test_a_value_that_the_database_alone_refuses_holds_up_no_other_file(
    postgres: sa.Engine, tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once such a file ended every run, and all that came after it waited for ever."""
    monkeypatch.setattr("splitcart.ingest.matching.brands.KEY_LENGTH", 1000)
    shelf = [product("a1", "A", 100, brand="\ufb03" * 255)]
    write_crawl(inbox, shelf, [category("A", AT)], crawl_id="a-too-long")
    crawl(inbox, AT + DAY, crawl_id="b-good")
    update = update_products(CrawlIngester(postgres, tmp_path / "data", clock))
    assert [entry.crawl_id for entry in update.crawls] == ["b-good"]
    assert update.refused == {
        "a-too-long.jsonl.gz": "a-too-long.jsonl.gz: the database does not take a value of it: value too long for type"
        " character varying(300)"
    }
    assert names(inbox) == []


def test_a_file_that_another_worker_holds_is_left_to_it(ingester: CrawlIngester, inbox: Path) -> None:
    held, free = crawl(inbox, AT), crawl(inbox, AT + DAY)
    claims = claimed(ingester.data_dir, "products")
    assert next(claims) == held
    assert [entry.file for entry in update_products(ingester).crawls] == [free.name]
    claims.close()
    assert [entry.file for entry in update_products(ingester).crawls] == [held.name]


def test_two_workers_share_an_inbox(engine: sa.Engine, tmp_path: Path) -> None:
    """Files of the same stores, so that they also meet in the database; each file is taken once, by either."""
    for number in range(24):
        at = AT + number * timedelta(hours=1)
        shelf = [product(f"a{sku}", "A", 100 + (number * sku) % 5) for sku in range(40)]
        write_crawl(tmp_path / "product_inbox", shelf, [category("A", at)], store_id=f"G10{number % 3}")
    answers = work_together(engine, tmp_path, tmp_path)
    assert sum(taken for taken, _ in answers) == 24
    assert [refused for _, refused in answers] == [0, 0]
    assert (names(tmp_path / "product_inbox"), count(engine, Crawl), count(engine, Store)) == ([], 24, 3)
    with reading(engine) as session:
        for sku in range(40):
            found = session.scalars(
                sa.select(Price.price_cents).where(
                    Price.sku_id == sa.text(f"(SELECT id FROM skus WHERE code='a{sku}')")
                )
            )
            assert sorted(found) == sorted(100 + (number * sku) % 5 for number in (21, 22, 23))


def test_named_files_are_taken_and_never_touched(ingester: CrawlIngester, tmp_path: Path) -> None:
    good, bad = crawl(tmp_path / "one"), crawl(tmp_path / "two", store_verified=False)
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in (good, bad)]
    update = update_named_products(ingester, [good, bad])
    assert ([entry.file for entry in update.crawls], list(update.refused)) == ([str(good)], [str(bad)])
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in (good, bad)] == before
    assert names(ingester.data_dir / "rejected") == []
    with pytest.raises(RefusedFileError, match=r"no such file; expected a \.jsonl\.gz crawl file"):
        update_named_products(ingester, [tmp_path / "nowhere.jsonl.gz"])


def test_the_result_is_json_of_totals_files_and_refusals(ingester: CrawlIngester, inbox: Path) -> None:
    crawl(inbox)
    document = orjson.loads(orjson.dumps(update_products(ingester).as_json()))
    assert document["prices"] == {"created": 1, "updated": 0, "unchanged": 0, "closed": 0}
    assert document["products"] == {"created": 1, "matched": 0, "merged": 0}
    assert document["totals"]["created"] == 1
    assert document["totals"]["skus_created"] == 1
    (entry,) = document["files"]
    assert (entry["company"], entry["store_id"], entry["complete_categories"], entry["categories"]) == (
        "aldi",
        "G101",
        1,
        1,
    )


def test_sweeps_of_the_inbox_are_taken_kept_and_known(either: CrawlIngester, store_inbox: Path) -> None:
    path = write_sweep(store_inbox, AT, [shop("G101"), shop("G102")])
    update = update_stores_inbox(either.engine, either.data_dir, clock=clock)
    assert (update.companies["aldi"].created, update.refused, names(store_inbox)) == (2, {}, [])
    assert names(either.data_dir / "ingested/aldi/2026-03") == [path.name]
    with reading(either.engine) as session:
        row = session.scalars(sa.select(Crawl)).one()
        assert (row.store_id, row.rows, row.complete, row.observed_to, row.ingested_at) == (
            None,
            2,
            True,
            AT + timedelta(minutes=5),
            NOW,
        )
        assert row.counts["created"] == 2


def test_a_sweep_that_is_known_changes_nothing(ingester: CrawlIngester, store_inbox: Path) -> None:
    write_sweep(store_inbox, AT, [shop("G101")])
    update_stores_inbox(ingester.engine, ingester.data_dir, clock=clock)
    write_sweep(store_inbox, AT, [shop("G101", name="Other")], host="another")
    update = update_stores_inbox(ingester.engine, ingester.data_dir, clock=clock)
    assert (update.companies["aldi"].updated, names(store_inbox)) == (0, [])


def test_sweeps_that_are_refused_go_to_rejected(ingester: CrawlIngester, store_inbox: Path) -> None:
    write_sweep(store_inbox, AT, [shop("G101")], crawl_id="a-spar", company="spar")
    write_sweep(store_inbox, AT, [shop("G101", phone="1" * 41)], crawl_id="b-long")
    crawl(store_inbox, crawl_id="c-products")
    write_sweep(store_inbox, AT, [shop("G101")], crawl_id="d-good")
    update = update_stores_inbox(ingester.engine, ingester.data_dir, clock=clock)
    assert {name: reason.partition(": ")[2] for name, reason in update.refused.items()} == {
        "a-spar.jsonl.gz": "unknown company 'spar'; known: aldi, coles, iga, woolworths",
        "b-long.jsonl.gz": "line 1: phone is longer than 40 characters",
        "c-products.jsonl.gz": "line 1: a product; expected one store",
    }
    assert names(store_inbox) == []
    assert (ingester.data_dir / "rejected" / "b-long.jsonl.gz").exists()
    assert update.companies["aldi"].created == 1


def test_a_partial_sweep_switches_nothing_off(ingester: CrawlIngester, store_inbox: Path) -> None:
    write_sweep(store_inbox, AT, [shop("G101"), shop("G102")])
    write_sweep(store_inbox, AT + DAY, [shop("G101")], complete=False)
    write_sweep(store_inbox, AT + 2 * DAY, [shop("G102")])
    update = update_stores_inbox(ingester.engine, ingester.data_dir, clock=clock)
    assert update.companies["aldi"].deactivated == 1
    with reading(ingester.engine) as session:
        assert session.scalars(sa.select(Store.store_id).where(Store.is_active)).all() == ["G102"]


def test_a_list_of_the_user_is_one_transaction_and_dated_now(ingester: CrawlIngester, tmp_path: Path) -> None:
    path = tmp_path / "stores.json"
    path.write_bytes(orjson.dumps([{"company": "aldi", "store_id": "G101"}, {"company": "iga", "store_id": "15134"}]))
    update = update_stores_from(ingester.engine, path, clock)
    assert {slug: counts.created for slug, counts in update.companies.items()} == {"aldi": 1, "iga": 1}
    with reading(ingester.engine) as session:
        assert set(session.scalars(sa.select(Store.listed_at))) == {NOW}


def test_a_crawl_of_a_store_before_its_list_is_filled_in_by_the_list(
    either: CrawlIngester, inbox: Path, store_inbox: Path
) -> None:
    crawl(inbox, AT + DAY)
    update_products(either)
    write_sweep(store_inbox, AT, [shop("G101", suburb="Dalby")])
    assert update_stores_inbox(either.engine, either.data_dir, clock=clock).companies["aldi"].updated == 1
    with reading(either.engine) as session:
        store = session.scalars(sa.select(Store)).one()
        assert (store.name, store.suburb) == ("Shop G101", "Dalby")


def test_a_late_file_of_the_earlier_shape_takes_its_place_in_history(either: CrawlIngester, tmp_path: Path) -> None:
    for day, price in (("2025-09-20", 1.0), ("2025-09-22", 3.0), ("2025-09-21", 2.0)):
        update_legacy_products(either, [legacy_file(tmp_path / day, [row(1, price=price)], day=day)])
    with reading(either.engine) as session:
        table = sa.table("price_history", sa.column("price_cents"), sa.column("since"))
        assert session.scalars(sa.select(table.c.price_cents).order_by(table.c.since)).all() == [100, 200]
        assert session.scalars(sa.select(Price.price_cents)).all() == [300]


def test_recovery_takes_sweeps_too_and_lists_what_is_damaged(
    ingester: CrawlIngester, inbox: Path, store_inbox: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_sweep(store_inbox, AT, [shop("G101", suburb="Dalby"), shop("G102")])
    write_sweep(store_inbox, AT + DAY, [shop("G101")])
    paths = [crawl(inbox, AT + day * DAY) for day in range(2)]
    update_stores_inbox(ingester.engine, ingester.data_dir, clock=clock)
    update_products(ingester)
    kept = ingester.data_dir / "ingested/aldi/2026-03"
    (kept / paths[1].name).write_bytes(b"damaged")
    from splitcart.database import open_database

    empty = open_database(f"sqlite:///{tmp_path_factory.mktemp('empty')}/new.db")
    replay = replay_all(CrawlIngester(empty, ingester.data_dir, clock))
    assert list(replay.recovered.refused) == [paths[1].name]
    with reading(empty) as session:
        stores = session.execute(sa.select(Store.store_id, Store.suburb, Store.is_active).order_by(Store.store_id))
        assert stores.all() == [("G101", "Dalby", True), ("G102", None, False)]
        assert session.scalar(sa.select(sa.func.count()).select_from(Price)) == 1
    assert [entry.status for entry in replay_all(CrawlIngester(empty, ingester.data_dir, clock)).recovered.crawls] == []
    empty.dispose()
