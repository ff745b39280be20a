"""A spider on the same machine takes its stores straight from the database."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
import sqlalchemy as sa

from scheduler import DatabaseStores, LeaseError
from splitcart.config import get_chain, get_settings
from splitcart.errors import InputError
from splitcart.measures.lease import StoreLease, StoreSource
from tests.scheduler.world import World


@pytest.fixture
def aldi(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three stores of a real chain in the database that the settings name."""
    monkeypatch.setenv("SPLITCART_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    get_settings.cache_clear()
    world = World(engine, chain=get_chain("aldi"))
    world.cluster("Perth", 3)
    return world


@pytest.fixture
def source(aldi: World):
    stores = DatabaseStores(get_settings(), "aldi", "host-1", rng=Random(1))
    yield stores
    stores.close()


def test_stores_come_one_after_the_other_until_none_is_due(source: DatabaseStores) -> None:
    assert isinstance(source, StoreSource)
    leases = [source.next_store() for _ in range(4)]
    assert leases[3] is None
    assert len({lease.store_id for lease in leases if lease}) == 3
    assert leases[0] is not None
    assert leases[0].company == "aldi"


def test_a_heartbeat_moves_the_lease_and_a_release_ends_it(source: DatabaseStores, aldi: World) -> None:
    lease = source.next_store()
    assert lease is not None
    before = lease.expires_at
    source.heartbeat(lease)
    assert lease.expires_at >= before
    source.release(lease, "failed", "blocked")
    row = aldi.lease_row(lease)
    assert (row.worker, row.outcome, row.failure_class) == ("host-1", "failed", "blocked")
    with pytest.raises(LeaseError, match="stop this store"):
        source.heartbeat(lease)


def test_a_store_that_the_user_named_needs_no_lease(source: DatabaseStores) -> None:
    named = StoreLease(company="aldi", store_id="G123", reason="named")
    source.heartbeat(named)
    source.release(named, "finished", None)
    assert named.expires_at is None


def test_calls_from_several_threads_give_different_stores(source: DatabaseStores) -> None:
    with ThreadPoolExecutor(4) as pool:
        leases = list(pool.map(lambda _: source.next_store(), range(6)))
    assert sorted(lease.store_id for lease in leases if lease) == ["G001", "G002", "G003"]


def test_an_unknown_company_or_cluster_is_refused(aldi: World) -> None:
    with pytest.raises(InputError, match="unknown company 'lidl'"):
        DatabaseStores(get_settings(), "lidl", "host-1")
    stores = DatabaseStores(get_settings(), "aldi", "host-1", cluster="sydney")
    with pytest.raises(InputError, match="no cluster 'sydney'; known: perth"):
        stores.next_store()
    stores.close()
