"""Clusters are stored with their stores, keep their identity, and the rest is listed."""

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import ScrapeScheduler, read_clusters, update_clusters
from splitcart.database import transaction
from splitcart.database.models import GeoCluster, Store
from splitcart.errors import InputError
from tests.scheduler.world import CHAIN, World

PERTH, ALBANY = (-31.95, 115.86), (-35.02, 117.88)


def settle(world: World, city: tuple[float, float], count: int, **facts) -> list[int]:
    return [world.store(None, latitude=city[0] + n / 200, longitude=city[1], **facts) for n in range(count)]


def update(world: World):
    with transaction(world.engine) as session:
        return update_clusters(session, world.chain, world.clock)


def ids(world: World) -> dict[str, int]:
    with Session(world.engine) as session:
        active = sa.select(GeoCluster).where(GeoCluster.is_active.is_(True))
        return {row.name: row.id for row in session.scalars(active)}


def test_active_stores_of_kept_divisions_are_clustered_and_the_rest_is_listed(world: World) -> None:
    kept, other = world.division("Supermarkets"), world.division("Petrol")
    world.chain = msgspec.structs.replace(CHAIN, divisions_kept=["Supermarkets"])
    perth = settle(world, PERTH, 4, division_id=kept)
    lonely = settle(world, ALBANY, 1, division_id=kept, name="Albany")
    broken = world.store(None, division_id=kept, latitude=0, longitude=0)
    petrol = settle(world, PERTH, 2, division_id=other)
    closed = settle(world, PERTH, 1, division_id=kept, is_active=False)
    report = update(world)
    assert {name: len(stores) for name, stores in report.clusters.items()} == {"Perth": 4}
    assert report.created == ["Perth"]
    assert [store.name for store in report.isolated] == ["Albany"]
    assert [(store.store_id, reason) for store, reason in report.invalid] == [("S0006", "coordinates are (0, 0)")]
    cluster_id = ids(world)["Perth"]
    assert world.stores_of(cluster_id) == set(perth)
    assert world.stores_of(None) == {*lonely, broken, *petrol, *closed}


def test_a_second_run_changes_nothing(world: World) -> None:
    settle(world, PERTH, 4)
    settle(world, ALBANY, 3)
    update(world)
    before = ids(world)
    report = update(world)
    assert ids(world) == before
    assert (report.created, report.ended) == ([], [])
    assert set(before) == {"Perth", "Albany"}


def test_a_cluster_keeps_id_and_name_while_stores_come_and_go(embedded: World) -> None:
    stores = settle(embedded, PERTH, 5)
    update(embedded)
    cluster_id = ids(embedded)["Perth"]
    embedded.change(Store, stores[0], is_active=False)
    new = settle(embedded, (PERTH[0] - 0.1, PERTH[1]), 3)
    update(embedded)
    assert ids(embedded) == {"Perth": cluster_id}
    assert embedded.stores_of(cluster_id) == {*stores[1:], *new}


def test_a_cluster_whose_stores_scatter_ends_and_its_stores_are_isolated(embedded: World) -> None:
    stores = settle(embedded, PERTH, 3)
    update(embedded)
    cluster_id = ids(embedded)["Perth"]
    embedded.change(Store, stores[0], latitude=-33)
    report = update(embedded)
    assert report.ended == ["Perth"]
    assert ids(embedded) == {}
    assert embedded.stores_of(cluster_id) == set()
    assert len(report.isolated) == 3


def test_reading_gives_what_was_written(world: World) -> None:
    settle(world, PERTH, 4)
    settle(world, ALBANY, 2)
    world.store(None, latitude=None, longitude=None)
    written = update(world)
    with Session(world.engine) as session:
        read = read_clusters(session, world.chain, world.clock)
    assert (read.clusters, read.isolated, read.invalid) == (written.clusters, written.isolated, written.invalid)
    assert read.at == world.now


def test_a_chain_without_stores_is_told_what_to_run(world: World) -> None:
    with pytest.raises(InputError, match="run: scrapy crawl testmart_stores, then: splitcart update stores"):
        update(world)


def test_the_divisions_that_are_kept_are_clustered_apart(embedded: World) -> None:
    shops, bars = embedded.division("Supermarkets"), embedded.division("Cellars")
    embedded.chain = msgspec.structs.replace(CHAIN, divisions_kept=["Supermarkets", "Cellars"])
    settle(embedded, PERTH, 4, division_id=shops)
    settle(embedded, PERTH, 3, division_id=bars)
    report = update(embedded)
    assert sizes(report) == {"Perth Supermarkets": 4, "Perth Cellars": 3}


def test_a_position_in_another_state_than_the_address_is_listed(embedded: World) -> None:
    settle(embedded, PERTH, 4, postcode="6000")
    embedded.store(None, latitude=PERTH[0], longitude=PERTH[1], state="QLD", postcode="4000")
    report = update(embedded)
    assert [reason for _, reason in report.invalid] == ["in WA, while its postcode 4000 is in QLD"]


def cut(world: World, crawls_a_day: int):
    with transaction(world.engine) as session:
        return update_clusters(session, world.chain, world.clock, crawls_a_day)


def sizes(report) -> dict[str, int]:
    return {name: len(stores) for name, stores in report.clusters.items()}


def test_a_cluster_too_large_for_one_window_is_cut_into_pieces_that_discovery_targets(world: World) -> None:
    settle(world, PERTH, 20)  # from south to north
    settle(world, ALBANY, 4)
    report = cut(world, 16)  # 48 hours, four of five of discovery's half: 12 stores
    assert sizes(report) == {"Perth south": 10, "Perth north": 10, "Albany": 4}
    assert report.rule == "3 or more stores within 25 km, large ones cut"
    with Session(world.engine) as session:
        entry = ScrapeScheduler(session, world.chain, world.clock, world.rng).get_queue(1)[0]
    assert entry.cluster_id == ids(world)["Perth south"]
    assert entry.reason == "discovery of Perth south: 10 of 10 stores unscraped"


def test_pieces_keep_their_ids_and_names_while_most_of_their_stores_remain(world: World) -> None:
    stores = settle(world, PERTH, 20)
    cut(world, 16)
    before = ids(world)
    settle(world, (PERTH[0] + 0.101, PERTH[1]), 3)
    world.change(Store, stores[0], is_active=False)
    report = cut(world, 16)
    assert (report.created, report.ended, report.renamed) == ([], [], {})
    assert ids(world) == before
    assert sizes(report) == {"Perth south": 11, "Perth north": 11}


def test_what_was_cut_can_be_put_together_and_is_named_so(embedded: World) -> None:
    settle(embedded, PERTH, 21)
    embedded.chain = msgspec.structs.replace(CHAIN, crawls_a_day=16)
    assert sizes(update(embedded)) == {"Perth south": 11, "Perth north": 10}
    pieces = ids(embedded)
    report = cut(embedded, 0)
    assert ids(embedded) == {"Perth": pieces["Perth south"]}
    assert (report.renamed, report.ended) == ({"Perth": "Perth south"}, ["Perth north"])
    report = cut(embedded, 16)
    assert (report.renamed, report.created) == ({"Perth south": "Perth"}, ["Perth north"])


def test_a_capacity_that_no_comparison_could_live_on_is_refused(embedded: World) -> None:
    settle(embedded, PERTH, 4)
    with pytest.raises(InputError, match=r"testmart: with 1 crawls a day one window of 48 h holds 0 stores of a clust"):
        cut(embedded, 1)
