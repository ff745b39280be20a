"""The server: one port, counted visits, clear refusals."""

from datetime import UTC, datetime

import pytest
import requests

from splitcart.errors import InputError
from splitcart.replica import Market, MarketConfig, still
from splitcart.replica.server import ReplicaServer, listen, site_urls

NOW = datetime(2026, 11, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def small():
    return Market(MarketConfig(chains={"aldi": still()}))


def test_urls_are_the_settings_that_point_spiders_here(small):
    with ReplicaServer(small, lambda: NOW) as server:
        assert server.urls == {"ALDI_API_URL": f"{server.url}/aldi", "ALDI_SITE_URL": f"{server.url}/aldi"}
        assert requests.get(f"{server.url}/spar/", timeout=10).status_code == 404
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(server.url, timeout=10)


def test_the_settings_of_both_chains():
    assert site_urls("http://h", ["aldi", "woolworths"]) == {
        "ALDI_API_URL": "http://h/aldi",
        "ALDI_SITE_URL": "http://h/aldi",
        "WOOLWORTHS_SITE_URL": "http://h/woolworths",
    }


def test_requests_are_counted_by_store(small):
    store = small.stores("aldi")[0].store_id
    with ReplicaServer(small, lambda: NOW) as server:
        for offset in (0, 0, 9000):
            query = {"servicePoint": store, "categoryKey": "960000000", "offset": offset}
            requests.get(f"{server.urls['ALDI_API_URL']}/v3/product-search", params=query, timeout=10)
        requests.get(f"{server.urls['ALDI_API_URL']}/v2/service-points?latitude=1&longitude=1", timeout=10)
        assert server.requests == {("aldi", store): 3, ("aldi", None): 1}
        assert [visit.status for visit in server.book] == [200, 200, 400, 200]


def test_two_servers_run_side_by_side(small):
    with ReplicaServer(small, lambda: NOW) as one, ReplicaServer(small, lambda: NOW) as other:
        assert one.url != other.url


def test_a_port_in_use_is_one_clear_line(small):
    with ReplicaServer(small, lambda: NOW) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}.*choose another port"):
            ReplicaServer(small, lambda: NOW, port=port).__enter__()


def test_a_number_that_is_no_port_is_refused():
    with pytest.raises(InputError, match="choose another port"):
        listen(70_000)
