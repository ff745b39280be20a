"""The matrix of a company's price lists is, row by row, what each store's standing offers are."""

from datetime import timedelta

import numpy as np

from grouping.loading import read_matrix
from grouping.references import Step
from grouping.snapshots import read_catalogue
from splitcart.database import reading
from tests.grouping.factory import BASE, SmallChain, day, dearer

STORES = ["G001", "G002", "G003", "G004"]


def test_a_row_is_a_store_as_its_snapshot_has_it(engine):
    chain = SmallChain(engine, [*STORES, "G005"])
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G002", dearer(BASE, range(20)), day(0), was=dict.fromkeys(range(5), 900))
    chain.crawl("G003", BASE, day(0))  # dairy grows old
    chain.crawl("G003", {number: price for number, price in BASE.items() if number % 30}, day(5), roots=("pantry",))
    chain.crawl("G004", BASE, day(0), roots=("dairy", "produce"))
    with reading(engine) as session:
        catalogue = read_catalogue(session, chain.company_id)
        step = Step(session, chain.chain, chain.company_id, catalogue, day(6))
        silent = {chain.stores["G004"]: {chain.roots["produce"]}}
        store_ids = [chain.stores[name] for name in [*STORES, "G005"]]
        matrix = read_matrix(session, catalogue, store_ids, timedelta(hours=48), silent)
        assert matrix.store_ids == tuple(store_ids)
        for row, store_id in enumerate(store_ids[:-1]):
            snapshot = step.snapshots.of_store(store_id, silent.get(store_id, ()))
            mine, theirs = matrix.price_list(row), snapshot.prices
            assert (mine.price == theirs.price).all()
            assert (mine.regular == theirs.regular).all()
            assert (mine.complete == theirs.complete).all()
            assert matrix.known[row] == snapshot.whole.size
        assert (matrix.price[-1] == -1).all()
        assert matrix.known[-1] == 0
        assert np.flatnonzero(matrix.complete[2]).tolist() == [
            np.flatnonzero(catalogue.category_ids == chain.roots["pantry"])[0]
        ]


def test_a_chain_without_specials_has_no_second_matrix(engine):
    chain = SmallChain(engine, ["G001"])
    chain.crawl("G001", BASE, day(0))
    with reading(engine) as session:
        catalogue = read_catalogue(session, chain.company_id)
        matrix = read_matrix(session, catalogue, [chain.stores["G001"]], timedelta(hours=48))
    assert matrix.regular is None
    assert (matrix.price >= 0).all()
