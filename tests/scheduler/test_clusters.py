"""Clusters are stored with their stores, keep their identity, and the rest is listed."""

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import read_clusters, update_clusters
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
    embedded.change(Store, stores[0], latitude=-20)
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
