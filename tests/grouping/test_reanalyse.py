"""Reanalysis: from the latest coverage alone to the groups that runs come to, as a difference to the present ones."""

import os
import sys

import pytest
import sqlalchemy as sa

from grouping.answering import answer_here, answer_on_dask
from grouping.reanalyse import reanalyse
from grouping.seed import seed
from splitcart.database import BusyError, only_one, transaction
from splitcart.database.models import Base, GeoCluster, Store
from splitcart.errors import FailedError
from tests.grouping.factory import BASE, SmallChain, day, dearer

STORES = [f"G{number:03d}" for number in range(1, 10)]
PRODUCE = dearer(BASE, range(20))
PANTRY = dearer(BASE, range(100, 200))
LISTS = [BASE, BASE, BASE, PRODUCE, PRODUCE, PRODUCE, PANTRY, PANTRY, dearer(BASE, range(200), by=77)]
TRUTH = {frozenset(STORES[:3]), frozenset(STORES[3:6]), frozenset(STORES[6:8])}
FLIPPED = dearer(BASE, range(0, 200, 3))


def crawled(engine, **settings):
    """Three lists, one of them other in produce only, that cut through two clusters; and a store that prices alone."""
    chain = SmallChain(engine, STORES, **settings)
    with transaction(engine) as session:
        for name, stores in (("Perth", STORES[1::2]), ("Bunbury", STORES[::2])):
            cluster = GeoCluster(company_id=chain.company_id, name=name, latitude=0, longitude=0, created_at=day(0))
            session.add(cluster)
            session.flush()
            for store_id in stores:
                session.get_one(Store, chain.stores[store_id]).cluster_id = cluster.id
    for position, (store_id, prices) in enumerate(zip(STORES, LISTS, strict=True)):
        chain.crawl(store_id, prices, day(0, position))
    return chain


def again(chain, at, **how):
    return reanalyse(chain.engine, chain.chain, lambda: at, **how)


def rows(engine):
    with transaction(engine) as session:
        return {table.name: session.execute(sa.select(table)).all() for table in Base.metadata.sorted_tables}


@pytest.mark.parametrize(
    ("dialect", "how"),
    [
        ("sqlite", "singletons"),
        ("sqlite", "geographic"),
        ("sqlite", "reanalysis"),
        ("sqlite", "geographic, then reanalysis"),
        ("postgres", "geographic, then reanalysis"),
    ],
)
def test_every_way_comes_to_the_same_groups(request, dialect, how):
    engine = request.getfixturevalue(dialect)
    chain = crawled(engine)
    if how.startswith("geographic"):
        seed(engine, chain.chain, "geographic", lambda: day(0, 11))
    if "reanalysis" in how:
        assert again(chain, day(0, 12), apply=True).changes
    else:
        chain.run(day(0, 12))
    assert chain.partition() == TRUTH
    assert not again(chain, day(0, 13), apply=True).changes
    chain.run(day(0, 14))
    assert chain.partition() == TRUTH


def test_what_is_shown_is_what_is_applied_and_nothing_is_changed_before(postgres):
    chain = crawled(postgres)
    kept = rows(postgres)
    shown = again(chain, day(0, 12))
    assert rows(postgres) == kept
    assert (shown.stores, shown.distinct_lists, shown.stars) == (9, 4, 3)
    assert set(map(frozenset, shown.founded.values())) == TRUTH
    assert shown.moved["G004"][0] is None
    applied = again(chain, day(0, 12), apply=True)
    assert {**applied.as_dict(), "applied": False} == shown.as_dict()
    assert [event.figures["moved"] for event in chain.events("reanalysed")] == [8]
    assert [event.verdict for event in chain.events("founded")] == ["confirmed"] * 8


def test_a_difference_keeps_what_is_right(sqlite):
    chain = crawled(sqlite)
    chain.run(day(0, 12))
    group, place = chain.group_of("G001"), chain.place("G001")
    chain.crawl("G008", PRODUCE, day(1))  # it changed its list, and no run has looked at it
    chain.crawl("G007", PANTRY, day(1))
    chain.crawl("G006", PRODUCE, day(1))
    report = again(chain, day(1, 12), apply=True)
    produce = chain.group_of("G004").name
    assert report.moved == {"G007": ("aldi G008", None), "G008": ("aldi G008", produce)}
    assert report.dissolved == ["aldi G008"]
    assert (chain.group_of("G001").id, chain.place("G001").id) == (group.id, place.id)
    assert [event.verdict for event in chain.events("ejected", "G008")] == ["rogue"]
    assert chain.partition() == {frozenset(STORES[:3]), frozenset([*STORES[3:6], "G008"])}


def test_a_weekly_change_moves_nobody(sqlite):
    chain = crawled(sqlite)
    chain.run(day(0, 12))
    chain.crawl("G001", FLIPPED, day(2))  # the list has changed; the Ambassador was not seen since
    report = again(chain, day(2, 6), apply=True)
    assert not report.changes
    assert report.undecided == ["G001"]
    assert chain.partition() == TRUTH


def test_crawls_before_and_after_join_what_time_separates_and_no_other_list(sqlite):
    chain = SmallChain(sqlite, STORES[:4])
    later = dearer(BASE, range(0, 200, 3), by=20)
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G001", FLIPPED, day(3))
    chain.crawl("G002", FLIPPED, day(4))  # a price list that nobody shows any more
    chain.crawl("G003", dearer(FLIPPED, range(1, 200, 3)), day(4))  # nor this, but what differs stood still
    chain.crawl("G001", later, day(8))
    chain.crawl("G004", later, day(8))
    assert again(chain, day(8, 12), apply=True).stars == 1
    assert chain.partition() == {frozenset({"G001", "G002", "G004"})}


def test_a_reanalysis_and_a_run_exclude_each_other(postgres):
    chain = SmallChain(postgres, STORES)
    with only_one(postgres, "group run of aldi"), pytest.raises(BusyError, match="another group run of aldi"):
        again(chain, day(0, 12))


def test_the_order_of_stores_in_the_database_does_not_matter(sqlite, tmp_path):
    from splitcart.database import open_database

    other = open_database(f"sqlite:///{tmp_path}/other.sqlite")
    chains = [crawled(sqlite), SmallChain(other, STORES[::-1])]
    for position, (store_id, prices) in enumerate(zip(STORES, LISTS, strict=True)):
        chains[1].crawl(store_id, prices, day(0, position))
    reports = [again(chain, day(0, 12), apply=True).as_dict() for chain in chains]
    assert reports[0] == reports[1]
    other.dispose()


def test_workers_of_a_dask_cluster_give_the_same_answer(sqlite, monkeypatch):
    from distributed import Client, LocalCluster

    chain = crawled(sqlite)
    here = again(chain, day(0, 12), answering=answer_here)
    with LocalCluster(
        n_workers=0, threads_per_worker=1, processes=True, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        with monkeypatch.context() as patch:
            patch.setattr("grouping.answering.CONNECT_SECONDS", 0.5)
            with pytest.raises(FailedError, match="has no workers; start: dask worker tcp"):
                again(chain, day(0, 12), answering=answer_on_dask(cluster.scheduler_address))
        cluster.scale(2)
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=30)
        there = again(chain, day(0, 12), answering=answer_on_dask(cluster.scheduler_address))
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            assert len({os.getpid(), *client.run(os.getpid).values()}) == 3
            assert any(client.run(lambda: "grouping.pair_loops" in sys.modules).values())
    assert there == here
