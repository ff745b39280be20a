"""A disk that fills up: nothing is lost, nothing half stays, and the client comes through later."""

import resource

import pytest
import requests

from splitcart.server import BackgroundServer, create_app
from splitcart.transfer import Client
from tests.server.conftest import KEY, crawl_file, fixed_clock
from tests.server.processes import run_server
from tests.server.test_uploads import check_problem, on_sqlite, uploads


@pytest.fixture
def nearly_full(settings, sqlite):
    """A server of which no disk has as much free space as it wants."""
    app = create_app(settings.model_copy(update={"min_free_mib": 1 << 40}), sqlite, fixed_clock)
    with BackgroundServer(app) as server:
        yield server


def test_a_nearly_full_disk_takes_nothing_and_says_when_to_ask_again(nearly_full, tmp_path, inbox, sqlite):
    check_problem(requests.get(f"{nearly_full.url}/readyz", timeout=20), 503, "nearly full")
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(crawl_file())
    pauses = []
    with Client(nearly_full.url, KEY, attempts=2, sleep=pauses.append) as client, pytest.raises(Exception, match="503"):
        client.upload(path, "products")
    assert pauses
    assert pauses[0] >= 60
    assert inbox() == []
    assert uploads(sqlite) == []


@on_sqlite
def test_what_came_before_the_disk_was_full_is_still_known(send, nearly_full):
    body = crawl_file()
    assert send(body).status_code == 201
    headers = {"X-API-Key": KEY, "X-Content-SHA256": send(body).json()["sha256"]}
    answer = requests.post(f"{nearly_full.url}/api/upload/products/", data=body, headers=headers, timeout=20)
    assert answer.status_code == 200


def limit_files(pid: int, size_bytes: int) -> None:
    """Let the process write no file beyond this size, as a disk does that has no more."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, most))


def test_a_write_that_fails_in_the_middle_leaves_nothing_and_heals(settings, sqlite, tmp_path):
    data_dir, path = settings.data_dir, tmp_path / "a.jsonl.gz"
    path.write_bytes(crawl_file(20_000, level=1))
    assert path.stat().st_size > 100_000
    answers = []
    server = run_server(settings, str(sqlite.url))
    limit_files(server.process.pid, 60_000)

    def room(_seconds: float) -> None:
        """Between the attempts of the client."""
        answers.append(requests.get(f"{server.url}/healthz", timeout=20).status_code)
        assert list((data_dir / "state" / "arriving").iterdir()) == []
        assert list(data_dir.glob("product_inbox/*")) == []
        if len(answers) == 2:
            limit_files(server.process.pid, resource.RLIM_INFINITY)

    with Client(server.url, KEY, sleep=room) as client:
        assert client.upload(path, "products").is_new
    server.end()
    assert answers == [200, 200]
    (received,) = data_dir.glob("product_inbox/*")
    assert received.read_bytes() == path.read_bytes()
    assert len(uploads(sqlite)) == 1
