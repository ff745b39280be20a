"""Stores come over HTTP as the scheduler lent them."""

import msgspec
import pytest

from splitcart.config import Settings
from splitcart.errors import FailedError, InputError
from splitcart.measures.lease import StoreLease, StoreSource
from splitcart.transfer import HttpStores, LeaseLostError, TransferError
from tests.transfer.conftest import NOON


@pytest.fixture
def stores(client):
    return HttpStores(Settings(), "aldi", "den", cluster="perth", client=client)


@pytest.fixture
def lease():
    return StoreLease(
        company="aldi",
        store_id="G102",
        reason="never scraped",
        lease_id=7,
        expected_rows={"Dairy": 40},
        expires_at=NOON,
    )


def test_it_is_a_store_source(stores):
    assert isinstance(stores, StoreSource)


def test_a_store_comes_with_all_that_a_crawl_needs_to_know(stores, script, answer, lease):
    script.answers = [answer(200, msgspec.json.encode({"leases": [lease]}))]
    assert stores.next_store() == lease
    (asked,) = script.asked
    assert asked.path == "/api/schedule/lease/"
    assert msgspec.json.decode(asked.body) == {"company": "aldi", "worker": "den", "limit": 1, "cluster": "perth"}


def test_no_store_is_none(stores, script, answer):
    script.answers = [answer(200, b'{"leases":[]}')]
    assert stores.next_store() is None


def test_a_heartbeat_moves_the_end_of_the_lease(stores, script, answer, lease):
    script.answers = [answer(200, msgspec.json.encode(lease).replace(b"T12:", b"T13:"))]
    stores.heartbeat(lease)
    assert lease.expires_at.hour == 13
    assert script.asked[0].path == "/api/schedule/leases/7/heartbeat/"


def test_a_store_is_given_back_with_its_outcome(stores, script, answer, lease):
    script.answers = [answer(200)]
    stores.release(lease, "failed", "blocked")
    (asked,) = script.asked
    assert asked.path == "/api/schedule/leases/7/release/"
    assert msgspec.json.decode(asked.body) == {"outcome": "failed", "failure_class": "blocked"}


def test_a_store_that_the_user_named_is_nobodys_business(stores, script):
    named = StoreLease(company="aldi", store_id="G102", reason="named")
    stores.heartbeat(named)
    stores.release(named, "finished", None)
    assert script.asked == []


def test_a_lost_lease_is_told_at_once(stores, script, answer, lease):
    script.answers = [answer(409, b'{"detail":"lease 7 ended (expired)"}')]
    for call in (lambda: stores.heartbeat(lease), lambda: stores.release(lease, "finished", None)):
        with pytest.raises(LeaseLostError, match="lease 7 ended"):
            call()
    assert len(script.asked) == 2
    assert issubclass(LeaseLostError, FailedError)


def test_an_answer_that_is_not_understood_is_an_error(stores, script, answer):
    script.answers = [answer(200, b"<html>")]
    with pytest.raises(TransferError, match="not understood"):
        stores.next_store()


def test_missing_settings_are_named():
    with pytest.raises(InputError, match="API_SERVER_URL"):
        HttpStores(Settings(), "aldi", "den")
