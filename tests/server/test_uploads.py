"""What the server says to an upload, and what lies in the inbox afterwards."""

import gzip
import hashlib
import http.client
import itertools
import logging
import os
import socket
import threading

import anyio
import pytest
import requests
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal

from splitcart.database import reading
from splitcart.database.models import Crawl, Upload
from splitcart.measures.clock import system_clock
from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.server.problems import Problem
from splitcart.server.receiving import receive
from splitcart.transfer import KINDS, Client, read_closing, upload_outbox, verify_file
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import BatchRecord, CrawlRecord, FailureClass, StoreRecord
from tests.server.conftest import KEY, NOON, crawl_file
from tests.server.processes import Running, run_server

# What does not touch the database is tried on one.
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def uploads(engine) -> list[Upload]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(Upload)))


def check_problem(response, status: int, *words: str) -> None:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    for word in words:
        assert word in problem["detail"]


def test_a_file_lies_in_the_inbox_when_it_is_acknowledged(send, engine, inbox):
    body = crawl_file()
    response = send(body)
    assert response.status_code == 201
    (path,) = inbox()
    assert path.parent.name == "product_inbox"
    assert path.read_bytes() == body
    (row,) = uploads(engine)
    sha256 = hashlib.sha256(body).hexdigest()
    assert response.json() == {"sha256": sha256, "status": "accepted", "name": path.name, "rows": 3}
    assert (row.sha256, row.kind, row.name, row.crawl_id) == (
        sha256,
        "products",
        path.name,
        read_closing(path).crawl_id,
    )
    assert (row.size_bytes, row.received_at) == (len(body), NOON)


def test_a_replay_is_acknowledged_and_not_taken_again(send, engine, inbox):
    body = crawl_file()
    send(body)
    for path in inbox():
        path.unlink()  # ingested meanwhile
    response = send(body)
    assert (response.status_code, response.json()["duplicate_of"]) == (200, hashlib.sha256(body).hexdigest())
    assert inbox() == []
    assert len(uploads(engine)) == 1


def test_the_same_crawl_compressed_again_is_not_taken_again(send, engine, inbox):
    first, second = crawl_file(level=6), crawl_file(level=1)
    assert first != second
    send(first)
    response = send(second)
    assert (response.status_code, response.json()["duplicate_of"]) == (200, hashlib.sha256(first).hexdigest())
    assert len(inbox()) == 1
    assert len(uploads(engine)) == 1


def test_a_crawl_that_came_by_another_way_is_not_taken_again(send, engine, inbox):
    from splitcart.database import transaction
    from splitcart.database.models import Company

    with transaction(engine) as session:
        company = Company(slug="aldi", name="ALDI")
        session.add(company)
        session.flush()
        facts = {
            "started_at": NOON,
            "finished_at": NOON,
            "observed_from": NOON,
            "observed_to": NOON,
            "ingested_at": NOON,
        }
        session.add(
            Crawl(
                crawl_id="aldi-g102-20261120T110000Z-3f9a1c",
                company_id=company.id,
                spider="aldi",
                complete=True,
                finish_reason="finished",
                scope=[],
                counts={},
                rows=3,
                sha256="0" * 64,
                file="ingested/x",
                **facts,
            )
        )
    response = send(crawl_file())
    assert (response.status_code, response.json()["duplicate_of"]) == (200, "0" * 64)
    assert inbox() == []


@on_sqlite
def test_a_file_of_several_gzip_members_is_one_file(send, inbox):
    lines = gzip.decompress(crawl_file(50))
    cuts = [0, 1, 40, 41, 700, len(lines)]
    body = b"".join(gzip.compress(lines[start:end]) for start, end in itertools.pairwise(cuts)) + gzip.compress(b"")
    response = send(body)
    assert (response.status_code, response.json()["rows"]) == (201, 50)
    assert inbox()[0].read_bytes() == body


@on_sqlite
def test_a_store_sweep_goes_to_its_own_inbox(send, inbox):
    closing = CrawlRecord(
        crawl_id="aldi-stores-1",
        spider="aldi_stores",
        company="aldi",
        started_at=NOON,
        finished_at=NOON,
        rows=1,
        complete=True,
    )
    body = gzip.compress(encode_line(StoreRecord(store_id="G102", name="Carindale")) + encode_line(closing))
    assert send(body, "stores").status_code == 201
    assert [path.parent.name for path in inbox()] == ["store_inbox"]


@on_sqlite
@pytest.mark.parametrize(
    ("key", "word"), [(None, "missing"), ("wrong", "not known"), (KEY[:-1], "not known"), ("", "not known")]
)
def test_without_the_key_nothing_is_taken(key, word, send, inbox):
    response = send(crawl_file(), X_API_Key=key)
    check_problem(response, 401, word)
    assert "WWW-Authenticate" in response.headers
    assert inbox() == []


@on_sqlite
def test_a_refusal_reaches_a_client_that_still_sends(send):
    check_problem(send(bytes(40_000_000), X_API_Key="wrong"), 401)


@on_sqlite
def test_an_unknown_kind_address_or_method_is_a_problem_too(send, server):
    check_problem(send(crawl_file(), "prices"), 404, "products, stores")
    check_problem(requests.get(f"{server.url}/nowhere", timeout=20), 404)
    check_problem(requests.get(f"{server.url}/api/upload/products/", timeout=20), 405)


@on_sqlite
@pytest.mark.parametrize(
    ("headers", "status", "word"),
    [
        ({"X_Content_SHA256": None}, 400, "X-Content-SHA256"),
        ({"X_Content_SHA256": "abc"}, 400, "64 hex"),
        ({"X_Content_SHA256": "0" * 64}, 422, "SHA-256 is"),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415, "application/gzip"),
        ({"Content_Encoding": "gzip"}, 415, "no Content-Encoding"),
    ],
)
def test_wrong_headers_are_refused(headers, status, word, send, inbox):
    check_problem(send(crawl_file(), **headers), status, word)
    assert inbox() == []


def bodies() -> dict[str, tuple[int, str, bytes]]:
    whole = crawl_file()
    lines = gzip.decompress(whole)
    return {
        "empty": (422, "empty", b""),
        "not gzip": (422, "not gzip", lines),
        "truncated": (422, "truncated", whole[:-9]),
        "followed by more": (422, "followed by", whole + b"x" * 20),
        "no closing line": (422, "truncated", gzip.compress(lines.rpartition(b'{"crawl"')[0])),
        "not JSON lines": (422, "line 2 is", gzip.compress(lines.replace(b"\n", b"\n[]\n", 1))),
        "another count": (422, "states 3 lines", gzip.compress(lines.split(b"\n", 1)[1])),
        "wrong store": (422, "another store", crawl_file(store_verified=False)),
        "wrong store class": (422, "another store", crawl_file(failure_class=FailureClass.WRONG_STORE)),
        "a sweep": (422, "need one store", crawl_file(store_id=None)),
        "version": (422, "format version 9", crawl_file(format_version=9)),
        "path in its id": (422, "crawl_id", crawl_file(crawl_id="../../../tmp/x")),
        "too large": (413, "at most 2000000", bytes(40_000_000)),
        "bomb by size": (413, "inflates to more than 8,000,000", gzip.compress(b'{"product":{}}\n' * 1_500_000, 1)),
        "endless line": (422, "longer than", gzip.compress(b" " * 6_000_000, 1)),
    }


@on_sqlite
def test_bodies_that_are_not_one_whole_crawl_are_refused_and_leave_nothing(send, inbox, engine):
    for name, (status, word, body) in bodies().items():
        response = send(body)
        assert (name, response.status_code) == (name, status), response.text
        check_problem(response, status, word)
        assert inbox() == [], name
    assert uploads(engine) == []
    assert send(crawl_file()).status_code == 201


@on_sqlite
def test_a_ratio_bomb_is_refused(send, inbox):
    line = b'{"product":{"name":"' + b"x" * 1_000_000 + b'"}}\n'
    check_problem(send(gzip.compress(line * 7, 9)), 413, "times its size")
    assert inbox() == []


def raw(server, body: bytes, **headers: str) -> tuple[http.client.HTTPConnection, bytes]:
    """A connection on which the headers of an upload have been sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", "/api/upload/products/")
    sent = {"X-API-Key": KEY, "X-Content-SHA256": hashlib.sha256(body).hexdigest()} | headers
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection, body


@on_sqlite
@pytest.mark.parametrize("promised", [{}, {"Content-Length": "10"}])
def test_a_body_of_unknown_length_is_refused(server, promised):
    connection, _ = raw(server, b"", **{"Transfer-Encoding": "chunked"} | promised)
    connection.send(b"0\r\n\r\n")
    assert connection.getresponse().status == 411
    connection.close()


@on_sqlite
def test_while_bytes_arrive_the_same_bytes_are_put_off(server, send, inbox, engine):
    body = crawl_file()
    connection, _ = raw(server, body, **{"Content-Length": str(len(body))})
    connection.send(body[:50])
    _until(lambda: any(path.suffix == ".part" for path in inbox()))
    response = send(body)
    check_problem(response, 409, "arriving")
    assert int(response.headers["Retry-After"]) > 0
    connection.send(body[50:])
    assert connection.getresponse().status == 201
    connection.close()
    assert send(body).status_code == 200
    assert len(uploads(engine)) == len(inbox()) == 1


@on_sqlite
def test_a_client_that_leaves_in_the_middle_leaves_nothing(server, inbox, send, caplog):
    caplog.set_level(logging.INFO)
    body = crawl_file()
    connection, _ = raw(server, body, **{"Content-Length": str(len(body))})
    connection.send(body[:50])
    _until(lambda: inbox() != [])
    connection.close()
    _until(lambda: inbox() == [])
    assert send(body).status_code == 201
    assert "the client left" in caplog.text


def test_a_client_that_falls_silent_is_told_so(settings, sqlite, inbox):
    app = create_app(settings, sqlite, lambda: NOON, limits=Limits(silence_seconds=0.05))
    with BackgroundServer(app) as server:
        connection, _ = raw(server, b"x" * 10, **{"Content-Length": "10"})
        assert connection.getresponse().status == 408
        connection.close()
    assert inbox() == []


def test_a_client_that_sends_byte_by_byte_is_told_so(tmp_path, monkeypatch):
    """It may take a minute for anything, and then so many bytes a second must have come."""
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(anyio, "current_time", lambda: float(next(ticks)))
    sent = []

    async def drip():
        for _ in range(1000):
            sent.append(b"x")
            yield b"x"

    with start_blocking_portal() as loop, pytest.raises(Problem, match="too slow") as refusal:
        loop.call(receive, drip(), tmp_path / "x.part", "0" * 64, Limits(), anyio.CapacityLimiter(1))
    assert (refusal.value.status, len(sent)) == (408, 7)


def _until(condition) -> None:
    """Look until it is so; the test's own time limit is the server's."""
    for _ in range(200_000):
        if condition():
            return
        os.sched_yield()
    raise AssertionError("it never came")


def test_many_clients_with_the_same_bytes_bring_one_file(server, inbox, engine, hasty):
    body = crawl_file(300)
    path = hasty.folder / "a.jsonl.gz"
    path.write_bytes(body)
    results = []
    threads = [threading.Thread(target=lambda: results.append(hasty.make().upload(path, "products"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.is_new for result in results) == [False] * 5 + [True]
    assert len(uploads(engine)) == len(inbox()) == 1
    assert inbox()[0].read_bytes() == body


@pytest.fixture
def hasty(server, tmp_path):
    """Makes clients that wait a moment only, and a folder for their files."""
    made = []

    class Maker:
        folder = tmp_path

        def make(self) -> Client:
            pause = threading.Event()
            made.append(
                Client(server.url, KEY, attempts=50, sleep=lambda seconds: pause.wait(min(seconds, 0.02)) and None)
            )
            return made[-1]

    yield Maker()
    for client in made:
        client.close()


def test_one_crawl_in_different_bytes_at_once_is_kept_once(server, inbox, engine):
    """Each answer is of the protocol: one 201; 200 or 409 (ask again) for the rest, never a failure."""
    first, together = {}, threading.Barrier(4)

    def send(level: int) -> None:
        body = crawl_file(50, level)
        with requests.Session() as session:
            headers = {"X-API-Key": KEY, "X-Content-SHA256": hashlib.sha256(body).hexdigest()}
            together.wait()
            answer = session.post(f"{server.url}/api/upload/products/", data=body, headers=headers, timeout=20)
            first[level] = answer.status_code
            while answer.status_code == 409:
                answer = session.post(f"{server.url}/api/upload/products/", data=body, headers=headers, timeout=20)
            assert answer.status_code in {200, 201}

    threads = [threading.Thread(target=send, args=(level,)) for level in (1, 3, 6, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(first) == [1, 3, 6, 9]
    assert set(first.values()) <= {200, 201, 409}
    assert len(uploads(engine)) == len(inbox()) == 1


@on_sqlite
@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.is_derived], ids=lambda kind: kind.name)
def test_derived_data_goes_to_the_inbox_of_its_kind(kind, send, settings):
    row = b'{"%s":{"x":1}}\n' % kind.record.encode()
    body = gzip.compress(row + encode_line(BatchRecord(kind=kind.name, generated_at=NOON, count=1)))
    assert send(body, kind.name).status_code == 201
    (path,) = (settings.data_dir / kind.inbox).iterdir()
    assert path.name.startswith(f"{kind.name}-20261120T120000Z-")
    assert send(body, kind.name).status_code == 200


@on_sqlite
def test_an_outbox_empties_into_the_inbox(hasty, settings, inbox):
    host = hasty.folder / "host"
    outbox = host / "product_outbox"
    outbox.mkdir(parents=True)
    for number in range(5):
        (outbox / f"{number}.jsonl.gz").write_bytes(crawl_file(number, crawl_id=f"aldi-g10{number}-1"))
    outcomes = upload_outbox(host, ["products", "stores"], hasty.make(), system_clock, keep_days=30)
    assert [one.status for one in outcomes] == ["sent"] * 5
    assert {verify_file(path).rows for path in inbox()} == set(range(5))


@on_sqlite
def test_the_key_is_never_logged(send, caplog):
    caplog.set_level(logging.DEBUG)
    send(crawl_file())
    send(crawl_file(), X_API_Key="another-secret")
    send(b"x")
    assert caplog.text
    assert KEY not in caplog.text
    assert "another-secret" not in caplog.text


def test_a_server_killed_in_the_middle_keeps_no_half_file_and_the_client_comes_through(settings, sqlite, tmp_path):
    data_dir, body, database = settings.data_dir, crawl_file(2000), str(sqlite.url)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(body)
    first = run_server(settings, database)
    port = int(first.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as half:
        headers = (
            f"POST /api/upload/products/ HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: {len(body)}\r\n"
            f"X-Content-SHA256: {hashlib.sha256(body).hexdigest()}\r\n\r\n"
        )
        half.sendall(headers.encode() + body[: len(body) // 2])
        _until(lambda: list((data_dir / "state" / "arriving").glob("*.part")))
        first.process.kill()
        first.process.join()
    assert not list(data_dir.glob("product_inbox/*"))

    second: list[Running] = []

    def restart(_seconds: float) -> None:
        if not second:
            second.append(run_server(settings, database, port))

    with Client(first.url, KEY, sleep=restart) as client:
        assert client.upload(path, "products").is_new
        assert not client.upload(path, "products").is_new
    second[0].end()
    (received,) = data_dir.glob("product_inbox/*")
    assert received.read_bytes() == body
    assert list((data_dir / "state" / "arriving").iterdir()) == []
    assert len(uploads(sqlite)) == 1
