"""One small market with all its dirt, served once for the room's tests."""

from datetime import UTC, datetime

import msgspec
import pytest
import requests

from splitcart.replica import Market, MarketConfig, default_chains
from splitcart.replica.server import ReplicaServer

NOW = datetime(2026, 11, 5, 3, tzinfo=UTC)
BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 SplitCart",
    "accept": "application/json, text/plain, */*",
    "accept-language": "en-AU,en;q=0.9",
    "origin": "https://www.woolworths.com.au",
    "sec-ch-ua": '"Chromium";v="150"',
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-origin",
}


@pytest.fixture(scope="session")
def market():
    chains = {
        chain: msgspec.structs.replace(
            config,
            stores=60,
            skus=400,
            roots=4,
            dirty_share=0.15,
            unpriced_share=0.02 if chain in {"coles", "woolworths"} else 0.0,
        )
        for chain, config in default_chains().items()
    }
    return Market(MarketConfig(start=datetime(2026, 11, 2, tzinfo=UTC), chains=chains))


@pytest.fixture(scope="session")
def _running(market):
    with ReplicaServer(market, lambda: NOW) as server:
        yield server


@pytest.fixture
def server(_running):
    yield _running
    _running.weather.clear()


@pytest.fixture
def aldi(server):
    """GET a path of ALDI's API."""
    with requests.Session() as session:
        yield lambda path, **query: session.get(server.urls["ALDI_API_URL"] + path, params=query, timeout=10)


@pytest.fixture
def visitor(server):
    """A browser that has opened Woolworths' site."""
    with requests.Session() as session:
        session.headers.update(BROWSER)
        session.get(server.urls["WOOLWORTHS_SITE_URL"] + "/", timeout=10)
        yield session


@pytest.fixture
def woolworths(server, visitor):
    """GET a path of Woolworths' site, or POST to browse."""
    base = server.urls["WOOLWORTHS_SITE_URL"]

    def get(path, **query):
        return visitor.get(base + path, params=query, timeout=10)

    def browse(**question):
        question = {"pageNumber": 1, "pageSize": 36, "sortType": "PriceAsc"} | question
        return visitor.post(base + "/apis/ui/browse/category", json=question, timeout=10)

    get.browse = browse
    return get
