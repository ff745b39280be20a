"""The same crawls give the same rows: on SQLite and on PostgreSQL, in whatever order they come, with many workers."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from splitcart.ingest import CrawlIngester
from splitcart.ingest.shelf_lines import ShelfLines
from splitcart.ingest.updates import update_named_products
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.dumps import Dump, differences, dump, empty
from tests.ingest.random_crawls import BAD_LINES, FIRST, NOW, ROOTS, Visit, many_visits, visits
from tests.ingest.workers import work_together

# What a row remembers of its arrival: which copy of a file came first, and which file first named a sku, a product or a
# brand.
OF_ARRIVAL = {
    "crawls": {"counts", "sha256"},
    "skus": {"details_seen_at", "match_rule", "match_score"},
    "products": {"name", "brand_id", "created_at"},
    "brands": {"name", "created_at"},
}
# Each example takes files into real databases: few of them, and none again to make it smaller.
random_files = settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def taken(
    engine: sa.Engine, files: Iterable[Path], data_dir: Path, left_out: dict[str, set[str]] | None = None
) -> Dump:
    """Take files into an empty database and return its rows."""
    empty(engine)
    update_named_products(CrawlIngester(engine, data_dir, lambda: NOW), files)
    return dump(engine, left_out)


def assert_same(left: Dump, right: Dump) -> None:
    assert "\n".join(differences(left, right)) == ""


def written(batch: list[Visit], folder: Path) -> list[Path]:
    return [path for visit in batch for path in visit.write(folder)]


@random_files
@given(batch=visits())
def test_both_databases_hold_the_same_rows(
    sqlite: sa.Engine, postgres: sa.Engine, tmp_path_factory: pytest.TempPathFactory, batch: list[Visit]
) -> None:
    folder = tmp_path_factory.mktemp("parity")
    files = written(batch, folder)
    assert_same(taken(sqlite, files, folder / "one"), taken(postgres, files, folder / "two"))


@random_files
@given(batch=visits(), order=st.randoms(use_true_random=False))
def test_files_in_any_order_give_the_rows_of_files_in_order(
    sqlite: sa.Engine, postgres: sa.Engine, tmp_path_factory: pytest.TempPathFactory, batch: list[Visit], order
) -> None:
    folder = tmp_path_factory.mktemp("order")
    files = written(sorted(batch, key=lambda visit: visit.at), folder)
    in_order = taken(sqlite, files, folder / "one", OF_ARRIVAL)
    for engine in (sqlite, postgres):
        order.shuffle(files)
        assert_same(in_order, taken(engine, files, folder / engine.dialect.name, OF_ARRIVAL))


def lines_that_come_again(folder: Path) -> list[Path]:
    """Crawls of two stores: most lines came before, of some articles two wordings and two places alternate."""
    made = []
    for number, (store_id, hours) in enumerate([("G101", 0), ("G102", 1), ("G101", 24), ("G101", 48), ("G102", 30)]):
        turn = number % 2
        shelf = [
            *(product(f"a{k}", "A", 100 + k) for k in range(20)),
            product("b1", "A", 100, name=f"Wording {turn}", brand=None if turn else "Brand"),
            product("b2", "A", 100, path=["A", f"Place {turn}"]),
            product("b3", "AB"[turn], 100),
            product("b4", "A", None if turn else 100),
            product("b5", "A", 1 if number == 2 else 1000),
            BAD_LINES[0] if turn else product("a90", "A", 5),
        ]
        at = FIRST + timedelta(hours=hours)
        made.append(write_crawl(folder, shelf, [category(root, at) for root in ROOTS], store_id=store_id))
    return [*made[1:], made[0], made[2]]  # one comes late, one twice


def test_a_worker_that_remembers_leaves_the_rows_of_one_that_does_not(engine: sa.Engine, tmp_path: Path) -> None:
    files = lines_that_come_again(tmp_path / "files")
    lasting = CrawlIngester(engine, tmp_path / "one", lambda: NOW)
    remembered = [lasting.ingest(path) for path in files]
    rows = dump(engine)
    empty(engine)
    forgot = [CrawlIngester(engine, tmp_path / "two", lambda: NOW, ShelfLines(0)).ingest(path) for path in files]
    assert remembered == forgot
    assert [(crawl.status, crawl.late) for crawl in forgot[-2:]] == [("ingested", True), ("duplicate", False)]
    assert_same(rows, dump(engine))


def test_two_workers_leave_the_rows_of_one(engine: sa.Engine, sqlite: sa.Engine, tmp_path: Path) -> None:
    batch = many_visits(30, seed=7)
    in_order = taken(
        sqlite, written(sorted(batch, key=lambda visit: visit.at), tmp_path / "files"), tmp_path / "one", OF_ARRIVAL
    )
    empty(engine)
    files = written(batch, tmp_path / "two" / "product_inbox")
    answers = work_together(engine, tmp_path / "two", tmp_path / "two")
    assert (sum(count for count, _ in answers), sum(refused for _, refused in answers)) == (len(files), 0)
    assert_same(in_order, dump(engine, OF_ARRIVAL))
