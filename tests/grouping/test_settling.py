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


def audit(chain, crawl_id):
    """What ingestion noted when it compared a crawl with what had been believed."""
    with transaction(chain.engine) as session:
        return session.scalars(sa.select(InferenceAudit).where(InferenceAudit.crawl_id == crawl_id)).one()


def test_what_the_list_says_next_was_only_late(chain):
    crawl_id = chain.crawl("G001", dearer(BASE, {7}) | {8: 50}, day(1), was=BASE)
    assert (audit(chain, crawl_id).compared, audit(chain, crawl_id).equal) == (200, 198)
    assert chain.run(day(1, 2)).audits_settled == 0
    chain.crawl("G001", dearer(BASE, {7}), day(2))
    chain.crawl("G002", dearer(BASE, {7}), day(2, 2))
    assert chain.run(day(2, 4)).audits_settled == 2  # this one and the second voice's
    settled = audit(chain, crawl_id)
    assert (settled.stale, settled.deviating, settled.mismatches) == (1, 1, None)
    assert settled.settled_at == day(2, 4)
    assert chain.run(day(2, 5)).audits_settled == 0


def test_what_left_the_shelf_with_the_list_was_late_too(chain):
    gone = {number: price for number, price in BASE.items() if number != 7}
    crawl_id = chain.crawl("G001", gone, day(1))
    chain.run(day(1, 2))
    chain.crawl("G001", gone, day(2))
    chain.crawl("G002", gone, day(2, 2))
    chain.run(day(2, 4))
    assert (audit(chain, crawl_id).stale, audit(chain, crawl_id).deviating) == (1, 0)
