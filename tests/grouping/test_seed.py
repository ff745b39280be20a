"""Seeding by cluster and without groups; both come to the same partition."""

import pytest

from grouping.seed import seed
from splitcart.database import transaction
from splitcart.database.models import GeoCluster, Store
from splitcart.errors import InputError
from tests.grouping.factory import BASE, SmallChain, day, dearer

PLACES = {"Perth": ["G001", "G002", "G003", "G004"], "Bunbury": ["G005", "G006", "G007"], "Albany": ["G008"]}
REGIONAL = dearer(BASE, range(20))
LISTS = {"G003": REGIONAL, "G004": REGIONAL, "G007": REGIONAL}


def clustered(engine):
    """Three clusters; two lists that cut through them; one store of Bunbury and all of Albany not covered."""
    chain = SmallChain(engine, [store_id for stores in PLACES.values() for store_id in stores])
    with transaction(engine) as session:
        for name, stores in PLACES.items():
            cluster = GeoCluster(company_id=chain.company_id, name=name, latitude=0, longitude=0, created_at=day(0))
            session.add(cluster)
            session.flush()
            for store_id in stores:
                session.get_one(Store, chain.stores[store_id]).cluster_id = cluster.id
    for position, store_id in enumerate([*PLACES["Perth"], "G005", "G007"]):
        chain.crawl(store_id, LISTS.get(store_id, BASE), day(0, position))
    return chain


def test_a_cluster_becomes_one_group_and_its_baseline_is_compared_at_once(engine):
    chain = clustered(engine)
    report = seed(engine, chain.chain, "geographic", lambda: day(0, 12))
    assert report.confirmed == {"aldi G004": ["G003", "G004"], "aldi G007": ["G007"]}
    assert report.left_out == {"aldi G004": ["G001", "G002"], "aldi G007": ["G005"]}
    assert report.unconfirmed == {"aldi G004": [], "aldi G007": ["G006"]}
    assert report.uncovered_clusters == ["Albany"]
    assert chain.place("G006").confirmed_at is None
    assert chain.ambassador("G003") == "G004"


def test_a_mismatch_out_of_the_window_waits_as_a_candidate(engine):
    chain = clustered(engine)
    chain.crawl("G004", REGIONAL, day(6))
    seed(engine, chain.chain, "geographic", lambda: day(6, 12))
    assert chain.run(day(6, 13)).groups[1].pending == ["G001", "G002"]


def test_both_seeds_come_to_the_same_groups(engine, tmp_path):
    chain = clustered(engine)
    seed(engine, chain.chain, "geographic", lambda: day(0, 12))
    chain.run(day(0, 13))
    geographic = {frozenset(stores - {"G006"}) for stores in chain.partition()}
    assert geographic == {frozenset({"G001", "G002", "G005"}), frozenset({"G003", "G004", "G007"})}


def test_singletons_come_to_these_groups_too(engine):
    chain = clustered(engine)
    seed(engine, chain.chain, "singletons", lambda: day(0, 12))
    assert chain.partition() == set()
    chain.run(day(0, 13))
    assert chain.partition() == {frozenset({"G001", "G002", "G005"}), frozenset({"G003", "G004", "G007"})}


def test_a_seed_over_standing_groups_is_refused(engine):
    chain = clustered(engine)
    seed(engine, chain.chain, "geographic", lambda: day(0, 12))
    with pytest.raises(InputError, match="aldi has 2 groups already"):
        seed(engine, chain.chain, "singletons", lambda: day(0, 12))


def test_without_clusters_there_is_no_geographic_seed(engine):
    chain = SmallChain(engine, ["G001"])
    with pytest.raises(InputError, match="generate clusters"):
        seed(engine, chain.chain, "geographic", lambda: day(0, 12))
