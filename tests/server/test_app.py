"""The application starts only with a key, and says whether it can work."""

import os
import signal

import pytest
import requests
import sqlalchemy as sa

from splitcart.config import Settings
from splitcart.errors import InputError
from splitcart.server import BackgroundServer, create_app
from tests.server.conftest import KEY, crawl_file, fixed_clock
from tests.server.processes import run_in_foreground


def get(server, path: str) -> requests.Response:
    return requests.get(f"{server.url}{path}", timeout=20)


@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_server_without_a_key_does_not_start(key, tmp_path, sqlite):
    with pytest.raises(InputError, match="API_SECRET_KEY is not set"):
        create_app(Settings(data_dir=tmp_path, api_secret_key=key), sqlite, fixed_clock)


@pytest.mark.parametrize("key", [" secret", "secret\n", "schlüssel"])
def test_a_server_with_a_key_that_no_client_can_send_does_not_start(key, tmp_path, sqlite):
    with pytest.raises(InputError, match="API_SECRET_KEY must be printable") as refusal:
        create_app(Settings(data_dir=tmp_path, api_secret_key=key), sqlite, fixed_clock)
    assert key.strip() not in str(refusal.value)


def test_a_server_that_can_work_says_so_to_anyone(server, settings):
    assert get(server, "/healthz").json() == {"status": "alive"}
    assert get(server, "/readyz").json() == {"status": "ready"}
    assert [path.name for path in (settings.data_dir / "state").iterdir()] == ["rates.sqlite"]
    assert "server" not in get(server, "/healthz").headers


@pytest.fixture
def broken(settings, tmp_path):
    """A server whose database is a file in a folder that is gone."""
    folder = tmp_path / "gone"
    engine = sa.create_engine(f"sqlite:///{folder / 'x.db'}")
    with BackgroundServer(create_app(settings, engine, fixed_clock)) as server:
        yield server
    engine.dispose()


def test_without_a_database_it_lives_but_is_not_ready(broken, send_to, caplog):
    assert get(broken, "/healthz").status_code == 200
    response = get(broken, "/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "the database does not answer")
    response = send_to(broken)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "gone" not in response.text


@pytest.fixture
def send_to():
    def post(server) -> requests.Response:
        headers = {"X-API-Key": KEY, "X-Content-SHA256": "0" * 64}
        return requests.post(f"{server.url}/api/upload/products/", data=crawl_file(), headers=headers, timeout=20)

    return post


def test_without_a_disk_it_lives_but_is_not_ready(settings, sqlite, send_to, caplog):
    settings.data_dir.write_text("a file where the data folder should be")
    with BackgroundServer(create_app(settings, sqlite, fixed_clock)) as server:
        response = get(server, "/readyz")
        assert (response.status_code, response.json()["detail"]) == (503, "the data folder cannot be written")
        assert send_to(server).status_code == 503


def test_where_calls_cannot_be_counted_it_lives_but_is_not_ready(settings, sqlite, send_to, caplog):
    (settings.data_dir / "state" / "rates.sqlite").mkdir(parents=True)
    with BackgroundServer(create_app(settings, sqlite, fixed_clock)) as server:
        assert get(server, "/healthz").status_code == 200
        assert get(server, "/readyz").status_code == send_to(server).status_code == 503
    assert "rates.sqlite: unable to open database file" in caplog.text


def test_an_unforeseen_failure_is_logged_there_and_not_shown(settings, sqlite, send_to, caplog):
    with sqlite.begin() as connection:
        connection.exec_driver_sql("DROP TABLE uploads")

    def fail(*_args) -> None:
        raise ZeroDivisionError("a secret of the house")

    sa.event.listen(sqlite, "before_cursor_execute", fail)
    with BackgroundServer(create_app(settings, sqlite, fixed_clock)) as server:
        response = send_to(server)
    sa.event.remove(sqlite, "before_cursor_execute", fail)
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in response.text
    assert "a secret of the house" in caplog.text


def test_what_a_killed_server_was_receiving_is_removed_at_the_next_start(settings, sqlite):
    arriving = settings.data_dir / "state" / "arriving"
    arriving.mkdir(parents=True)
    (arriving / "0.part").write_bytes(b"half")
    create_app(settings, sqlite, fixed_clock)
    assert list(arriving.iterdir()) == []


def test_the_server_in_the_foreground_takes_files_until_interrupted(settings):
    running = run_in_foreground(settings)
    assert get(running, "/readyz").status_code == 200
    os.kill(running.process.pid, signal.SIGINT)
    running.process.join(20)
    assert running.process.exitcode is not None
    assert (settings.data_dir / "splitcart.db").exists()
