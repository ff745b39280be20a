"""Makers of records, files and clocks that the tests of this room share."""

import gzip
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from splitcart.transfer import Client
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord, StoreRecord

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class SteppedClock:
    """Moves only when told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="session")
def new_clock() -> type[SteppedClock]:
    return SteppedClock


@pytest.fixture(scope="session")
def product() -> Callable[..., ProductRecord]:
    def make(sku: str = "1", category: str = "Dairy", **changes) -> ProductRecord:
        record = ProductRecord(sku=sku, name=f"Article {sku}", category_path=[category, "Milk"], price_cents=350)
        return replace(record, **changes)

    return make


@pytest.fixture(scope="session")
def store() -> Callable[..., StoreRecord]:
    return lambda store_id="G102", **changes: replace(StoreRecord(store_id=store_id, name="Carindale"), **changes)


@pytest.fixture(scope="session")
def category() -> Callable[..., CategoryRecord]:
    def make(name: str = "Dairy", rows: int = 1, at: datetime = NOON, **changes) -> CategoryRecord:
        record = CategoryRecord(
            category=name,
            rows=rows,
            complete=True,
            observed_from=at,
            observed_to=at + timedelta(minutes=1),
            pages_expected=1,
            pages_seen=1,
        )
        return replace(record, **changes)

    return make


@pytest.fixture(scope="session")
def closing() -> Callable[..., CrawlRecord]:
    def make(rows: int = 0, **changes) -> CrawlRecord:
        record = CrawlRecord(
            crawl_id="aldi-g102-20261120T120000Z-3f9a1c",
            spider="aldi",
            company="aldi",
            store_id="G102",
            started_at=NOON,
            finished_at=NOON + timedelta(hours=1),
            rows=rows,
            complete=True,
        )
        return replace(record, **changes)

    return make


@pytest.fixture(scope="session")
def crawl_bytes(product, closing) -> Callable[..., bytes]:
    """A whole file with ``rows`` products; keywords change its closing line."""

    def make(rows: int = 3, **changes) -> bytes:
        lines = [encode_line(product(str(number))) for number in range(rows)]
        return gzip.compress(b"".join([*lines, encode_line(replace(closing(rows), **changes))]), mtime=0)

    return make


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., Path]:
    """A gzip file with these lines (bytes, or records)."""

    def make(*lines, name: str = "crawl.jsonl.gz") -> Path:
        path = tmp_path / name
        content = b"".join(line + b"\n" if isinstance(line, bytes) else encode_line(line) for line in lines)
        path.write_bytes(gzip.compress(content, mtime=0))
        return path

    return make


@dataclass
class Answer:
    """What the scripted server says to one request; ``hang_up`` closes the connection without a word.

    Uploads are acknowledged with their SHA-256, in the ``body`` if that is a JSON object which does not name one.
    """

    status: int = 201
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False

    def body_for(self, asked: "Asked") -> bytes:
        if asked.path.startswith("/api/upload/") and self.body.startswith(b"{"):
            named = {"sha256": hashlib.sha256(asked.body).hexdigest(), "status": self.status}
            return json.dumps(named | json.loads(self.body)).encode()
        return self.body


@dataclass
class Asked:
    path: str
    headers: Message
    body: bytes


class ScriptedServer:
    """A real HTTP server on loopback that gives prepared answers in turn, the last one for ever."""

    def __init__(self) -> None:
        self.answers = [Answer()]
        self.asked: list[Asked] = []
        self.garbled = 0  # so many connections are answered with what is neither HTTP nor TLS
        self._context: ssl.SSLContext | None = None
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = Asked(self.path, self.headers, body)
                script.asked.append(asked)
                answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if answer.hang_up:
                    self.close_connection = True
                    return
                said = answer.body_for(asked)
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(said)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def get_request(self) -> tuple[socket.socket, Any]:
                accepted, address = super().get_request()
                if script.garbled > 0:
                    script.garbled -= 1
                    accepted.sendall(b"this is no handshake")
                elif script._context:
                    try:
                        accepted = script._context.wrap_socket(accepted, server_side=True)
                    except OSError:  # the client does not trust us
                        accepted.close()
                        raise
                return accepted, address

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._context = context

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def script() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that the client would have made."""
    return []


@pytest.fixture
def client(script, pauses, clock) -> Iterator[Client]:
    with requests.Session() as session:
        yield Client(
            script.url,
            "sc_secret-key",
            session=session,
            clock=clock,
            rng=Random(1),
            sleep=pauses.append,
            timeout=(5, 5),
        )
