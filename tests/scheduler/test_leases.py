"""A store is with one worker at a time, comes back from a dead one, and backs off when it fails."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import LeaseError, lease_stores, release_lease, renew_lease, take_back
from splitcart.database import transaction
from splitcart.database.models import Lease
from splitcart.errors import InputError
from splitcart.measures.clock import shifted_clock, system_clock
from tests.scheduler.world import World, hours


def renew(world: World, lease_id: int):
    with transaction(world.engine) as session:
        return renew_lease(session, lease_id, world.clock)


def test_a_lease_tells_the_worker_all_that_its_spider_needs(world: World) -> None:
    perth = world.cluster("Perth")
    store = world.store(
        perth, name="Perth City", state="WA", postcode="6000", retailer_store_id="77", latitude=-31.95, longitude=115.86
    )
    world.crawl(store, ago=90, rows=80)
    world.crawl(store, ago=80, rows=120, roots=["Dairy"])
    (lease,) = world.lease(5, worker="host-1")
    assert (lease.company, lease.store_id, lease.name, lease.state) == ("testmart", "S0001", "Perth City", "WA")
    assert (lease.postcode, lease.retailer_store_id) == ("6000", "77")
    assert (lease.latitude, lease.longitude) == (-31.95, 115.86)
    assert lease.expected_rows == {"Dairy": 120, "Produce": 80}
    assert lease.expires_at == world.now + timedelta(minutes=60)
    assert lease.categories is None
    assert lease.reason.startswith("outlier with the oldest data")
    row = world.lease_row(lease)
    assert (row.worker, row.mode, row.kind, row.cluster_id) == ("host-1", "optimization", "outlier", perth)


def test_a_store_that_is_out_is_not_handed_out_again(world: World) -> None:
    world.cluster("Perth", 3)
    stores = [lease.store_id for lease in world.lease(2) + world.lease(2)]
    assert len(stores) == len(set(stores)) == 3
    assert world.lease(1) == []


def test_a_dead_hosts_store_comes_back_when_its_lease_has_expired(world: World) -> None:
    world.cluster("Perth", 1)
    (first,) = world.lease()
    world.wait(0.9)
    assert world.lease() == []
    world.wait(0.2)
    (second,) = world.lease(worker="another host")
    assert second.store_id == first.store_id
    assert world.lease_row(first).outcome == "expired"
    with pytest.raises(LeaseError, match="ended \\(expired\\); stop this store"):
        renew(world, first.lease_id)


def test_a_lease_that_expires_while_stores_are_leased_stays_with_its_worker(embedded: World) -> None:
    embedded.cluster("Perth", 1)
    (first,) = embedded.lease()
    looks = iter([first.expires_at - hours(0.001), first.expires_at + hours(0.001)])
    with transaction(embedded.engine) as session:
        assert lease_stores(session, embedded.chain, "another", 1, lambda: next(looks), embedded.rng) == []


def test_a_heartbeat_keeps_the_store(world: World) -> None:
    world.cluster("Perth", 1)
    (lease,) = world.lease()
    for _ in range(5):
        world.wait(0.9)
        assert renew(world, lease.lease_id).expires_at == world.now + timedelta(minutes=60)
    assert world.lease() == []


def test_a_late_heartbeat_still_holds_while_nobody_else_has_the_store(embedded: World) -> None:
    embedded.cluster("Perth", 1)
    (lease,) = embedded.lease()
    embedded.wait(5)
    assert renew(embedded, lease.lease_id).store_id == lease.store_id
    assert embedded.lease() == []


def test_a_store_that_kills_its_worker_every_time_backs_off(embedded: World) -> None:
    embedded.cluster("Perth", 1)
    for _ in range(2):
        assert embedded.lease()
        embedded.wait(1.1)
    assert embedded.lease() == []
    embedded.wait(2)
    assert embedded.lease()


def test_a_late_answer_corrects_expired(embedded: World) -> None:
    embedded.cluster("Perth", 2)
    (lease,) = embedded.lease()
    embedded.wait(2)
    embedded.lease(5)
    embedded.release(lease, "finished")
    assert embedded.lease_row(lease).outcome == "finished"


def test_the_same_answer_twice_is_one_answer_but_another_is_refused(world: World) -> None:
    world.cluster("Perth", 1)
    (lease,) = world.lease()
    world.release(lease, "failed", "blocked")
    world.release(lease, "failed", "blocked")
    row = world.lease_row(lease)
    assert (row.outcome, row.failure_class, row.released_at) == ("failed", "blocked", world.now)
    with pytest.raises(LeaseError, match="has ended already \\(failed\\)"):
        world.release(lease, "finished")


def test_an_unknown_lease_or_outcome_is_refused(embedded: World) -> None:
    embedded.cluster("Perth", 1)
    (lease,) = embedded.lease()
    with pytest.raises(InputError, match="finished, partial, failed, not 'done'"):
        embedded.release(lease, "done")
    with pytest.raises(LeaseError, match="there is no lease 999"), transaction(embedded.engine) as session:
        release_lease(session, 999, "finished", None, embedded.clock)
    with pytest.raises(LeaseError, match="there is no lease 999"):
        renew(embedded, 999)


@pytest.mark.parametrize("worker", ["", "  ", "w" * 121])
def test_a_worker_without_a_name_that_can_be_kept_gets_nothing(world: World, worker: str) -> None:
    world.cluster("Perth", 1)
    with pytest.raises(InputError, match="is no name of 1 to 120 characters"):
        world.lease(worker=worker)
    (lease,) = world.lease(worker="w" * 120)
    with pytest.raises(InputError, match="longer than 40 characters; say it in a word"):
        world.release(lease, "failed", "because " * 6)
    world.release(lease, "failed", "b" * 40)


def test_a_finished_store_waits_for_its_file_and_is_not_crawled_twice(embedded: World) -> None:
    embedded.cluster("Perth", 1)
    (lease,) = embedded.lease()
    embedded.release(lease)
    assert embedded.lease() == []
    embedded.wait(20)
    assert embedded.lease() == []
    embedded.wait(10)  # the file never came
    assert embedded.lease()[0].reason.endswith("failed once, last: no complete category came of it")


def test_failures_back_off_two_four_eight_hours(embedded: World) -> None:
    embedded.cluster("Perth", 1)
    for pause in (2, 4, 8, 16):
        assert embedded.fail("blocked")
        embedded.wait(pause - 0.1)
        assert embedded.lease() == []
        embedded.wait(0.2)


@pytest.mark.parametrize("outcome", ["held", "renewed", "released a year late"])
def test_what_a_clock_wrote_that_was_a_year_ahead_keeps_no_store(world: World, outcome: str) -> None:
    world.cluster("Perth", 1)
    right = world.now
    if outcome == "held":
        world.wait(365 * 24)
    (lease,) = world.lease()
    world.now = right + timedelta(days=365)
    if outcome == "renewed":
        renew(world, lease.lease_id or 0)
    elif outcome == "released a year late":
        world.release(lease, "failed")
    world.now = right + hours(3)
    (again,) = world.lease()
    assert again.store_id == lease.store_id
    assert world.lease_row(lease).released_at is not None


def test_one_failing_store_does_not_hold_up_the_others(embedded: World) -> None:
    embedded.cluster("Perth", 4)
    failed = embedded.fail()
    assert failed is not None
    assert failed.store_id not in [lease.store_id for lease in embedded.lease(10)]


def test_after_five_failures_a_store_is_parked_listed_and_retried_every_week(world: World) -> None:
    perth = world.cluster("Perth", 1)
    for _ in range(5):
        assert world.fail("unknown_store")
        world.wait(33)
    with Session(world.engine) as session:
        roster = world.scheduler(session).roster
        assert [(store.store_id, store.last_failure) for store in roster.parked] == [("S0001", "unknown_store")]
        assert roster.clusters[perth].phase == "optimization"
    assert world.lease() == []
    world.wait(7 * 24 - 33)
    assert world.fail("unknown_store")
    world.wait(6 * 24)
    assert world.lease() == []
    world.wait(24)
    (lease,) = world.lease()
    world.wait(0.5)
    world.crawl(world.row_id(lease))
    world.release(lease)
    with Session(world.engine) as session:
        assert world.scheduler(session).roster.parked == []


def test_a_covered_store_that_fails_for_ever_is_tried_every_two_days(embedded: World) -> None:
    embedded.crawl(embedded.store(embedded.cluster("Perth")), ago=300)
    for _ in range(8):
        assert embedded.fail()
        embedded.wait(48)
    embedded.wait(1)
    assert embedded.fail()
    embedded.wait(47)
    assert embedded.lease() == []
    embedded.wait(1)
    assert embedded.fail()


def test_a_success_forgives_all_failures(embedded: World) -> None:
    embedded.crawl(embedded.store(embedded.cluster("Perth")), ago=300)
    for _ in range(4):
        embedded.fail()
        embedded.wait(40)
    assert embedded.lease_and_crawl()
    embedded.wait(25)
    assert embedded.fail()
    embedded.wait(2.1)
    assert embedded.lease()


def test_an_operator_takes_a_dead_hosts_stores_back(world: World) -> None:
    world.cluster("Perth", 4)
    mine, others = world.lease(2, worker="dead"), world.lease(1, worker="alive")
    with transaction(world.engine) as session:
        assert take_back(session, world.clock, worker="dead") == [lease.lease_id for lease in mine]
    with transaction(world.engine) as session:
        assert take_back(session, world.clock, lease_ids=[others[0].lease_id, 999]) == [others[0].lease_id]
    assert len(world.lease(10)) == 4


def test_the_schema_refuses_a_second_held_lease_of_a_store(world: World) -> None:
    store = world.store(world.cluster("Perth"))
    world.lease()
    again = {"leased_at": world.now, "expires_at": world.now + hours(1)}
    row = Lease(
        company_id=world.company_id, store_id=store, worker="rogue", mode="discovery", kind="target", reason="", **again
    )
    with pytest.raises(sa.exc.IntegrityError), transaction(world.engine) as session:
        session.add(row)


def test_real_time_is_the_databases_so_a_host_whose_clock_is_wrong_takes_nothing_back(
    postgres: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(postgres)
    world.cluster("Perth", 1)
    world.clock = system_clock
    (lease,) = world.lease()
    assert abs(lease.expires_at - datetime.now(UTC) - hours(1)) < timedelta(minutes=1)
    ahead = datetime.now(UTC) + hours(5)
    with monkeypatch.context() as patched:  # the interpreter of a host that lives five hours later
        patched.setattr("splitcart.measures.clock.datetime", type("Ahead", (), {"now": lambda zone: ahead}))
        assert system_clock() == ahead
        assert world.lease(worker="another") == []
    assert world.lease_row(lease).released_at is None
    world.clock = shifted_clock(ahead)  # a rehearsal's clock counts
    assert len(world.lease(worker="another")) == 1
