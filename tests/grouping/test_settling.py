"""Audits: late or deviating."""

import pytest
import sqlalchemy as sa

from splitcart.database import transaction
from splitcart.database.models import InferenceAudit
from tests.grouping.factory import BASE, SmallChain, day, dearer


@pytest.fixture
def chain(engine):
    chain = SmallChain(engine, ["G001", "G002", "G003"])
    for position, store_id in enumerate(chain.stores):
        chain.crawl(store_id, BASE, day(0, position))
    chain.run(day(0, 12))
    return chain


def audited(chain, store_id, crawl_id, wrong):
    """What ingestion leaves of a crawl whose observed prices ``wrong`` (by number) were not as believed."""
    with transaction(chain.engine) as session:
        session.add(
            InferenceAudit(
                store_id=chain.stores[store_id],
                group_id=chain.group_of(store_id).id,
                crawl_id=crawl_id,
                compared=200,
                equal=200 - len(wrong),
                inferred_compared=200,
                inferred_equal=200 - len(wrong),
                mismatches=[[chain.skus[number], price] for number, price in wrong.items()],
                audited_at=day(1),
            )
        )


def audit(chain):
    with transaction(chain.engine) as session:
        return session.scalars(sa.select(InferenceAudit)).one()


def test_what_the_list_says_next_was_only_late(chain):
    shown = dearer(BASE, {7, 8})
    crawl_id = chain.crawl("G001", shown, day(1))
    audited(chain, "G001", crawl_id, {7: shown[7], 8: shown[8]})
    assert chain.run(day(1, 2)).audits_settled == 0
    chain.crawl("G001", dearer(BASE, {7}), day(2))
    chain.crawl("G002", dearer(BASE, {7}), day(2, 2))
    assert chain.run(day(2, 4)).audits_settled == 1
    settled = audit(chain)
    assert (settled.stale, settled.deviating, settled.mismatches) == (1, 1, None)
    assert settled.settled_at == day(2, 4)
    assert chain.run(day(2, 5)).audits_settled == 0


def test_what_left_the_shelf_with_the_list_was_late_too(chain):
    gone = {number: price for number, price in BASE.items() if number != 7}
    crawl_id = chain.crawl("G001", gone, day(1))
    audited(chain, "G001", crawl_id, {7: None})
    chain.run(day(1, 2))
    chain.crawl("G001", gone, day(2))
    chain.crawl("G002", gone, day(2, 2))
    chain.run(day(2, 4))
    assert (audit(chain).stale, audit(chain).deviating) == (1, 0)
