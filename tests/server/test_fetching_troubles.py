"""Fetching from a server that breaks off, is busy or answers something else: only what is whole is kept."""

import gzip

import pytest

from splitcart.server import BackgroundServer, create_app
from splitcart.transfer import Client, ExportedPrice, Exports, TransferError
from tests.grouping.factory import BASE, SmallChain, day
from tests.server.conftest import KEY, fixed_clock


class Trouble:
    """Stands before the application and spoils the answers whose number (from 0) is named, in its way."""

    def __init__(self, app):
        self.app, self.spoiled, self.asked = app, {}, []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        way = self.spoiled.get(len(self.asked))
        self.asked.append(dict(scope["headers"]).get(b"if-none-match"))
        if way is None:
            await self.app(scope, receive, send)
        elif isinstance(way, tuple):
            status, headers, body = way
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:

            async def spoil(message):
                if body := message.get("body"):
                    message = {**message, "body": way(body)}
                    if not message["body"]:
                        raise ConnectionError("the line is cut")
                await send(message)

            await self.app(scope, receive, spoil)


@pytest.fixture(scope="module")
def chain_file(tmp_path_factory):
    """A database of three stores, made once: it is only read here."""
    from splitcart.database import create_engine, upgrade

    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('chain') / 'chain.db'}")
    upgrade(engine)
    chain = SmallChain(engine, ["G101", "G102", "G103"])
    for store in chain.stores:
        chain.crawl(store, BASE, day(0))
    yield engine
    engine.dispose()


@pytest.fixture
def trouble(settings, chain_file):
    return Trouble(create_app(settings, chain_file, fixed_clock))


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def exports(trouble, pauses, tmp_path):
    with (
        BackgroundServer(trouble) as server,
        Exports(Client(server.url, KEY, attempts=3, sleep=pauses.append), tmp_path / "cache") as exports,
    ):
        yield exports


def half(body):
    return body[: len(body) // 2]


def whole_but_short(body):
    """Good gzip that ends before its time, as a proxy may make of it."""
    lines = gzip.decompress(body).splitlines(keepends=True)
    return gzip.compress(b"".join(lines[: len(lines) // 2]))


def cut(_body):
    return b""


@pytest.mark.parametrize("way", [half, whole_but_short, cut])
def test_a_page_that_is_not_whole_is_asked_for_again(way, trouble, exports, pauses):
    trouble.spoiled = {0: way, 1: way}
    fetched = exports.fetch("prices")
    assert (fetched.rows, len(trouble.asked), len(pauses)) == (3 * len(BASE), 3, 2)
    assert sum(1 for _ in exports.rows(ExportedPrice)) == 3 * len(BASE)


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(trouble, exports, pauses):
    trouble.spoiled = {0: (429, [(b"retry-after", b"7")], b"{}")}
    assert exports.fetch("companies").rows == 1
    assert len(pauses) == 1
    assert 7 <= pauses[0] <= 8


def test_a_fetch_that_broke_off_goes_on_at_its_page(trouble, exports):
    trouble.spoiled = dict.fromkeys((1, 2, 3), half)
    with pytest.raises(TransferError, match="not whole"):
        exports.fetch("prices", limit=1)
    trouble.asked.clear()
    trouble.spoiled = {}
    fetched = exports.fetch("prices", limit=1)
    assert (len(fetched.paths), fetched.pages_new) == (3, 2)
    assert [tag is not None for tag in trouble.asked] == [True, False, False]
    assert not [path for path in fetched.paths[0].parent.iterdir() if path.suffix == ".partial"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, [], b"<html>welcome</html>"), "without 'etag'; is API_SERVER_URL the address of a SplitCart server"),
        ((304, [(b"etag", b"x"), (b"x-as-of", b"2026-11-20T12:00:00Z")], b""), "nothing was known"),
        ((403, [], b'{"detail": "key x has no scope"}'), "key x has no scope; check API_SECRET_KEY"),
    ],
)
def test_what_is_no_export_is_not_kept(answer, problem, trouble, exports, tmp_path):
    trouble.spoiled = {0: answer}
    with pytest.raises(TransferError, match=problem):
        exports.fetch("companies")
    assert not list(tmp_path.rglob("*.jsonl.gz"))
