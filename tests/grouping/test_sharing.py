"""Groups whose lists are one in a category share its news; and all lists can be made again from the log."""

import sqlalchemy as sa

from grouping.offers import list_history_table, list_table
from grouping.rebuilding import rebuild_lists
from splitcart.database import transaction
from tests.grouping.factory import BASE, SmallChain, day, dearer

WEST, SOUTH = ["G001", "G002", "G003"], ["G011", "G012", "G013"]
REGIONAL = dearer(BASE, range(0, 40, 3))  # another region's produce, and nothing else
PANTRY = {100, 101}


def two_regions(engine, without=None):
    chain = SmallChain(engine, [*WEST, *SOUTH])
    for position, (west, south) in enumerate(zip(WEST, SOUTH, strict=True)):
        for store_id, prices in ((west, BASE), (south, REGIONAL)):
            shelf = {number: price for number, price in prices.items() if number != without}
            chain.crawl(store_id, shelf, day(0, position))
    chain.run(day(0, 12))
    assert chain.partition() == {frozenset(WEST), frozenset(SOUTH)}
    return chain


def test_news_of_a_category_reaches_the_group_whose_list_is_the_same_there(engine):
    chain = two_regions(engine)
    chain.crawl(
        "G003", {number: price for number, price in dearer(BASE, PANTRY | {1}).items() if number != 150}, day(1)
    )
    assert chain.run(day(1, 2)).lines_shared == 3
    expected = dearer(REGIONAL, PANTRY)
    del expected[150]
    assert chain.listed("G011") == expected, "what changed and left in pantry, and not the other region's produce"
    assert chain.run(day(1, 4)).lines_shared == 0


def test_an_arrival_that_no_member_shows_is_taken_back(engine):
    """The two lists were one in pantry, and part: what the one takes in the other never had."""
    chain = two_regions(engine, without=150)
    chain.crawl("G003", BASE, day(1))
    chain.run(day(1, 2))
    assert chain.listed("G011")[150] == BASE[150]
    chain.crawl("G013", {number: price for number, price in REGIONAL.items() if number != 150}, day(2))
    assert 150 not in chain.listed("G011")
    assert chain.listed("G001")[150] == BASE[150]


def test_a_line_that_said_something_else_before_is_not_shared(engine):
    chain = two_regions(engine)
    chain.crawl("G013", dearer(REGIONAL, {100}, by=33), day(1))
    chain.crawl("G003", dearer(BASE, {100}), day(1, 6))
    chain.run(day(1, 8))
    assert chain.listed("G001")[100] == BASE[100] + 10
    assert chain.listed("G011")[100] == BASE[100] + 33


def test_lists_are_made_again_from_crawls_and_decisions(engine):
    """Founded, news of Ambassadors, a promoted store's own, a vote, what was shared, and departures and arrivals."""
    chain = two_regions(engine)
    fewer = {number: price for number, price in BASE.items() if number not in {5, 120}}
    chain.crawl("G003", fewer, day(1))
    chain.run(day(1, 2))
    chain.crawl("G001", dearer(fewer, {7}), day(2, 6))
    chain.run(day(2, 8))
    chain.crawl("G002", dearer(BASE, {7, 60, 61, 62}), day(3))
    chain.crawl("G003", dearer(BASE, {7, 60, 61, 62}), day(3, 1))
    chain.crawl("G013", dearer(REGIONAL, {150}), day(3, 1))
    chain.run(day(3, 4))
    before, after, decisions = made_again(chain)
    kinds = {kind for kind in ("listed", "news", "voted", "shared") if chain.events(kind)}
    assert kinds == {"listed", "news", "voted", "shared"}
    assert decisions == sum(len(chain.events(kind)) for kind in kinds)
    assert len(before[1]) > 8
    assert after == before


def test_an_outcasts_word_is_taken_back_wherever_it_was_told(engine):
    chain = two_regions(engine)
    told = {100, 101, 102}
    chain.crawl("G001", dearer(BASE, {*range(40, 52), *told}), day(1))
    chain.run(day(1, 2))
    assert told <= {number for number, price in chain.listed("G011").items() if price != REGIONAL[number]}
    chain.crawl("G002", BASE, day(1, 20))
    assert chain.run(day(1, 22)).groups[0].ejected == ["G001"]
    assert (chain.listed("G002"), chain.listed("G011")) == (BASE, REGIONAL)
    assert chain.group_of("G001") is None


def test_what_was_taken_back_is_made_again_so(engine):
    """An arrival that another group told, and the word of an outcast whose crawl was left open."""
    chain = two_regions(engine, without=150)
    chain.crawl("G003", BASE, day(1))
    chain.run(day(1, 2))
    chain.crawl("G013", {number: price for number, price in REGIONAL.items() if number != 150}, day(2))
    chain.crawl("G001", dearer(BASE, range(40, 52)) | {60: 999}, day(2, 6))
    chain.run(day(2, 8))
    assert chain.listed("G003")[60] == 999
    chain.crawl("G002", BASE, day(2, 20))
    assert chain.run(day(2, 22)).groups[0].ejected == ["G001"]
    taken_back = [(event.figures["skus"], event.figures["arrived"]) for event in chain.events("withdrawn")]
    told = sorted(chain.skus[number] for number in {*range(40, 52), 60})
    assert taken_back == [([], [chain.skus[150]]), (told, []), (told, [])], "in both lists"
    before, after, _ = made_again(chain)
    assert after == before


def made_again(chain):
    """The rows of all lists before and after they were made again, and from how many decisions."""
    with transaction(chain.engine) as session:
        before = [session.execute(rows(table)).all() for table in (list_table, list_history_table)]
        decisions = rebuild_lists(session, chain.company_id)
        session.flush()
        after = [session.execute(rows(table)).all() for table in (list_table, list_history_table)]
    return before, after, decisions


def rows(table):
    return sa.select(table).order_by(*table.primary_key.columns)
