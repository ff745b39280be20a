"""``splitcart fetch`` against a real server."""

import gzip
import json

import pytest

from splitcart.config import get_settings
from splitcart.server import BackgroundServer, create_app
from tests.cli.front_door import splitcart
from tests.grouping.factory import BASE, SmallChain, day
from tests.server.conftest import KEY, fixed_clock


@pytest.fixture
def server(tmp_path, sqlite, monkeypatch):
    chain = SmallChain(sqlite, ["G101", "G102"])
    for store in chain.stores:
        chain.crawl(store, BASE, day(0))
    monkeypatch.setenv("API_SECRET_KEY", KEY)
    get_settings.cache_clear()
    with BackgroundServer(create_app(get_settings(), sqlite, fixed_clock)) as running:
        monkeypatch.setenv("API_DEV_SERVER_URL", running.url)
        get_settings.cache_clear()
        yield running


def test_what_is_published_becomes_files_once(server, tmp_path):
    out = tmp_path / "out"
    first = splitcart("fetch", "stores", "prices", "--company", "aldi", "--dev", "--json", "--out", str(out))
    assert (first.exit_code, first.error) == (0, "")
    kinds = {each["kind"]: each for each in json.loads(first.output)}
    assert (kinds["stores"]["rows"], kinds["prices"]["rows"], kinds["prices"]["pages_new"]) == (2, 2 * len(BASE), 1)
    *rows, closing = map(json.loads, gzip.decompress((out / "prices.jsonl.gz").read_bytes()).splitlines())
    assert len(rows) == closing["batch"]["count"] == 2 * len(BASE)
    assert {row["price_cents"] for row in rows} == set(BASE.values())
    (again,) = json.loads(splitcart("fetch", "prices", "--company", "aldi", "--dev", "--json").output)
    assert (again["rows"], again["pages_new"]) == (2 * len(BASE), 0)
    assert "prices" in splitcart("fetch", "prices", "--dev").output


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["wishes", "--dev"], 2, "unknown export 'wishes'; known: stores, companies"),
        (["prices", "--dev", "--since", "soon"], 2, "--since is 'soon'"),
        (["companies", "--dev", "--store", "G101"], 1, "companies cannot be asked with store; known: none"),
        (["prices"], 2, "API_SERVER_URL is not set"),
    ],
)
def test_what_cannot_be_fetched_is_one_clear_line(server, arguments, code, error):
    outcome = splitcart("fetch", *arguments)
    assert (outcome.exit_code, outcome.output) == (code, "")
    assert error in outcome.error
