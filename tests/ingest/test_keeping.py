"""Every accepted file is kept once, under its crawl's id, as it came."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.database import create_engine
from splitcart.ingest import CrawlIngester
from splitcart.ingest.keeping import keep_file
from splitcart.ingest.replay import replay_stores
from splitcart.ingest.updates import update_products
from tests.ingest.crawl_files import category, product, write_crawl

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
FULL = 2  # what SQLite calls it: the log is on disk when a commit returns


def test_ids_that_differ_in_a_character_are_kept_apart(sqlite: sa.Engine, tmp_path: Path) -> None:
    """Once two such crawls met in one file name, and replaying gave the first one's rows twice."""
    ingester = CrawlIngester(sqlite, tmp_path / "data", lambda: AT)
    for hour, crawl_id in enumerate(("x-1", "x.1", "x_1")):
        shelf = [product("a1", "A", 100 + hour)]
        ingester.ingest(write_crawl(tmp_path, shelf, [category("A", AT.replace(hour=hour))], crawl_id=crawl_id))
    kept = sorted(path.name for path in (tmp_path / "data/ingested/aldi/2026-03").iterdir())
    assert kept == ["x-1.jsonl.gz", "x.1.jsonl.gz", "x_1.jsonl.gz"]
    assert replay_stores(ingester, ["aldi/G101"]).crawls == 3


@pytest.mark.parametrize("left_behind", [None, b"other bytes", b"the bytes"])
def test_what_is_kept_are_the_bytes_that_were_stored(tmp_path: Path, left_behind: bytes | None) -> None:
    """A worker that died before its commit may have left a copy; the file that is stored may be another one."""
    path = tmp_path / "crawl.jsonl.gz"
    path.write_bytes(b"the bytes")
    place = tmp_path / "data/ingested/aldi/2026-03/c.jsonl.gz"
    if left_behind is not None:
        place.parent.mkdir(parents=True)
        place.write_bytes(left_behind)
    assert keep_file(path, tmp_path / "data", "ingested/aldi/2026-03/c.jsonl.gz") == place
    assert place.read_bytes() == b"the bytes"
    assert [each.name for each in place.parent.iterdir()] == ["c.jsonl.gz"]


def test_a_kept_file_that_is_taken_in_again_stays(tmp_path: Path) -> None:
    place = tmp_path / "ingested/aldi/2026-03/c.jsonl.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"the bytes")
    assert keep_file(place, tmp_path, "ingested/aldi/2026-03/c.jsonl.gz").read_bytes() == b"the bytes"


@pytest.mark.usefixtures("shipped_sqlite")
def test_a_commit_is_on_disk_before_the_file_leaves_the_inbox(sqlite: sa.Engine, tmp_path: Path) -> None:
    """A power cut once could undo the commit of a file that had left its inbox."""
    engine = create_engine(str(sqlite.url))
    inbox = tmp_path / "product_inbox"
    write_crawl(inbox, [product("a1", "A", 100)], [category("A", AT)])
    commits: list[tuple[int, int]] = []

    @sa.event.listens_for(engine, "commit")
    def _note(connection: sa.Connection) -> None:
        commits.append((connection.scalar(sa.text("PRAGMA synchronous")), len(list(inbox.iterdir()))))

    assert len(update_products(CrawlIngester(engine, tmp_path, lambda: AT)).crawls) == 1
    assert set(commits) == {(FULL, 1)}
    assert list(inbox.iterdir()) == []
    engine.dispose()
