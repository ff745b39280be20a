"""The same crawls give the same rows: on SQLite and on PostgreSQL, in whatever order they come, with many workers."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from splitcart.ingest import CrawlIngester
from splitcart.ingest.updates import update_named_products
from tests.ingest.dumps import Dump, differences, dump, empty
from tests.ingest.random_crawls import NOW, Visit, many_visits, visits
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
random_files = settings(
    max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


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
