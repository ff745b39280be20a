"""Discovery finishes one cluster after the other and keeps an eye on the rest."""

from dataclasses import replace
from random import Random

import msgspec
import pytest

from splitcart.database.models import Store
from splitcart.errors import InputError
from tests.scheduler.world import CHAIN, World


def places(world: World, entries) -> list[int | None]:
    return [entry.cluster_id for entry in entries]


def test_every_fifth_entry_of_one_long_queue_comes_from_outside_the_largest_cluster(world: World) -> None:
    perth, bunbury = world.cluster("Perth", 30), world.cluster("Bunbury", 8)
    world.store(None)
    queue = world.queue("discovery", limit=30)
    assert [entry.cluster_id == perth for entry in queue] == [True, True, True, True, False] * 6
    assert {entry.cluster_id for entry in queue} <= {perth, bunbury, None}
    assert len({entry.store for entry in queue}) == 30


def test_the_pattern_goes_on_over_thirty_leases_of_one_store_by_several_hosts(world: World) -> None:
    perth = world.cluster("Perth", 30)
    world.cluster("Bunbury", 8)
    taken = [world.lease(1, worker=f"host-{number % 3}")[0] for number in range(30)]
    inside = [world.lease_row(lease).cluster_id == perth for lease in taken]
    assert inside == [True, True, True, True, False] * 6


def test_the_pattern_goes_on_between_batches_of_uneven_size(embedded: World) -> None:
    perth = embedded.cluster("Perth", 30)
    embedded.cluster("Bunbury", 8)
    taken = [lease for size in (3, 1, 7, 2, 12) for lease in embedded.lease(size)]
    inside = [embedded.lease_row(lease).cluster_id == perth for lease in taken]
    assert inside == [True, True, True, True, False] * 5


def test_an_exhausted_target_gives_way_to_the_next_largest_cluster(embedded: World) -> None:
    perth, bunbury, albany = embedded.cluster("Perth", 6), embedded.cluster("Bunbury", 4), embedded.cluster("Albany", 3)
    embedded.crawl(*embedded.stores_of(perth))
    queue = embedded.queue("discovery")
    assert places(embedded, queue) == [bunbury, bunbury, bunbury, bunbury, albany, albany, albany]


def test_the_target_is_the_largest_by_all_its_stores_not_by_the_unscraped_ones(embedded: World) -> None:
    perth, bunbury = embedded.cluster("Perth", 6), embedded.cluster("Bunbury", 4)
    embedded.crawl(*sorted(embedded.stores_of(perth))[:5])
    assert places(embedded, embedded.queue("discovery", limit=3)) == [perth, bunbury, bunbury]


def test_when_only_isolated_stores_are_left_they_are_the_queue(world: World) -> None:
    isolated, nowhere = world.store(None), world.store(None, latitude=None, longitude=None)
    queue = world.queue("discovery")
    assert {entry.store for entry in queue} == {isolated, nowhere}
    assert {entry.store: "no coordinates" in entry.reason for entry in queue} == {isolated: False, nowhere: True}


def test_when_everything_is_covered_nothing_is_left_to_discover(embedded: World) -> None:
    embedded.crawl(*embedded.stores_of(embedded.cluster("Perth", 3)))
    assert embedded.queue("discovery") == []


def test_a_company_without_stores_gives_an_empty_queue(embedded: World) -> None:
    assert embedded.queue("discovery") == embedded.queue() == embedded.lease(3) == []


def test_a_company_that_nobody_stored_yet_gives_an_empty_queue(embedded: World) -> None:
    embedded.chain = msgspec.structs.replace(CHAIN, slug="unheard-of")
    assert embedded.queue() == embedded.lease(3) == []


def test_closed_stores_and_other_divisions_are_left_out(world: World) -> None:
    supermarket, bottle_shop = world.division("Supermarkets"), world.division("Bottle shops")
    world.chain = msgspec.structs.replace(CHAIN, divisions_kept=["Supermarkets"])
    kept = world.store(division_id=supermarket)
    world.store(division_id=bottle_shop)
    world.store(division_id=None)
    world.store(division_id=supermarket, is_active=False)
    assert [entry.store for entry in world.queue()] == [kept]


def test_a_store_whose_id_is_not_of_the_chains_form_is_never_handed_out(embedded: World) -> None:
    perth = embedded.cluster("Perth", 1)
    embedded.store(perth, store_id="???")
    assert [entry.store_id for entry in embedded.queue()] == ["S0001"]
    embedded.crawl(*embedded.stores_of(perth))
    assert embedded.queue("discovery") == []


def test_the_same_seed_gives_the_same_queue(embedded: World) -> None:
    embedded.cluster("Perth", 20)
    embedded.cluster("Bunbury", 15)
    embedded.rng = Random(3)
    first = embedded.queue("discovery", limit=25)
    embedded.rng = Random(3)
    assert embedded.queue("discovery", limit=25) == first
    embedded.rng = Random(4)
    assert embedded.queue("discovery", limit=25) != first


def test_a_cluster_can_be_named_and_gets_no_stores_from_elsewhere(embedded: World) -> None:
    embedded.cluster("Perth", 9)
    coast = embedded.cluster("Gold Coast", 6)
    assert places(embedded, embedded.queue("discovery", cluster="gold-coast")) == [coast] * 6
    assert places(embedded, embedded.queue("discovery", cluster="Gold Coast")) == [coast] * 6
    with pytest.raises(InputError, match="no cluster 'sydney'; known: gold-coast, perth"):
        embedded.queue("discovery", cluster="sydney")


def test_leases_for_a_named_cluster_do_not_move_the_pattern_of_the_others(embedded: World) -> None:
    perth = embedded.cluster("Perth", 9)
    embedded.cluster("Gold Coast", 6)
    embedded.lease(3)
    embedded.lease(3, cluster="gold-coast")
    assert [embedded.lease_row(lease).cluster_id == perth for lease in embedded.lease(2)] == [True, False]


def test_the_reason_says_how_far_the_cluster_is(embedded: World) -> None:
    embedded.cluster("Perth", 3)
    embedded.cluster("Bunbury", 2)
    queue = embedded.queue("discovery", limit=5)
    assert queue[0].reason == "discovery of Perth: 3 of 3 stores unscraped"
    assert queue[3].reason == "discovery of Bunbury: 2 of 2 stores unscraped"
    assert replace(queue[0], reason="").mode == "discovery"


def test_a_partial_crawl_that_completed_one_category_counts_as_covered(embedded: World) -> None:
    store = embedded.store(embedded.cluster("Perth"))
    embedded.crawl(store, roots=["Dairy"])
    assert embedded.queue("discovery") == []


def test_a_store_that_joins_later_reopens_discovery_of_its_cluster(world: World) -> None:
    perth = world.cluster("Perth", 3)
    world.crawl(*world.stores_of(perth))
    new = world.store(perth)
    assert [entry.store for entry in world.queue("discovery")] == [new]
    world.change(Store, new, is_active=False)
    assert world.queue("discovery") == []


@pytest.mark.parametrize(("limit", "got"), [(0, 0), (1, 1), (6, 6), (7, 7), (8, 7), (1000, 7)])
def test_a_queue_is_as_long_as_asked_or_as_the_supply(embedded: World, limit: int, got: int) -> None:
    embedded.cluster("Perth", 4)
    embedded.cluster("Bunbury", 2)
    embedded.store(None)
    assert len({entry.store for entry in embedded.queue("discovery", limit=limit)}) == got


def test_parked_stores_make_no_cluster_the_target_but_come_up_from_outside_it(world: World) -> None:
    """The largest cluster is through but for stores that never answer: they must not hold up the next one."""
    perth, bunbury = world.cluster("Perth", 6), world.cluster("Bunbury", 5)
    covered, parked = sorted(world.stores_of(perth))[:3], sorted(world.stores_of(perth))[3:]
    world.crawl(*covered)
    world.park(*parked)
    assert [(entry.kind, entry.cluster_id) for entry in world.queue("discovery")] == [("target", bunbury)] * 5
    world.wait(8 * 24)
    queue = world.queue("discovery")
    assert [entry.kind for entry in queue] == ["target"] * 4 + ["outside", "target", "retry", "retry"]
    assert {entry.store for entry in queue if entry.kind != "target"} == set(parked)
    assert all("failed 5 times, last: unknown_store" in entry.reason for entry in queue if entry.store in parked)


def test_when_only_parked_stores_are_left_the_queue_is_empty_until_they_are_due(embedded: World) -> None:
    embedded.park(*embedded.stores_of(embedded.cluster("Perth", 2)))
    assert embedded.queue() == []
    embedded.wait(8 * 24)
    assert [entry.kind for entry in embedded.queue()] == ["retry", "retry"]
