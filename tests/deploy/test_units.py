"""The files of deploy/ are what they say: the server starts, answers and ends as systemd would have it."""

import hashlib
import http.client
import re
import shlex
import signal
import subprocess
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from splitcart.config import Settings
from tests.deploy.units import (
    CRONTABS,
    DEPLOY,
    INSTALLED,
    UNITS,
    command,
    cron_commands,
    entries,
    environment,
    one,
)
from tests.docs.pages import ROOT
from tests.docs.test_commands import check_scrapy, check_splitcart
from tests.server.conftest import crawl_file
from tests.server.test_uploads import _until

SERVER = DEPLOY / "systemd" / "splitcart-server.service"
ENV_FILES = sorted((DEPLOY / "env").iterdir())
KEY = "sc_a-key-of-the-operator"


@pytest.fixture
def installation(tmp_path, postgres):
    """A folder like /srv/splitcart, with the ``.env`` of deploy/ for a database of this test."""
    folder = tmp_path / "srv"
    (folder / "data").mkdir(parents=True)
    text = (DEPLOY / "env" / "server.env").read_text(encoding="utf-8").replace(INSTALLED, str(folder))
    text = text.replace("API_SECRET_KEY=CHANGE-ME", f"API_SECRET_KEY={KEY}")
    url = postgres.url.render_as_string(hide_password=False)
    (folder / ".env").write_text(re.sub(r"(?m)^SPLITCART_DATABASE_URL=.*$", f"SPLITCART_DATABASE_URL={url}", text))
    return folder


def test_the_server_starts_as_its_unit_says_and_ends_with_the_upload_under_way(installation):
    """Two worker processes on PostgreSQL, told to stop (the first process alone, KillMode=mixed) in mid-body."""
    words = command(SERVER, installation)
    assert words[-2:] == ["--workers", "2"]
    words[words.index("--port") + 1] = "0"
    given = environment(SERVER, installation) | {"PYTHONPATH": str(ROOT), "SPLITCART_RATE_ANON": "5/hour"}
    with subprocess.Popen(words, cwd=installation, env=given, stderr=subprocess.PIPE, text=True) as server:
        url = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+", line)))
        assert requests.get(f"{url}/readyz", timeout=20).json() == {"status": "ready"}
        statuses = ask_until_both_workers_answered(urlsplit(url).netloc, server.pid)
        assert statuses == [401] * 5 + [429] * (len(statuses) - 5)  # one rate for both
        body = crawl_file(2000)
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
        connection.putrequest("POST", "/api/upload/products/")
        for name, value in (
            ("X-API-Key", KEY),
            ("X-Content-SHA256", hashlib.sha256(body).hexdigest()),
            ("Content-Length", str(len(body))),
        ):
            connection.putheader(name, value)
        connection.endheaders(body[:1000])
        arriving = installation / "data" / "state" / "arriving"
        _until(lambda: any(arriving.glob("*.part")))
        server.send_signal(signal.SIGTERM)
        workers = 2
        while workers:
            workers -= "Shutting down" in next(server.stderr)
        connection.send(body[1000:])
        assert connection.getresponse().status == 201
        connection.close()
        for _ in server.stderr:
            pass
        assert server.wait(20) == 0
    (received,) = (installation / "data" / "product_inbox").iterdir()
    assert received.read_bytes() == body
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/healthz", timeout=20)


def ask_until_both_workers_answered(address: str, pid: int) -> list[int]:
    """Ask without a key, on a new connection each time; return the statuses."""
    statuses, connections = [], []
    while len(statuses) < 10 or sum(map(_is_connected, psutil.Process(pid).children())) < 2:
        assert len(statuses) < 300, "one of the workers takes no connection"
        connection = http.client.HTTPConnection(address, timeout=20)
        connection.request("GET", "/api/export/companies/")
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
        connections.append(connection)
    for connection in connections:
        connection.close()
    return statuses


def _is_connected(process: psutil.Process) -> bool:
    return any(one.status == psutil.CONN_ESTABLISHED and one.raddr for one in process.net_connections("tcp"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_that_exists_as_nobody_special(unit):
    words = shlex.split(one(unit, "Service.ExecStart"))
    if words[0].endswith("/splitcart"):
        check_splitcart(["splitcart", *words[1:]])
    else:
        assert words == ["/srv/scrapyd/venv/bin/scrapyd"]
    assert one(unit, "Service.User") == "splitcart"
    assert one(unit, "Install.WantedBy") == "multi-user.target"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_can_write_where_it_has_to(unit):
    """The rest of the disk is read-only to it; compiled loops must be kept elsewhere than beside the code."""
    assert one(unit, "Service.ProtectSystem") == "strict"
    writable = one(unit, "Service.ReadWritePaths")
    assert writable in {f"{INSTALLED}/data", "/srv/scrapyd"}
    caches = [text for text in entries(unit).get("Service.Environment", []) if text.startswith("NUMBA_CACHE_DIR=")]
    needs = " serve " in one(unit, "Service.ExecStart") or " update " in one(unit, "Service.ExecStart")
    assert [text.partition("=")[2].startswith(writable) for text in caches] == ([True] if needs else [])


@pytest.mark.parametrize("crontab", CRONTABS, ids=lambda crontab: crontab.name)
def test_a_crontab_runs_commands_that_exist(crontab):
    lines = cron_commands(crontab)
    assert lines
    for line in lines:
        folder, *steps = re.split(r" && |; ", line)
        assert folder == f"cd {INSTALLED}"
        for step in steps:
            words = shlex.split(step)
            assert words[0] in {".venv/bin/splitcart", ".venv/bin/scrapy"}
            check = check_splitcart if words[0].endswith("splitcart") else check_scrapy
            check([words[0].rpartition("/")[2], *words[1:]])


@pytest.mark.parametrize("env_file", ENV_FILES, ids=lambda path: path.name)
def test_an_env_file_holds_settings_that_exist(env_file, monkeypatch):
    names = re.findall(r"(?m)^([A-Z_]+)=", env_file.read_text(encoding="utf-8"))
    assert set(names) <= {str(field.validation_alias) for field in Settings.model_fields.values()}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    settings = Settings(_env_file=env_file)
    assert settings.data_dir.is_relative_to(INSTALLED)
