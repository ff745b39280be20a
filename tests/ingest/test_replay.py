"""Replaying the kept files gives the same rows, one store or all, on a full database or an empty one."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.database import reading, transaction
from splitcart.database.models import Crawl, Price, PriceHistory
from splitcart.errors import InputError
from splitcart.ingest import CrawlIngester
from splitcart.ingest.replay import replay_all, replay_stores
from splitcart.ingest.updates import update_products
from tests.ingest.crawl_files import category, product, write_crawl

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
FACTS = (Price, PriceHistory)


def files(folder: Path, stores: tuple[str, ...] = ("G101", "G102"), days: int = 4) -> list[Path]:
    made = []
    for day in range(days):
        for number, store in enumerate(stores):
            at = FIRST + timedelta(days=day, hours=number)
            shelf = [product(f"a{k}", "A", 100 + (day * k) % 3) for k in range(30) if (k + day) % 7]
            made.append(write_crawl(folder, shelf, [category("A", at, complete=day != 2)], store_id=store))
    return made


def facts(engine: sa.Engine) -> list[list[str]]:
    with reading(engine) as session:
        return [sorted(repr(tuple(row)) for row in session.execute(sa.select(model.__table__))) for model in FACTS]


@pytest.fixture
def ingester(engine: sa.Engine, tmp_path: Path) -> CrawlIngester:
    return CrawlIngester(engine, tmp_path / "data", lambda: FIRST + timedelta(days=9))


def test_rebuilding_a_store_gives_the_same_rows(ingester: CrawlIngester, tmp_path: Path) -> None:
    for path in files(tmp_path / "files"):
        ingester.ingest(path)
    before = facts(ingester.engine)
    with transaction(ingester.engine) as session:
        session.execute(sa.update(Price).values(price_cents=1))
        session.execute(sa.delete(PriceHistory))
    replay = replay_stores(ingester, ["aldi/G101", "G102"])
    assert (replay.stores, replay.crawls) == (2, 8)
    assert facts(ingester.engine) == before


def test_all_is_recovered_from_the_kept_files_alone(ingester: CrawlIngester, tmp_path: Path, tmp_path_factory) -> None:
    for path in reversed(files(tmp_path / "files")):
        ingester.ingest(path)
    from splitcart.database import open_database

    empty = open_database(f"sqlite:///{tmp_path_factory.mktemp('empty')}/new.db")
    recovered = replay_all(CrawlIngester(empty, tmp_path / "data", ingester.clock))
    assert (recovered.stores, len(recovered.recovered.crawls)) == (0, 8)
    assert sorted(facts_by_crawl(empty)) == sorted(facts_by_crawl(ingester.engine))
    empty.dispose()


def facts_by_crawl(engine: sa.Engine) -> list[tuple]:
    """Intervals named by crawl id, since row ids differ between databases that saw files in another order."""
    with reading(engine) as session:
        found = []
        for model in FACTS:
            times = [model.since, getattr(model, "until", None) or model.left_at]
            found += [
                tuple(row)
                for row in session.execute(
                    sa.select(Crawl.crawl_id, model.price_cents, *times).where(Crawl.id == model.crawl_id)
                )
            ]
        return [tuple(map(str, row)) for row in found]


def test_an_unknown_store_is_one_clear_line(ingester: CrawlIngester) -> None:
    with pytest.raises(InputError, match="store 'aldi/G999' is not known; expected a known store, as company/store_id"):
        replay_stores(ingester, ["aldi/G999"])


WORKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from splitcart.database import create_engine
from splitcart.ingest import CrawlIngester
from splitcart.ingest.updates import update_products
engine = create_engine(sys.argv[1])
print("ready", flush=True)
update_products(CrawlIngester(engine, Path(sys.argv[2]), lambda: datetime(2026, 3, 11, 9, tzinfo=UTC)),
                progress=lambda name: print(name, flush=True))
"""


@pytest.mark.parametrize("after_files", [0, 1, 3])
def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    engine: sa.Engine, tmp_path: Path, after_files: int, tmp_path_factory
) -> None:
    inbox = tmp_path / "data" / "product_inbox"
    files(inbox)
    clean = tmp_path_factory.mktemp("clean")
    files(clean / "product_inbox")
    url = engine.url.render_as_string(hide_password=False)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, url, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
    )
    for _ in range(after_files + 1):
        worker.stdout.readline()
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    update = update_products(CrawlIngester(engine, tmp_path / "data", lambda: FIRST + timedelta(days=9)))
    assert not update.refused
    assert list(inbox.glob("*.gz")) == []
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count(Crawl.id))) == 8
    from splitcart.database import open_database

    other = open_database(f"sqlite:///{clean}/other.db")
    update_products(CrawlIngester(other, clean, lambda: FIRST + timedelta(days=9)))
    assert sorted(facts_by_crawl(engine)) == sorted(facts_by_crawl(other))
    other.dispose()
