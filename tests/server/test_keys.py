"""Keys: shown once, kept as a hash, good for their scopes, ended at once."""

import subprocess
import sys
from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa

from splitcart.config import Settings
from splitcart.database import reading, transaction
from splitcart.database.models import ApiKey
from splitcart.errors import InputError
from splitcart.server import BackgroundServer, create_app
from splitcart.server.key_store import create_key, read_keys, revoke_key, rotate_key, state
from tests.server.conftest import KEY, NOON, crawl_file, fixed_clock


def make(engine, *scopes: str, expires_at=None) -> str:
    with transaction(engine) as session:
        return create_key(session, "scraper-1", list(scopes), NOON, expires_at).text


def ask(server, key: str | None) -> requests.Response:
    """A call that needs the scope ``schedule``; 409 means that the key was let in (there is no such lease)."""
    headers = {"X-API-Key": key} if key is not None else {}
    return requests.post(f"{server.url}/api/schedule/leases/1/heartbeat/", headers=headers, json={}, timeout=20)


def test_a_key_opens_what_its_scopes_name_and_nothing_else(server, engine, send):
    uploads, schedules = make(engine, "upload"), make(engine, "schedule")
    assert send(crawl_file(), X_API_Key=uploads).status_code == 201
    refused = send(crawl_file(), X_API_Key=schedules)
    assert refused.status_code == 403
    assert "no scope 'upload', only schedule" in refused.json()["detail"]
    assert ask(server, schedules).status_code == 409
    assert ask(server, uploads).status_code == 403
    assert ask(server, make(engine, "admin")).status_code == ask(server, KEY).status_code == 409


def test_the_database_does_not_hold_the_key(engine):
    text = make(engine, "upload")
    with engine.connect() as connection:
        row = connection.execute(sa.select(ApiKey.__table__)).one()
    _, key_id, secret = text.split("_", 2)
    assert secret not in str(row)
    assert key_id == row.key_id


def test_the_secret_counts_and_not_the_id(server, engine):
    text = make(engine, "schedule")
    _, key_id, secret = text.split("_", 2)
    assert ask(server, text).status_code == 409
    for wrong in (text[:-1], text + "x", f"sc_{key_id}_", f"sc_00000000_{secret}", "é"):
        assert ask(server, wrong.encode()).status_code == 401


def test_a_revoked_key_is_refused_at_the_next_request(server, engine):
    text = make(engine, "schedule")
    assert ask(server, text).status_code == 409
    with transaction(engine) as session:
        revoke_key(session, text, NOON)
    answer = ask(server, text)
    assert answer.status_code == 401
    assert "is revoked" in answer.json()["detail"]
    assert text not in answer.text


def test_an_expired_key_is_refused(server, engine):
    with transaction(engine) as session:
        text = create_key(session, "guest", ["schedule"], NOON - timedelta(days=2), NOON - timedelta(seconds=1)).text
    assert "is expired" in ask(server, text).json()["detail"]


def test_rotating_lets_the_old_key_live_for_its_grace_only(engine):
    with transaction(engine) as session:
        old = create_key(session, "scraper-1", ["upload"], NOON, NOON + timedelta(days=30))
        new = rotate_key(session, old.key_id, NOON + timedelta(days=1), timedelta(hours=24))
    with reading(engine) as session:
        keys = {key.key_id: key for key in read_keys(session)}
    assert keys[old.key_id].expires_at == NOON + timedelta(days=2)
    assert keys[new.key_id].expires_at == NOON + timedelta(days=31)
    assert (keys[new.key_id].name, keys[new.key_id].scopes) == ("scraper-1", ["upload"])
    with transaction(engine) as session:
        rotate_key(session, new.key_id, NOON + timedelta(days=1), timedelta(0))
        assert state(session.get_one(ApiKey, keys[new.key_id].id), NOON + timedelta(days=1)) == "revoked"
    with transaction(engine) as session, pytest.raises(InputError, match="is revoked; make a new one"):
        rotate_key(session, new.key_id, NOON + timedelta(days=1), timedelta(0))


@pytest.mark.parametrize(
    ("name", "scopes", "days", "problem"),
    [
        ("", ["upload"], 1, "a key needs a name"),
        ("x", [], 1, "at least one"),
        ("x", ["upload", "root"], 1, "not root"),
        ("x", ["upload"], -1, "would have expired"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(engine, name, scopes, days, problem):
    with transaction(engine) as session, pytest.raises(InputError, match=problem):
        create_key(session, name, scopes, NOON, NOON + timedelta(days=days))


def test_the_last_use_is_noted(server, engine):
    text = make(engine, "schedule")
    ask(server, text)
    with reading(engine) as session:
        assert session.scalar(sa.select(ApiKey.last_used_at)) == NOON


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


def last_uses(engine) -> list[object]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(ApiKey.last_used_at)))


def ask_for_stores(server, key: str) -> int:
    return requests.get(f"{server.url}/api/export/stores/", headers={"X-API-Key": key}, timeout=20).status_code


def test_noting_the_last_use_waits_for_no_long_ingestion(tmp_path, sqlite):
    text = make(sqlite, "export")
    run = [sys.executable, "-S", "-c", HOLD, sqlite.url.database]
    with served(tmp_path, sqlite) as server:
        with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == b"held\n"
            assert [ask_for_stores(server, text) for _ in range(2)] == [200, 200]
            holder.communicate()
        assert last_uses(sqlite) == [None]
        assert ask_for_stores(server, text) == 200
    assert last_uses(sqlite) == [NOON]


def test_noting_the_last_use_waits_for_nobody_who_has_the_key_open(tmp_path, postgres):
    text = make(postgres, "export")
    with served(tmp_path, postgres) as server:
        with transaction(postgres) as session:
            session.scalars(sa.select(ApiKey).with_for_update()).one()
            assert ask_for_stores(server, text) == 200
        assert last_uses(postgres) == [None]
        assert ask_for_stores(server, text) == 200
    assert last_uses(postgres) == [NOON]


def served(tmp_path, engine, **rates: str) -> BackgroundServer:
    settings = Settings(data_dir=tmp_path / "data", api_secret_key=KEY, **rates)
    return BackgroundServer(create_app(settings, engine, fixed_clock))


def test_who_tries_many_wrong_keys_waits_even_with_a_right_one(tmp_path, sqlite):
    with served(tmp_path, sqlite, rate_failed="3/hour") as server:
        assert [ask(server, "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
        answer = ask(server, KEY)
    assert answer.status_code == 429
    assert 3000 < int(answer.headers["Retry-After"]) <= 3600


def test_rates_are_counted_by_key_and_for_all_processes_together(tmp_path, sqlite):
    first, second = make(sqlite, "schedule"), make(sqlite, "schedule")
    with (
        served(tmp_path, sqlite, rate_internal="3/hour") as server,
        served(tmp_path, sqlite, rate_internal="3/hour") as other,
    ):
        assert [ask(server, first).status_code for _ in range(2)] == [409, 409]
        assert [ask(other, first).status_code for _ in range(2)] == [409, 429]
        assert ask(server, first).status_code == 429
        assert ask(server, second).status_code == 409


def test_who_shows_no_key_has_the_rate_of_strangers(tmp_path, sqlite):
    with served(tmp_path, sqlite, rate_anon="2/hour") as server:
        assert [ask(server, None).status_code for _ in range(3)] == [401, 401, 429]
        assert ask(server, KEY).status_code == 409
        assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200


def test_a_rate_that_is_none_stops_the_server_from_starting(tmp_path, sqlite):
    with pytest.raises(InputError, match=r"SPLITCART_RATE_ANON is 'often'; expected a rate such as 600/minute"):
        served(tmp_path, sqlite, rate_anon="often")
