"""Counts that are damaged cost the counts, and no call."""

import hashlib
import sqlite3
import threading
from contextlib import closing

import pytest
import requests

from splitcart.config import Settings
from splitcart.server import BackgroundServer, create_app
from splitcart.server.shared_file import SharedFile
from tests.server.conftest import KEY, crawl_file, fixed_clock
from tests.server.test_uploads import on_sqlite

TABLE = "CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
COUNT = "INSERT INTO counts VALUES ('a', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
GARBAGE = b"no database at all, but some text; " * 300


def lose_the_middle(path):
    """Leave the head of a file that is larger than that, as a power cut may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (name,) = connection.execute("SELECT min(name) FROM sqlite_master WHERE type = 'table'").fetchone()
        columns = {"windows": "hex(randomblob(9)), 1, 1", "counters": "hex(randomblob(9)), '', 1"}[name]
        some = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT"
        connection.execute(f"INSERT INTO {name} {some} {columns} FROM n")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + GARBAGE[: len(whole) - 4096])


DAMAGES = {
    "garbage": lambda path: path.write_bytes(GARBAGE),
    "empty": lambda path: path.write_bytes(b""),
    "the middle": lose_the_middle,
    "gone": lambda path: path.unlink(),
}


@on_sqlite
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_server_goes_on_without_what_it_had_counted(damage, settings, engine, server, send, caplog):
    assert send(crawl_file()).status_code == 201
    for name in ("rates", "counters"):
        DAMAGES[damage](settings.data_dir / "state" / f"{name}.sqlite")
    assert send(crawl_file(crawl_id="second")).status_code == 201
    assert send(crawl_file(crawl_id="second")).status_code == 200
    assert requests.get(f"{server.url}/readyz", timeout=20).status_code == 200
    counted = requests.get(f"{server.url}/metrics", timeout=20).text
    assert 'splitcart_uploads_total{kind="products",result="accepted"} 1.0' in counted
    told = [record.message for record in caplog.records if "begins anew" in record.message]
    assert len(told) == (2 if damage in {"garbage", "the middle"} else 0)


def test_a_server_starts_on_damaged_counts_and_shares_the_new_ones(tmp_path, sqlite):
    settings = Settings(data_dir=tmp_path / "data", api_secret_key=KEY, rate_internal="3/hour")
    (tmp_path / "data/state").mkdir(parents=True)
    (tmp_path / "data/state/rates.sqlite").write_bytes(GARBAGE)
    headers = {"X-API-Key": KEY, "X-Content-SHA256": hashlib.sha256(b"x").hexdigest()}
    with (
        BackgroundServer(create_app(settings, sqlite, fixed_clock)) as one,
        BackgroundServer(create_app(settings, sqlite, fixed_clock)) as other,
    ):
        asked = [
            requests.post(f"{server.url}/api/upload/products/", data=b"x", headers=headers, timeout=20).status_code
            for server in (one, other, one, other)
        ]
    assert asked == [422, 422, 422, 429]


def test_many_that_find_the_damage_at_once_go_on_with_one_file(tmp_path):
    path = tmp_path / "counts.sqlite"
    files = [SharedFile(path, TABLE) for _ in range(4)]
    together = threading.Barrier(len(files))
    failures = []

    def count(file: SharedFile) -> None:
        try:
            together.wait(10)
            for _ in range(50):
                file.execute(COUNT)
        except OSError as error:
            failures.append(error)

    for file in files:
        file.execute(COUNT)
    path.write_bytes(GARBAGE)
    threads = [threading.Thread(target=count, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [file.execute("SELECT value FROM counts") for file in files] == [[(200,)]] * 4
    assert sorted(each.name for each in tmp_path.iterdir()) == ["counts.sqlite"]


def test_a_file_that_cannot_be_mended_is_named(tmp_path):
    (tmp_path / "counts.sqlite").mkdir()
    with pytest.raises(OSError, match=r"counts\.sqlite: unable to open"):
        SharedFile(tmp_path / "counts.sqlite", TABLE).execute(COUNT)
