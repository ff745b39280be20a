"""A run reads once what it needs; what crawls or the run itself change is read anew."""

import pytest
import sqlalchemy as sa

from grouping.references import Step
from grouping.shelf import MAX_KEPT, Shelf
from grouping.snapshots import read_catalogue
from splitcart.database import transaction
from splitcart.database.models import Crawl
from tests.grouping.factory import BASE, SmallChain, day, dearer

STORES = ["G001", "G002", "G003"]
NEWS = dearer(BASE, (3, 50))
LESS = {number: price for number, price in NEWS.items() if number != 150}


@pytest.fixture
def chain(engine):
    """Three stores with one list; the last one crawled is the Ambassador."""
    chain = SmallChain(engine, STORES)
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, BASE, day(0, position))
    chain.run(day(0, 12))
    with transaction(engine) as session:
        chain.catalogue = read_catalogue(session, chain.company_id)
    return chain


def looking(chain, shelf, look):
    """What a step of a run sees, of a shelf that earlier steps of it may have filled."""
    with transaction(chain.engine) as session:
        step = Step(session, chain.chain, chain.company_id, chain.catalogue, day(5), shelf=shelf)
        shelf.heed(session.scalar(sa.select(sa.func.max(Crawl.id))))
        return look(step.snapshots)


def test_a_list_is_what_it_was_at_any_instant_before_and_after_it_changed(chain):
    chain.crawl("G003", NEWS, day(2))
    chain.crawl("G003", LESS, day(4))
    group_id = chain.group_of("G001").id
    said = {}
    for at in (day(1), day(2), day(3), day(4, 1), day(5), None):
        prices = looking(chain, Shelf(), lambda seen, at=at: seen.of_list(group_id, day(6), at)).prices
        said[at] = {number: int(price) for number, price in zip(BASE, prices.price, strict=True) if price >= 0}
    assert said[day(1)] == BASE
    assert said[day(2)] == said[day(3)] == NEWS
    assert said[day(4, 1)] == said[day(5)] == said[None] == LESS


def test_what_a_crawl_changed_between_two_steps_is_seen_and_all_else_is_not_read_again(chain):
    shelf, group_id, store = Shelf(), chain.group_of("G001").id, chain.stores["G003"]

    def look(seen):
        return seen.of_list(group_id, day(5)).prices, seen.of_store(store).prices, seen.of_crawl(1).prices

    first, second = (looking(chain, shelf, look) for _ in range(2))
    assert all(before is after for before, after in zip(first, second, strict=True))
    chain.crawl("G003", NEWS, day(2))
    third = looking(chain, shelf, look)
    assert [int((after.price != before.price).sum()) for before, after in zip(first, third, strict=True)] == [2, 2, 0]
    assert third[2] is first[2]


def test_a_list_that_the_run_changed_is_read_anew(chain):
    shelf, group_id = Shelf(), chain.group_of("G001").id

    def forget(seen):
        before = seen.of_list(group_id, day(5)).prices
        seen.forget_list(group_id)
        return before, seen.of_list(group_id, day(5)).prices

    before, after = looking(chain, shelf, forget)
    assert before is not after


def test_the_shelf_keeps_the_latest_used():
    shelf, read = Shelf(), []

    def reading(row_ids):
        read.extend(row_ids)
        return {}

    for row_id in (*range(MAX_KEPT), 0, MAX_KEPT, 0, 1):
        shelf.find("crawl", None, [row_id], reading)
    assert read == [*range(MAX_KEPT + 1), 1]


def test_what_is_asked_for_each_group_by_itself_is_little(sqlite):
    """A check writes some twenty times; its candidates, crawls and members are read for many groups at once."""
    lists = {f"G0{group}": {number: price + 500 * group for number, price in BASE.items()} for group in range(5)}
    chain = SmallChain(sqlite, [group + place for group in lists for place in "123"])
    first, *others = lists
    counts = []
    for at, groups in enumerate([lists, [first], others]):
        for group in groups:
            for hour, place in enumerate("123" if at == 0 else "12"):
                chain.crawl(group + place, dearer(lists[group], (at,)), day(at, hour))
        counts.append(statements_of_a_run(chain, day(at, 12)))
        assert len(chain.partition()) == len(lists)
    assert len(chain.events("voted")) == len(lists)
    assert counts[2] - counts[1] <= 30 * (len(others) - 1)


def statements_of_a_run(chain, at):
    executed = []

    def note(*statement):
        executed.append(statement)

    sa.event.listen(chain.engine, "before_cursor_execute", note)
    chain.run(at)
    sa.event.remove(chain.engine, "before_cursor_execute", note)
    return len(executed)
