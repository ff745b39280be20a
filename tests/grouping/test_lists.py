"""Group lists: what founds them, what is news, and what is not."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from grouping import Offer
from grouping.lists import BEFORE_ALL, ListLine, News, apply_news, read_list
from grouping.rebuilding import rebuild_lists
from grouping.voting import Sight, vote
from splitcart.database import transaction
from splitcart.database.models import Crawl, GroupEvent, GroupPriceHistory
from tests.grouping.factory import BASE, SmallChain, day, dearer

AT = datetime(2026, 3, 4, tzinfo=UTC)
OLD, NEW, OTHER = Offer(100), Offer(200), Offer(300)
LINE = ListLine(OLD, AT, BEFORE_ALL, None, 1)


def sight(store: int, offer: Offer | None, hours: float = 1, *, saw_begin: bool = True) -> dict[int, Sight]:
    at = AT + timedelta(hours=hours)
    return {7: Sight(store, offer, at, saw_begin, at, store)}


@pytest.mark.parametrize(
    ("ballots", "offer"),
    [
        ([sight(1, NEW), sight(2, NEW)], NEW),
        ([sight(1, NEW), sight(2, OLD)], "kept"),
        ([sight(1, NEW)], "kept"),
        ([sight(1, NEW), sight(2, NEW), sight(3, OTHER)], NEW),
        ([sight(1, NEW), sight(2, NEW), sight(3, OLD), sight(4, OLD)], "kept"),
        ([sight(1, None), sight(2, None)], None),
        ([sight(1, NEW, -2), sight(2, NEW, -1)], "kept"),
    ],
    ids=["two agree", "a tie keeps", "one voice", "most", "two and two", "gone", "looked before the list changed"],
)
def test_a_change_needs_two_voices_and_more_than_any_other(ballots, offer) -> None:
    news = vote({7: LINE}, ballots)
    assert [item.offer for item in news] == ([] if offer == "kept" else [offer])


def test_what_the_list_lacks_is_an_arrival_only_if_someone_saw_it_arrive() -> None:
    (standing,) = vote({}, [sight(1, NEW, saw_begin=False), sight(2, NEW, saw_begin=False)])
    assert standing.at == BEFORE_ALL
    (arrived,) = vote({}, [sight(1, NEW, saw_begin=False), sight(2, NEW, 3)])
    assert arrived.at == AT + timedelta(hours=3)


STORES = ["G001", "G002", "G003"]


@pytest.fixture
def chain(engine):
    """Three stores with one list; the last one crawled is the Ambassador."""
    chain = SmallChain(engine, STORES)
    for position, store_id in enumerate(STORES):
        prices = BASE | ({7: 1} if store_id == "G001" else {})  # a clearance of its own
        chain.crawl(store_id, prices, day(0, position))
    chain.run(day(0, 12))
    assert chain.ambassador("G001") == "G003"
    return chain


def cheaper(skus):
    """Some skus at half their price."""
    return {number: price // 2 if number in skus else price for number, price in BASE.items()}


def lines(chain):
    with transaction(chain.engine) as session:
        return read_list(session, chain.group_of("G003").id)


def made_again(chain):
    """The lines as crawls and decisions make them."""
    with transaction(chain.engine) as session:
        rebuild_lists(session, chain.company_id)
    return lines(chain)


def news_events(chain, kind):
    with transaction(chain.engine) as session:
        events = session.scalars(sa.select(GroupEvent).where(GroupEvent.kind == kind).order_by(GroupEvent.id))
        return [event.figures["lines"] for event in events]


def test_what_the_founders_found_standing_is_news_to_nobody(chain) -> None:
    assert {line.changed_at for line in lines(chain).values()} == {BEFORE_ALL}
    assert lines(chain)[chain.skus[7]].offer.price_cents == BASE[7]


def test_the_ambassadors_change_is_news_and_closes_an_interval(chain) -> None:
    chain.crawl("G003", dearer(BASE, {7, 8}), day(1))
    assert {number for number, price in chain.listed("G003").items() if price != BASE[number]} == {7, 8}
    with transaction(chain.engine) as session:
        closed = session.scalars(sa.select(GroupPriceHistory)).all()
    assert {(row.since, row.until, row.reason) for row in closed} == {(BEFORE_ALL, day(1), "changed")}


def test_of_a_list_only_what_was_asked_is_read_however_much_that_is(chain, monkeypatch) -> None:
    """Else a list that is made again takes over whole what another one shared with it."""
    asked = {chain.skus[number] for number in (1, 2, 3)}
    monkeypatch.setattr("grouping.lists.MAX_ASKED", len(asked))
    with transaction(chain.engine) as session:
        assert read_list(session, chain.group_of("G003").id, asked).keys() == asked


def test_another_stores_change_is_no_news(chain) -> None:
    chain.crawl("G001", dearer(BASE, {8}), day(1))
    assert chain.listed("G003") == BASE


def test_a_large_change_of_one_store_waits_for_a_second(chain) -> None:
    changed = dearer(BASE, set(range(20)))
    chain.crawl("G003", changed, day(1))
    assert (chain.listed("G003"), news_events(chain, "news")) == (changed, [20])
    chain.crawl("G003", dearer(changed, set(range(40, 61))), day(1, 12))
    assert (chain.listed("G003"), news_events(chain, "news_waiting")) == (changed, [21])


def test_what_is_large_is_told_by_the_categories_that_the_crawl_saw(chain) -> None:
    chain.crawl("G003", dearer(BASE, set(range(10))), day(1), roots=("produce",))
    assert (chain.listed("G003"), news_events(chain, "news_waiting")) == (BASE, [10])


def test_an_ambassador_that_stands_apart_from_its_list_tells_it_nothing_more(chain) -> None:
    """Its large news waits; so does the small news of the list that it moved to."""
    moved = dearer(BASE, set(range(0, 200, 5)))
    chain.crawl("G003", moved, day(1))
    chain.crawl("G003", dearer(moved, {41, 42, 43}), day(1, 12))
    assert (chain.listed("G003"), news_events(chain, "news_waiting")) == (BASE, [40, 3])


def test_what_another_list_has_said_for_long_is_no_news(engine) -> None:
    """Two lists differ in eight of two hundred prices, and the Ambassador of the one shows the other's."""
    others = ["G011", "G012"]
    chain = SmallChain(engine, [*STORES, *others], category_min_shared=4)
    near = dearer(BASE, set(range(8)), by=50)
    for position, store_id in enumerate([*STORES, *others]):
        chain.crawl(store_id, near if store_id in others else BASE, day(0, position))
    chain.run(day(0, 12))
    assert chain.partition() == {frozenset(STORES), frozenset(others)}
    chain.crawl("G003", near, day(1))
    assert (chain.listed("G003"), news_events(chain, "news_waiting")) == (BASE, [8])


def test_a_markdown_between_change_times_may_be_local_and_waits(chain) -> None:
    chain.crawl("G003", BASE | {7: 50, 8: 300}, day(1), was={7: BASE[7]})
    assert chain.listed("G003") == BASE | {8: 300}
    chain.crawl("G003", BASE | {8: 300, 9: 50}, day(2, 6), was={9: BASE[9]})  # Wednesday
    assert chain.listed("G003") == BASE | {8: 300, 9: 50}


def test_a_markdown_that_another_member_does_not_show_is_taken_back(chain) -> None:
    chain.crawl("G003", cheaper({7, 8}), day(2, 6), was=BASE)
    assert chain.listed("G003") == cheaper({7, 8})
    chain.crawl("G001", cheaper({8}), day(2, 12), was=BASE)
    chain.run(day(2, 14))
    assert chain.listed("G003") == cheaper({7, 8}), "it may not have been rolled out there"
    chain.crawl("G002", cheaper({8}), day(3), was=BASE)
    chain.run(day(3, 2))
    assert chain.listed("G003") == cheaper({8})


def test_a_member_that_has_the_other_new_prices_contradicts_a_markdown_at_once(chain) -> None:
    chain.crawl("G003", cheaper({7, 8, 9, 10}), day(2, 4), was=BASE)
    chain.crawl("G002", cheaper({8, 9, 10}), day(2, 6), was=BASE)
    chain.run(day(2, 8))
    assert chain.listed("G003") == cheaper({8, 9, 10})


def test_a_markdown_that_comes_after_the_new_prices_is_a_clearance(chain) -> None:
    """Another store told the list the prices of the change time, and no markdown of 7."""
    group, told = chain.group_of("G003").id, cheaper({8, 9, 10})
    with transaction(chain.engine) as session:
        crawl = session.scalar(sa.select(Crawl.id).order_by(Crawl.id))
        offers = {number: Offer(told[number], was_cents=BASE[number]) for number in (8, 9, 10)}
        news = [News(chain.skus[number], offer, day(2, 4), crawl) for number, offer in offers.items()]
        assert apply_news(session, group, news) == 3
    chain.crawl("G003", cheaper({7, 8, 9, 10}), day(2, 6), was=BASE)
    assert chain.listed("G003") == told


def test_prices_of_a_change_time_are_in_until_they_are_rolled_out(chain) -> None:
    """The Ambassador was crawled on Wednesday morning before it had the new prices."""
    chain.crawl("G003", BASE, day(2))
    chain.crawl("G003", cheaper(range(30)), day(3), was=BASE)
    assert news_events(chain, "news") == [30]


def test_a_change_time_lets_many_promotions_in_but_not_a_whole_new_list(chain) -> None:
    chain.crawl("G003", cheaper(range(30)), day(2, 6), was=BASE)  # Wednesday: 15 % of the list
    assert news_events(chain, "news") == [30]
    chain.crawl("G003", cheaper(range(30, 130)), day(9, 6), was=BASE)  # a week later: 50 %
    assert news_events(chain, "news_waiting") == [130]


def test_regular_prices_of_another_list_wait_even_across_a_change_time(chain) -> None:
    """The Ambassador moved on a Wednesday; an eighth of its prices are others now, without any promotion."""
    chain.crawl("G003", dearer(BASE, set(range(0, 200, 8))), day(2, 6))
    assert (chain.listed("G003"), news_events(chain, "news_waiting")) == (BASE, [25])


def test_a_members_crawl_without_a_verdict_tells_its_news(chain) -> None:
    """G001 shows a change before the Ambassador was seen again; the list follows it, and so proves nothing about it."""
    changed = dearer(BASE, set(range(40, 52)))
    chain.crawl("G001", changed, day(1))
    chain.run(day(1, 2))
    assert chain.listed("G003") == changed
    chain.run(day(1, 4))
    assert [event.verdict for event in chain.events("verdict", "G001")] == []
    chain.crawl("G003", changed, day(1, 12))
    chain.run(day(1, 14))
    assert [event.verdict for event in chain.events("verdict", "G001")] == ["confirmed"]


def test_nor_does_the_list_prove_the_next_crawl_of_the_store_that_told_it(chain) -> None:
    """G001 moved to a list that no group has, and is seen twice before anyone else."""
    moved = dearer(BASE, set(range(40, 52)))
    chain.crawl("G001", moved, day(1))
    chain.run(day(1, 2))
    chain.crawl("G001", moved, day(1, 12))
    chain.run(day(1, 14))
    assert (chain.events("verdict", "G001"), chain.ambassador("G001")) == ([], "G003")


def test_a_crawl_of_one_department_lends_no_proof_to_a_list(chain) -> None:
    """The Ambassador's later crawl shows produce alone; what G001 told of pantry it cannot prove."""
    chain.crawl("G003", BASE, day(0, 23), roots=("produce",))
    chain.crawl("G001", dearer(BASE, set(range(100, 110))), day(3))
    chain.run(day(3, 2))
    assert chain.listed("G003") != BASE
    chain.crawl("G003", BASE, day(3, 6), roots=("produce",))
    chain.run(day(3, 8))
    assert chain.events("verdict", "G001") == []


def test_an_outcasts_word_is_taken_back(chain) -> None:
    """Nobody else shows the news of G001; one other voice is enough, where two would be needed to change a line."""
    chain.crawl("G001", dearer(BASE, set(range(40, 52))) | {60: 999}, day(1))
    chain.run(day(1, 2))
    assert chain.listed("G003") == dearer(BASE, set(range(40, 52))) | {60: 999}
    chain.crawl("G002", BASE, day(1, 20))
    chain.run(day(1, 22))
    assert (chain.events("voted"), [event.figures["lines"] for event in chain.events("withdrawn")]) == ([], [13])
    assert [event.verdict for event in chain.events("verdict", "G001")] == ["rogue"]
    assert frozenset({"G002", "G003"}) in chain.partition()
    assert chain.listed("G003") == BASE


def test_a_crawl_that_contradicts_a_markdown_and_convicts_an_outcast_is_in_the_log_for_both(chain) -> None:
    """G003 shows neither the markdown nor the pantry of G001, and G002 confirms it in the other departments."""
    told = dearer(BASE, set(range(40, 50)) | {100, 101, 102}) | {150: 60}
    chain.crawl("G001", told, day(2, 6), was={150: BASE[150]})
    chain.run(day(2, 8))
    assert chain.listed("G003") == told
    chain.crawl("G003", BASE, day(3))
    chain.run(day(3, 2))
    chain.crawl("G002", BASE, day(3, 4), roots=("produce", "dairy"))
    chain.run(day(3, 6))
    assert [event.figures["lines"] for event in chain.events("withdrawn")] == [1, 3]
    assert lines(chain) == made_again(chain)
    assert chain.listed("G003") == BASE


def test_an_outcasts_word_is_taken_back_whole_however_often_it_told_it(chain) -> None:
    told = set(range(40, 50)) | {100, 101, 102}
    chain.crawl("G001", dearer(BASE, told), day(1))
    chain.run(day(1, 2))
    chain.crawl("G001", dearer(BASE, told | {103}, by=20), day(1, 14))
    chain.run(day(1, 16))
    assert chain.listed("G003") == dearer(BASE, told | {103}, by=20)
    chain.crawl("G003", BASE, day(2, 8))
    chain.run(day(2, 10))
    chain.crawl("G002", BASE, day(2, 12), roots=("produce", "dairy"))
    chain.run(day(2, 14))
    assert lines(chain) == made_again(chain)
    assert chain.listed("G003") == BASE


def test_only_what_the_list_does_not_say_already_counts_as_a_change(chain) -> None:
    shown = dearer(BASE, set(range(20)))
    group = chain.group_of("G003").id
    with transaction(chain.engine) as session:
        crawl = session.scalar(sa.select(Crawl.id).order_by(Crawl.id))
        told = [News(chain.skus[number], Offer(shown[number]), day(1), crawl) for number in range(20)]
        assert apply_news(session, group, told) == 20
    chain.crawl("G003", dearer(shown, {150}), day(1, 6))
    assert (news_events(chain, "news_waiting"), news_events(chain, "news")) == ([], [1])
    assert chain.listed("G003") == dearer(shown, {150})


def test_the_first_look_at_a_category_is_no_news(engine) -> None:
    """The Ambassador had never covered pantry; a clearance there must not reach its group."""
    chain = SmallChain(engine, STORES)
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G002", BASE, day(0, 1))
    chain.crawl("G003", BASE, day(0, 2), roots=("produce", "dairy"))
    chain.run(day(0, 12))
    assert chain.group_of("G003") is not None
    with transaction(engine) as session:
        group = session.merge(chain.group_of("G003"))
        group.ambassador_id = chain.stores["G003"]
    chain.crawl("G003", BASE | {150: 1}, day(1))
    assert chain.listed("G001")[150] == BASE[150]
