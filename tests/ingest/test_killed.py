"""``splitcart update products`` killed at any moment: the next run goes on, and all is as if nothing had happened."""

import gzip
import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.database import transaction
from splitcart.ingest import CrawlIngester
from splitcart.ingest.matching import post_process
from splitcart.ingest.updates import update_products
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.dumps import Dump, differences, dump, empty
from tests.ingest.random_crawls import FIRST, NOW, many_visits
from tests.ingest.update_process import kill_at_work, start

KILLS = 4
OF_ARRIVAL = {
    "crawls": {"counts", "sha256", "ingested_at"},
    "skus": {"details_seen_at"},
    "products": {"name", "brand", "created_at"},
}


def fill(inbox: Path) -> None:
    """Late files, files sent twice, files with bad lines, and one that is refused."""
    for visit in many_visits(40, seed=11):
        visit.write(inbox)
    write_crawl(inbox, [product("a1", "A", 1)], [category("A", FIRST)], crawl_id="wrong", store_verified=False)


def kept_files(data_dir: Path) -> dict[str, bytes]:
    """What lies below the data folder but for the locks, without its gzip; of two copies either may have been kept."""
    return {
        str(path.relative_to(data_dir)): gzip.decompress(path.read_bytes())
        if path.suffix == ".gz"
        else path.read_bytes()
        for path in sorted(data_dir.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def undisturbed(engine: sa.Engine, data_dir: Path) -> Dump:
    fill(data_dir / "product_inbox")
    update_products(CrawlIngester(engine, data_dir, lambda: NOW))
    return processed(engine)


def processed(engine: sa.Engine) -> Dump:
    """A run that took no file before it was killed leaves post-processing to the next one."""
    with transaction(engine) as session:
        post_process(session, NOW)
    return dump(engine, OF_ARRIVAL)


@pytest.mark.parametrize(("dialect", "options"), [("sqlite", ()), ("postgres", ("--workers", "2"))])
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    request: pytest.FixtureRequest, sqlite: sa.Engine, tmp_path: Path, dialect: str, options: tuple[str, ...]
) -> None:
    engine = request.getfixturevalue(dialect)
    expected = undisturbed(sqlite, tmp_path / "undisturbed")
    empty(engine)
    data_dir = tmp_path / "killed"
    fill(data_dir / "product_inbox")
    draws = random.Random(str(options))
    kills = sum(kill_at_work(start(engine, data_dir, *options), data_dir, draws) for _ in range(KILLS))
    assert kills > 0
    last = start(engine, data_dir, *options)
    _, error = last.communicate()
    assert (last.returncode, "Traceback" in error) in {(0, False), (1, False)}, error  # 1: the wrong file came last
    assert "\n".join(differences(expected, processed(engine))) == ""
    assert kept_files(data_dir) == kept_files(tmp_path / "undisturbed")
    assert not list((data_dir / "product_inbox").iterdir())
