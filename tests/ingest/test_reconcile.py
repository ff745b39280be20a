"""Merging: whatever the proposals and their order, each group has one end, and it is the row that goes before."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from splitcart.database import open_database
from splitcart.database.models import MergeEvent, Product
from splitcart.ingest.matching.reconcile import ProductFacts, ProductReconciler, Proposal

AT = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = 8
facts = st.builds(
    ProductFacts,
    gtin=st.sampled_from([None, None, "1", "2"]),
    created_at=st.integers(0, 3).map(lambda day: AT + timedelta(days=day)),
    companies=st.sets(st.integers(1, 4), min_size=1, max_size=2).map(frozenset),
    first=st.tuples(st.sampled_from("abc"), st.sampled_from("abc")),
)
proposals = st.lists(
    st.tuples(st.integers(1, ROWS), st.integers(1, ROWS), st.sampled_from(["key", "fuzzy"]), st.integers(60, 100)),
    max_size=14,
    unique_by=lambda each: (frozenset(each[:2]), each[2]),
)


@pytest.fixture(scope="module")
def any_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('merging')}/any.db")
    yield engine
    engine.dispose()


def merged(session: Session, known: dict[int, ProductFacts], wanted: list[Proposal], undone: set[tuple[int, int]]):
    """Merge, and return what each row became."""
    session.execute(sa.delete(MergeEvent))
    session.execute(sa.delete(Product))
    session.add_all(Product(id=row, name=str(row), created_at=AT) for row in known)
    session.add_all(
        MergeEvent(kind="product", from_id=one, into_id=other, rule="key", score=1, moved=[], at=AT, undone_at=AT)
        for one, other in undone
    )
    session.flush()
    count = ProductReconciler(known).run(session, wanted, AT)
    session.flush()
    became = dict(session.execute(sa.select(Product.id, Product.merged_into_id)).all())
    assert count == sum(into is not None for into in became.values())
    return became


@settings(max_examples=150, deadline=None)
@given(
    known=st.lists(facts, min_size=ROWS, max_size=ROWS),
    wanted=proposals,
    undone=st.sets(st.tuples(st.integers(1, ROWS), st.integers(1, ROWS)), max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_chains_and_mutual_pairs_have_one_end_whatever_their_order(
    any_database: sa.Engine, known, wanted, undone, order
) -> None:
    rows = dict(enumerate(known, start=1))
    undone = {(one, other) for one, other in undone if one != other}
    listed = [
        Proposal(one, other, rule, score, 2 if rule == "key" else 1, tuple(sorted((one, other))))
        for one, other, rule, score in wanted
        if one != other
    ]
    mutual = [Proposal(each.other, each.one, each.rule, each.score, each.strength, each.order) for each in listed]
    with any_database.connect() as connection, Session(connection) as session:
        became = merged(session, rows, listed, undone)
        shuffled = listed + mutual
        order.shuffle(shuffled)
        assert merged(session, rows, shuffled, undone) == became
    rank = ProductReconciler(rows).rank
    groups: dict[int, set[int]] = {}
    for row, into in became.items():
        assert into is None or became[into] is None, "what others became is merged into nothing"
        groups.setdefault(into or row, set()).add(row)
    for end, group in groups.items():
        assert min(group, key=rank) == end
        assert len({rows[row].gtin for row in group} - {None}) <= 1
        assert not any({one, other} <= group for one, other in undone)
