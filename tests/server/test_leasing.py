"""Stores are lent over HTTP exactly as the scheduler lends them."""

import pytest
import requests

from splitcart.config import Settings
from splitcart.database import transaction
from splitcart.database.models import Company, Lease, Store
from splitcart.errors import FailedError
from splitcart.server import BackgroundServer
from splitcart.transfer import Client, HttpStores, LeaseLostError, TransferError
from tests.server.conftest import KEY


@pytest.fixture
def stores(server, engine):
    """A store source of a chain with two stores that nobody has scraped."""
    with transaction(engine) as session:
        company = Company(slug="aldi", name="ALDI")
        session.add(company)
        session.flush()
        session.add_all(
            Store(company_id=company.id, store_id=store_id, name=store_id, latitude=-27.5, longitude=153.1, state="QLD")
            for store_id in ("G102", "G103")
        )
    with Client(server.url, KEY, attempts=1) as client:
        yield HttpStores(Settings(), "aldi", "den", client=client)


def test_stores_are_lent_prolonged_and_given_back(stores, engine):
    first, second = stores.next_store(), stores.next_store()
    assert {first.store_id, second.store_id} == {"G102", "G103"}
    assert first.reason
    assert first.state == "QLD"
    assert stores.next_store() is None
    expires_at = first.expires_at
    stores.heartbeat(first)
    assert first.expires_at >= expires_at
    stores.release(first, "finished", None)
    stores.release(second, "failed", "blocked")
    with transaction(engine) as session:
        outcomes = {lease.id: (lease.outcome, lease.failure_class) for lease in session.query(Lease)}
    assert outcomes == {first.lease_id: ("finished", None), second.lease_id: ("failed", "blocked")}


def test_a_lease_that_ended_is_lost(stores):
    lease = stores.next_store()
    stores.release(lease, "finished", None)
    stores.release(lease, "finished", None)  # the first answer may have been lost
    with pytest.raises(LeaseLostError):
        stores.heartbeat(lease)
    with pytest.raises(LeaseLostError):
        stores.release(lease, "failed", "blocked")


def test_wrong_requests_are_told_what_is_wrong(stores, server):
    def post(path: str, body: dict, key: str = KEY) -> requests.Response:
        return requests.post(f"{server.url}/api/schedule/{path}", json=body, headers={"X-API-Key": key}, timeout=20)

    lease_id = stores.next_store().lease_id
    cases = [
        (post("lease/", {"company": "aldi", "worker": "den"}, key="wrong"), 401, "not known"),
        (post("lease/", {"company": "tesco", "worker": "den"}), 422, "known: aldi"),
        (post("lease/", {"company": "aldi", "worker": "den", "cluster": "atlantis"}), 422, "atlantis"),
        (post("lease/", {"company": "aldi"}), 422, "worker"),
        (post("lease/", {"company": "aldi", "worker": "den", "limit": 1000}), 422, "limit"),
        (post(f"leases/{lease_id}/release/", {"outcome": "vanished"}), 422, "vanished"),
        (post("leases/9999/heartbeat/", {}), 409, "9999"),
        (post(f"leases/{2**63}/heartbeat/", {}), 422, "lease_id"),
    ]
    for response, status, word in cases:
        assert (response.status_code, word) == (status, word), response.text
        assert response.headers["Content-Type"] == "application/problem+json"
        assert word in response.json()["detail"]


def test_an_unknown_company_stops_the_spider_with_one_line(server):
    with Client(server.url, KEY, attempts=1) as client, pytest.raises(TransferError, match="unknown company 'tesco'"):
        HttpStores(Settings(), "tesco", "den", client=client).next_store()


def test_a_port_that_is_taken_is_told_in_one_line(server):
    with pytest.raises(FailedError, match=f"cannot listen on 127.0.0.1 port {server.port}"):
        BackgroundServer(None, port=server.port)
