"""Several workers, workers that die, and runs that are asked to end."""

import json
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from splitcart.database import reading
from splitcart.database.models import Crawl, Store
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.random_crawls import FIRST
from tests.ingest.store_lists import shop, write_sweep
from tests.ingest.update_process import start, wait_for_work


def fill(inbox: Path, count: int, skus: int = 40) -> list[Path]:
    """Crawls of three stores, an hour apart."""
    return [
        write_crawl(
            inbox,
            [product(f"a{sku}", "A", 100 + (number * sku) % 5) for sku in range(skus)],
            [category("A", FIRST + timedelta(hours=number))],
            store_id=f"G10{number % 3}",
        )
        for number in range(count)
    ]


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The one JSON object of a run that ended well."""
    output, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (0, "")
    return json.loads(output)


def crawls(engine: sa.Engine) -> int:
    with reading(engine) as session:
        return session.scalar(sa.select(sa.func.count(Crawl.id))) or 0


def wait_until_empty(inbox: Path, process: subprocess.Popen[str]) -> None:
    while any(inbox.glob("*.gz")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_the_results_of_all_workers_are_one(engine: sa.Engine, tmp_path: Path) -> None:
    paths = fill(tmp_path / "product_inbox", 12)
    document = answer(start(engine, tmp_path, "--workers", "3"))
    assert sorted(entry["file"] for entry in document["files"]) == sorted(path.name for path in paths)
    assert (document["totals"]["files"], document["totals"]["rows"], document["deaths"]) == (12, 480, [])
    assert (document["totals"]["skus_created"], crawls(engine)) == (40, 12)


def test_a_worker_that_dies_is_reported_and_its_file_is_taken(engine: sa.Engine, tmp_path: Path) -> None:
    fill(tmp_path / "product_inbox", 24, skus=400)
    run = start(engine, tmp_path, "--workers", "2")
    assert wait_for_work(run, tmp_path)
    workers = [child for child in psutil.Process(run.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    document = answer(run)
    (death,) = document["deaths"]
    assert death.startswith("a worker ended by signal 9 while taking ")
    assert (crawls(engine), list((tmp_path / "product_inbox").iterdir())) == (24, [])
    assert (document["waiting"], document["refused"]) == ({}, {})


def test_an_empty_inbox_needs_no_workers(sqlite: sa.Engine, tmp_path: Path) -> None:
    assert answer(start(sqlite, tmp_path, "--workers", "4"))["totals"]["files"] == 0


@pytest.mark.parametrize(("options", "number"), [((), signal.SIGINT), (("--workers", "2"), signal.SIGTERM)])
def test_a_watch_takes_what_arrives_and_ends_when_it_is_asked_to(
    sqlite: sa.Engine, tmp_path: Path, options: tuple[str, ...], number: signal.Signals
) -> None:
    inbox = tmp_path / "product_inbox"
    first, *later = fill(tmp_path / "files", 5)
    inbox.mkdir()
    run = start(sqlite, tmp_path, "--watch", "--every", "0.1", *options)
    for batch in ([first], later):
        for path in batch:
            path.rename(inbox / path.name)
        wait_until_empty(inbox, run)
    run.send_signal(number)
    document = answer(run)
    assert (document["totals"]["files"], document["files"], crawls(sqlite)) == (5, [], 5)


@pytest.mark.parametrize(("dialect", "options"), [("sqlite", ()), ("postgres", ("--workers", "2"))])
def test_a_run_that_is_asked_to_end_finishes_the_file_under_way_and_leaves_the_others(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str, options: tuple[str, ...]
) -> None:
    engine = request.getfixturevalue(dialect)
    paths = fill(tmp_path / "product_inbox", 60, skus=200)
    run = start(engine, tmp_path, *options)
    assert wait_for_work(run, tmp_path)
    run.send_signal(signal.SIGTERM)
    document = answer(run)
    left = {path.name for path in (tmp_path / "product_inbox").iterdir()}
    assert left
    assert left | {entry["file"] for entry in document["files"]} == {path.name for path in paths}
    assert crawls(engine) == len(paths) - len(left) == document["totals"]["files"]
    assert document["deaths"] == []


def test_all_takes_stores_before_products(engine: sa.Engine, tmp_path: Path) -> None:
    fill(tmp_path / "product_inbox", 3)
    write_sweep(tmp_path / "store_inbox", FIRST, [shop("G101", suburb="Dalby"), shop("G109")])
    document = answer(start(engine, tmp_path, command="all"))
    assert document["stores"]["companies"]["aldi"]["created"] == 2
    assert document["products"]["totals"]["files"] == 3
    with reading(engine) as session:
        stores = session.execute(sa.select(Store.store_id, Store.suburb).order_by(Store.store_id))
        assert stores.all() == [("G100", None), ("G101", "Dalby"), ("G102", None), ("G109", None)]
