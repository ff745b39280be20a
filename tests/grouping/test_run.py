"""Whole runs on small chains: time against place, ejection, re-homing, merging, dissolution."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouping.run import run_groups
from grouping.seed import seed
from splitcart.database import BusyError, DatabaseError, only_one, transaction
from splitcart.database.locks import lock_company
from splitcart.database.models import Base, Candidate, PriceEvent, Store, StoreGroup
from splitcart.errors import InputError
from tests.grouping.factory import BASE, ROOTS, SmallChain, day, dearer

STORES = ["G001", "G002", "G003", "G004"]
FLIPPED = dearer(BASE, range(0, 200, 3))
ELSEWHERE = dearer(BASE, range(50, 150))
PANTRY = dearer(BASE, ROOTS["pantry"])
SOME = ("dairy", "pantry")
REGIONAL = dearer(BASE, range(20))  # another region's produce


def grouped(engine, stores=STORES, prices=BASE, at=0, **settings):
    """A chain whose stores were crawled one after the other and grouped."""
    chain = SmallChain(engine, [*stores, "G008", "G009"], **settings)
    for position, store_id in enumerate(stores):
        chain.crawl(store_id, prices, day(at, position))
    chain.run(day(at, 12))
    return chain


def test_stores_with_one_list_found_a_group_with_the_freshest_as_ambassador(engine):
    chain = grouped(engine)
    assert chain.partition() == {frozenset(STORES)}
    assert chain.ambassador("G001") == "G004"
    assert chain.listed("G001") == BASE
    assert chain.group_of("G001").status == "HEALTHY"
    assert all(chain.place(store_id).confirmed_at == day(0, position + 1) for position, store_id in enumerate(STORES))


def test_produce_of_another_region_makes_another_group(engine):
    chain = SmallChain(engine, STORES)
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, REGIONAL if position % 2 else BASE, day(0, position))
    chain.run(day(0, 12))
    assert chain.partition() == {frozenset({"G001", "G003"}), frozenset({"G002", "G004"})}


def test_stores_that_price_alone_stay_outliers(engine):
    chain = SmallChain(engine, STORES)
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, dearer(BASE, range(200), by=position), day(0, position))
    report = chain.run(day(0, 12))
    assert chain.partition() == set()
    assert report.founded == {}


def test_a_store_crawled_later_joins_the_group_that_it_matches(engine):
    chain = grouped(engine)
    chain.crawl("G009", BASE, day(1))
    report = chain.run(day(1, 2))
    assert report.joined == {"G009": "aldi G004"}
    assert chain.place("G009").confirmed_at == day(1, 1)


def everything(engine):
    """All that grouping keeps, row by row."""
    with transaction(engine) as session:
        return {table.name: session.execute(sa.select(table)).all() for table in Base.metadata.sorted_tables}


def test_a_second_run_changes_and_logs_nothing(engine):
    chain = grouped(engine)
    movers(chain, "G001", between=["G002"])
    chain.crawl("G003", FLIPPED, day(5, 1))
    for at in (day(0, 13), day(5, 4)):
        chain.run(at)
        kept = everything(engine)
        report = chain.run(at + timedelta(minutes=5))
        assert everything(engine) == kept
        assert (report.joined, report.founded, report.merged, report.outliers) == ({}, {}, {}, [])


def test_a_crawl_that_comes_in_during_a_run_is_placed_by_it_or_by_the_next(sqlite):
    late = [f"G1{number:02d}" for number in range(12)]
    chain = SmallChain(sqlite, [*STORES, *late])
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, BASE, day(0, position))
    for number, store_id in enumerate(late):
        steps = iter([None] * number + [store_id])

        def clock(steps=steps):
            """Each step of the run asks for the time; before one of them the crawl comes in."""
            if comes_in := next(steps, None):
                chain.crawl(comes_in, BASE, day(0, 8))
            return day(0, 12)

        run_groups(sqlite, chain.chain, clock)
        if any(steps):
            return  # the run has fewer steps
        chain.run(day(0, 12))
        assert chain.place(store_id) is not None


def test_a_run_waits_for_the_ingesters_of_its_company(postgres):
    chain = grouped(postgres)
    hasty = sa.create_engine(postgres.url, connect_args={"options": "-c lock_timeout=100"})
    with transaction(postgres) as ingester:
        lock_company(ingester, chain.company_id, alone=False)
        with pytest.raises(DatabaseError, match="another command held a lock"):
            run_groups(hasty, chain.chain, lambda: day(1))
        with pytest.raises(DatabaseError, match="another command held a lock"):
            seed(hasty, chain.chain, "singletons", lambda: day(1))
    run_groups(hasty, chain.chain, lambda: day(1))
    hasty.dispose()


def test_a_confirmed_candidate_becomes_ambassador_and_its_standing_deviation_is_no_news(engine):
    chain = SmallChain(engine, STORES)
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, dearer(BASE, {7} if store_id == "G001" else ()), day(0, position))
    chain.run(day(0, 12))
    chain.crawl("G001", dearer(BASE, {7}), day(1))
    report = chain.run(day(1, 2))
    assert report.groups[0].confirmed_matches == ["G001"]
    assert chain.ambassador("G001") == "G001"
    assert chain.listed("G001")[7] == BASE[7]
    assert chain.place("G001").confirmed_at == day(1, 1)
    with transaction(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Candidate)) == 0


def test_two_confirmed_crawls_bring_the_same_news_and_the_new_ambassador_its_own(engine):
    chain = grouped(engine)
    chain.crawl("G001", dearer(BASE, {7, 150}), day(1))
    chain.crawl("G002", dearer(BASE, {7, 8}), day(1, 2))
    assert chain.run(day(1, 4)).groups[0].news == 2
    assert chain.ambassador("G001") == "G002"
    assert chain.listed("G001") == dearer(BASE, {7, 8})


def test_a_promoted_store_that_may_be_late_does_not_take_news_back(engine):
    """The list changed in the morning; the new Ambassador shows a third price, which it may have had before that."""
    chain = grouped(engine)
    chain.crawl("G004", dearer(BASE, {7}), day(1))
    chain.crawl("G001", BASE | {7: 1}, day(1, 6))
    chain.run(day(1, 8))
    assert chain.ambassador("G001") == "G001"
    assert chain.listed("G001") == dearer(BASE, {7})


def test_a_weekly_flip_is_time_and_nobody_is_ejected(engine):
    """The candidate shows Wednesday's prices, the Ambassador was last seen on Tuesday."""
    chain = grouped(engine, at=1)
    chain.crawl("G001", FLIPPED, day(2, 10))
    report = chain.run(day(2, 12))
    assert report.groups[0].pending == ["G001"]
    assert report.groups[0].status == "HEALTHY"
    chain.crawl("G004", FLIPPED, day(3))
    report = chain.run(day(3, 2))
    assert report.groups[0].confirmed_matches == ["G001"]
    assert chain.partition() == {frozenset(STORES)}
    assert chain.listed("G001") == FLIPPED
    assert chain.events("ejected") == []


def test_an_after_crawl_that_clears_a_candidate_teaches_when_prices_change(engine):
    chain = grouped(engine, at=1, window_hours=12.0)
    chain.crawl("G001", FLIPPED, day(2, 10))
    chain.run(day(2, 12))
    chain.crawl("G004", FLIPPED, day(3))
    chain.run(day(3, 2))
    with transaction(engine) as session:
        event = session.scalars(sa.select(PriceEvent)).one()
    assert (event.observed_from, event.observed_to) == (day(1, 4), day(2, 10))
    assert event.share_changed == pytest.approx(0.335, abs=0.01)


def rolled_out_to(chain, *, first, changed):
    """A change of prices between two crawls of the Ambassador that show none of it, an hour after the first of them."""
    chain.crawl("G004", BASE, day(first, 3))
    chain.crawl("G001", changed, day(first, 5))
    chain.crawl("G004", BASE, day(first, 7))
    return chain.run(day(first, 9)).groups[0]


def test_a_change_that_has_not_reached_every_store_is_no_other_place(engine):
    chain, changed = grouped(engine), dearer(BASE, range(60, 76))
    assert rolled_out_to(chain, first=2, changed=changed).pending == ["G001"]
    assert chain.place("G001").suspended_at is None
    chain.crawl("G004", changed, day(2, 20))
    report = chain.run(day(2, 22))
    assert (report.groups[0].confirmed_matches, report.groups[0].ejected) == (["G001"], [])
    assert chain.listed("G002") == changed


def test_what_only_one_store_shows_when_every_store_had_the_time_to_is_another_place(engine):
    chain = grouped(engine)
    chain.crawl("G004", BASE, day(1, 6))
    assert rolled_out_to(chain, first=2, changed=REGIONAL).pending == ["G001"]
    chain.crawl("G004", BASE, day(2, 20))
    assert chain.run(day(2, 22)).groups[0].potential_rogues == ["G001"]


def test_where_midnight_comes_hours_later_a_change_has_as_many_more_to_arrive(engine):
    """Perth is three hours behind Sydney: what is far enough for one state is not for the two."""
    chain = grouped(engine)
    with transaction(engine) as session:
        session.execute(sa.update(Store).where(Store.store_id != "G001").values(state="NSW"))
    chain.crawl("G004", BASE, day(1, 6))
    assert rolled_out_to(chain, first=2, changed=REGIONAL).pending == ["G001"]
    chain.crawl("G004", BASE, day(2, 19))
    assert chain.run(day(2, 21)).groups[0].pending == ["G001"]
    chain.crawl("G004", BASE, day(2, 22))
    assert chain.run(day(3)).groups[0].potential_rogues == ["G001"]


def test_more_than_a_list_changes_by_at_a_time_needs_no_waiting(engine):
    assert rolled_out_to(grouped(engine), first=2, changed=ELSEWHERE).potential_rogues == ["G001"]


def test_what_never_gets_an_after_crawl_expires(engine):
    chain = grouped(engine)
    chain.crawl("G001", FLIPPED, day(2))
    chain.run(day(2, 2))
    assert chain.run(day(12, 0)).groups[0].pending == ["G001"]
    report = chain.run(day(12, 2))
    assert report.groups[0].expired == ["G001"]
    assert report.groups[0].status == "AMBASSADOR_STALE"
    assert chain.partition() == {frozenset(STORES)}


def movers(chain, *store_ids, prices=ELSEWHERE, between=()):
    """Crawls of the Ambassador before and after crawls of stores that show another list; the day is 5."""
    chain.crawl(chain.ambassador("G001"), BASE, day(4))
    for position, store_id in enumerate(store_ids):
        chain.crawl(store_id, prices, day(4, 3 + position))
    for position, store_id in enumerate(between):
        chain.crawl(store_id, BASE, day(4, 8 + position))
    chain.crawl(chain.ambassador("G001"), BASE, day(5))


def test_a_store_that_changed_its_list_is_outcast_and_finds_its_new_group(engine):
    chain = grouped(engine)
    chain.crawl("G008", ELSEWHERE, day(0, 5))
    chain.crawl("G009", ELSEWHERE, day(0, 6))
    chain.run(day(0, 14))
    movers(chain, "G001", between=["G002"])
    report = chain.run(day(5, 2))
    assert report.groups[0].ejected == ["G001"]
    assert report.joined["G001"] == chain.group_of("G008").name
    assert chain.partition() == {frozenset({"G002", "G003", "G004"}), frozenset({"G001", "G008", "G009"})}
    assert report.outliers == []


def test_two_movers_found_a_group_of_their_own(engine):
    chain = grouped(engine)
    movers(chain, "G001", "G002", between=["G003"])
    report = chain.run(day(5, 2))
    assert report.founded == {"aldi G002": ["G001", "G002"]}
    assert chain.partition() == {frozenset({"G001", "G002"}), frozenset({"G003", "G004"})}


def test_a_mover_that_nobody_matches_is_an_outlier(engine):
    chain = grouped(engine)
    movers(chain, "G001", between=["G002"])
    assert chain.run(day(5, 2)).outliers == ["G001"]
    assert chain.place("G001") is None


def test_a_rogue_in_one_category_keeps_its_group_with_an_exception(engine):
    chain = grouped(engine)
    movers(chain, "G001", prices=REGIONAL, between=["G002"])
    report = chain.run(day(5, 2))
    assert report.excepted == {"G001": chain.group_of("G002").name}
    assert chain.partition() == {frozenset(STORES)}
    assert chain.events("excepted", "G001")[0].figures["excepted"] == [chain.roots["produce"]]


def test_a_store_with_exceptions_is_confirmed_by_the_rest_and_never_promoted(engine):
    chain = grouped(engine)
    movers(chain, "G001", prices=REGIONAL, between=["G002"])
    chain.run(day(5, 2))
    chain.crawl("G001", REGIONAL, day(6))
    report = chain.run(day(6, 2))
    assert report.groups[0].confirmed_matches == ["G001"]
    assert chain.ambassador("G001") == "G004"
    assert chain.listed("G001") == BASE


def test_a_store_with_exceptions_tells_its_news_where_it_follows_the_list(engine):
    chain = grouped(engine)
    movers(chain, "G001", prices=REGIONAL, between=["G002"])
    chain.run(day(5, 2))
    chain.crawl("G001", dearer(REGIONAL, {1, 150}), day(6))
    report = chain.run(day(6, 2))
    assert report.groups[0].news == 1
    assert chain.ambassador("G001") == "G004"
    assert chain.listed("G001") == dearer(BASE, {150})


def test_an_exception_ends_when_the_store_shows_the_list_again(engine):
    chain = grouped(engine)
    movers(chain, "G001", prices=REGIONAL, between=["G002"])
    chain.run(day(5, 2))
    chain.crawl("G001", BASE, day(6))
    chain.run(day(6, 2))
    chain.crawl("G001", BASE, day(7))
    chain.run(day(7, 2))
    assert len(chain.events("unexcepted", "G001")) == 1
    assert chain.ambassador("G001") == "G001"


def test_rogues_without_a_confirmed_match_are_suspended_until_the_tie_breaker(engine):
    chain = grouped(engine)
    movers(chain, "G001", "G002")
    report = chain.run(day(5, 2))
    assert report.groups[0].status == "DIVERGENCE_DETECTED"
    assert chain.place("G001").suspended_at == day(5, 2)
    assert chain.partition() == {frozenset(STORES)}
    chain.crawl("G003", BASE, day(5, 4))
    report = chain.run(day(5, 6))
    assert report.groups[0].status == "HEALTHY"
    assert report.groups[0].ejected == ["G001", "G002"]
    assert frozenset({"G003", "G004"}) in chain.partition()
    assert [event.kind for event in chain.events("healed")] == ["healed"]


def test_a_tie_breaker_that_sides_with_the_rogues_overrules_the_ambassador(engine):
    chain = grouped(engine, stores=[*STORES, "G005"])
    assert chain.ambassador("G001") == "G005"
    movers(chain, "G001")
    assert chain.run(day(5, 2)).groups[0].status == "DIVERGENCE_DETECTED"
    chain.crawl("G002", ELSEWHERE, day(5, 4))
    chain.crawl("G005", BASE, day(5, 8))
    report = chain.run(day(5, 10))
    assert report.groups[0].status == "HEALTHY"
    assert report.groups[0].ejected == ["G005"]
    assert chain.ambassador("G001") == "G002"
    assert chain.listed("G001") == ELSEWHERE
    assert chain.place("G001").suspended_at is None
    assert report.outliers == ["G005"]


def test_a_group_where_nobody_agrees_is_dissolved(engine):
    chain = grouped(engine, stores=["G001", "G002"])
    movers(chain, "G001")
    report = chain.run(day(5, 2))
    assert report.groups[0].dissolved
    assert chain.partition() == set()
    with transaction(engine) as session:
        assert session.scalars(sa.select(StoreGroup)).one().is_active is False


def test_the_ambassador_that_moved_alone_loses_its_place_and_then_its_group(engine):
    """Its own change is too large for one voice; a member that still shows the list replaces it."""
    chain = grouped(engine, at=3)
    chain.crawl("G004", ELSEWHERE, day(4))
    assert chain.listed("G001") == BASE
    chain.crawl("G001", BASE, day(4, 6))
    report = chain.run(day(4, 8))
    assert chain.ambassador("G001") == "G001"
    assert report.groups[0].confirmed_matches == ["G001"]
    assert report.groups[0].potential_rogues == ["G004"]
    assert report.groups[0].ejected == ["G004"], "the second voice was the tie-breaker"
    assert report.outliers == ["G004"]
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


def test_an_ambassador_that_moved_is_found_though_its_last_crawl_told_nothing_new(engine):
    chain = grouped(engine, at=3)
    chain.crawl("G004", ELSEWHERE, day(4))
    chain.crawl("G004", ELSEWHERE, day(4, 3))
    chain.crawl("G001", BASE, day(4, 6))
    report = chain.run(day(4, 8))
    assert report.groups[0].ejected == ["G004"]
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


def test_a_former_ambassador_speaks_for_the_time_before_the_next_one_moved(engine):
    """Nobody else was crawled between; without its word the mover's crawl would have none before it."""
    chain = grouped(engine)
    assert chain.ambassador("G001") == "G004"
    chain.crawl("G004", BASE, day(11))
    chain.crawl("G001", BASE, day(11, 6))
    chain.run(day(11, 8))
    assert chain.ambassador("G002") == "G001"
    chain.crawl("G001", ELSEWHERE, day(15))
    chain.crawl("G002", BASE, day(15, 14))
    chain.run(day(15, 16))
    assert [event.verdict for event in chain.events("verdict", "G001")] == ["confirmed", "rogue"]
    assert chain.partition() == {frozenset({"G002", "G003", "G004"})}


def test_an_ambassador_that_moved_is_found_where_only_it_has_every_department(engine):
    chain = SmallChain(engine, [*STORES, "G008", "G009"])
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, BASE, day(0, position), roots=ROOTS if store_id == "G004" else SOME)
    chain.run(day(0, 12))
    chain.crawl("G004", BASE, day(2))
    chain.crawl("G001", BASE, day(2, 3), roots=SOME)
    chain.run(day(2, 4))
    assert chain.ambassador("G001") == "G004", "G001 has not what G004 has"
    chain.crawl("G004", ELSEWHERE, day(4))
    chain.crawl("G002", BASE, day(4, 14), roots=SOME)
    report = chain.run(day(4, 16))
    assert report.groups[0].ejected == ["G004"]
    assert chain.ambassador("G001") == "G002"
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


def test_a_crawl_of_one_department_proves_no_ambassador_that_moved_in_another(engine):
    chain = grouped(engine, at=3)
    chain.crawl("G004", PANTRY, day(4))
    chain.crawl("G002", BASE, day(4, 3), roots=("dairy",))
    chain.run(day(4, 5))
    chain.crawl("G001", BASE, day(4, 14))
    chain.run(day(4, 16))
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


def test_a_crawl_of_one_department_takes_no_ambassadors_place(engine):
    """It has no word on the news that waits, which all stores will show."""
    chain = grouped(engine)
    chain.crawl("G004", PANTRY, day(4))
    chain.crawl("G002", BASE, day(6, 12), roots=("dairy",))
    chain.run(day(6, 14))
    assert chain.ambassador("G001") == "G004"


def test_an_ambassador_that_moved_is_found_though_its_last_crawl_was_of_one_department(engine):
    chain = grouped(engine, at=3)
    chain.crawl("G004", PANTRY, day(4))
    chain.crawl("G004", PANTRY, day(4, 3), roots=("dairy",))
    chain.crawl("G001", BASE, day(4, 14))
    chain.run(day(4, 16))
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


@pytest.mark.parametrize(("moved", "dairy_first"), [(ELSEWHERE, False), (PANTRY, True)])
def test_a_rogues_crawl_speaks_for_nobody_when_the_store_is_back(engine, moved, dairy_first):
    """Nor where a crawl of a department that is the same in both lists was confirmed by it."""
    chain = grouped(engine)
    chain.crawl("G004", moved, day(4))
    if dairy_first:
        chain.crawl("G002", BASE, day(4, 3), roots=("dairy",))
        chain.run(day(4, 5))
    chain.crawl("G001", BASE, day(4, 14))
    chain.run(day(4, 16))
    chain.crawl("G001", BASE, day(5))
    chain.crawl("G004", BASE, day(5, 6))
    chain.run(day(5, 8))
    assert chain.place("G004").until is None
    chain.crawl("G003", moved, day(4, 6))  # a file that comes in late
    chain.crawl("G002", BASE, day(5, 14))
    chain.run(day(5, 16))
    assert [event.verdict for event in chain.events("verdict", "G003")] == ["rogue"]


def test_a_match_with_the_list_proves_no_ambassador_that_saw_one_department(engine):
    chain = grouped(engine, at=3)
    chain.crawl("G004", PANTRY, day(4))
    chain.crawl("G004", PANTRY, day(6, 6), roots=("dairy",))
    chain.crawl("G001", BASE, day(6, 14))
    chain.run(day(6, 16))
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


def test_a_bracket_does_not_prove_the_ambassador_that_stands_after_it(engine):
    chain = grouped(engine, at=1)
    chain.crawl("G001", FLIPPED, day(2, 10))
    chain.run(day(2, 12))
    chain.crawl("G004", dearer(FLIPPED, range(20), by=7), day(4))
    chain.run(day(4, 2))
    assert [event.figures["by"] for event in chain.events("verdict", "G001")] == ["bracket"]
    assert chain.place("G004").confirmed_at < day(4)


def test_what_one_department_was_confirmed_by_does_not_speak_for_others(engine):
    """The mover's crawl matched in dairy; in pantry it would stand before another mover's and take its word away."""
    chain = grouped(engine)
    chain.crawl("G004", BASE, day(8))
    chain.run(day(8, 2))
    chain.crawl("G004", PANTRY, day(14))
    chain.crawl("G002", BASE, day(14, 3), roots=("dairy",))
    chain.run(day(14, 5))
    chain.crawl("G001", BASE, day(14, 14))
    chain.run(day(14, 16))
    chain.crawl("G003", PANTRY, day(14, 20))
    chain.run(day(14, 22))
    chain.crawl("G001", BASE, day(15, 12))
    chain.run(day(15, 14))
    assert "confirmed" not in [event.verdict for event in chain.events("verdict", "G003")]


def test_who_has_every_department_comes_before_who_only_denies(engine):
    chain = grouped(engine)
    chain.crawl("G004", ELSEWHERE, day(4))
    chain.crawl("G001", BASE, day(4, 14))
    chain.crawl("G002", BASE, day(4, 15), roots=("dairy",))
    chain.run(day(4, 17))
    assert chain.ambassador("G001") == "G001"


def test_two_stores_that_moved_alike_do_not_outvote_a_member_that_did_not(engine):
    chain = grouped(engine, [*STORES, "G005", "G006"])
    chain.crawl("G006", ELSEWHERE, day(2))  # the Ambassador
    chain.crawl("G002", dearer(BASE, range(40, 60)), day(2, 13))  # the list changed a little, too
    chain.crawl("G006", ELSEWHERE, day(3, 2))
    chain.run(day(3, 4))
    assert chain.place("G002").suspended_at is not None
    chain.crawl("G001", ELSEWHERE, day(3, 12))
    chain.run(day(3, 14))
    assert (chain.listed("G003"), chain.place("G002").until) == (BASE, None)
    assert [event.figures.get("voices") for event in chain.events("news_waiting")] == [None, [chain.stores["G001"]]]
    chain.crawl("G003", dearer(BASE, range(40, 60)), day(4))
    chain.crawl("G006", ELSEWHERE, day(4, 6))
    chain.run(day(4, 8))
    assert (chain.ambassador("G002"), chain.place("G002").suspended_at) == ("G003", None)
    assert [event.store_id for event in chain.events("ejected")] == [chain.stores["G006"]]


def test_who_was_doubted_on_a_moved_ambassadors_word_is_cleared_by_a_member_that_shows_the_same(engine):
    chain = grouped(engine, [*STORES, "G005", "G006"])
    chain.crawl("G006", ELSEWHERE, day(2))  # the Ambassador
    chain.crawl("G002", dearer(BASE, [0, 1, 50, 51, 120]), day(2, 13))  # the list begins to change
    chain.crawl("G006", ELSEWHERE, day(3, 2))
    chain.run(day(3, 4))
    assert chain.place("G002").suspended_at is not None
    chain.crawl("G003", dearer(BASE, [0, 50, 120]), day(3, 12))  # near enough to the list, and to what G002 showed
    chain.run(day(3, 14))
    assert (chain.place("G002").suspended_at, chain.ambassador("G002")) == (None, "G003")
    assert [event.verdict for event in chain.events("cleared", "G002")] == ["confirmed"]
    assert chain.events("ejected", "G002") == []


def test_a_list_that_changes_by_half_is_believed_to_three_stores_against_one(engine):
    chain = grouped(engine, [*STORES, "G005", "G006"])
    chain.crawl("G006", ELSEWHERE, day(2))
    chain.crawl("G002", dearer(BASE, range(40, 60)), day(2, 12))
    chain.crawl("G006", ELSEWHERE, day(3))
    chain.run(day(3, 2))
    for position, store_id in enumerate(["G001", "G003"]):
        assert chain.listed("G004") == BASE
        chain.crawl(store_id, ELSEWHERE, day(3, 6 + 6 * position))
        chain.run(day(3, 8 + 6 * position))
    assert chain.listed("G004") == ELSEWHERE
    assert "G002" not in next(iter(chain.partition()))


def test_an_ambassador_that_spoke_alone_for_long_is_found_out_by_its_next_crawl(engine):
    """No other store's crawl brackets its change of list; the member that still shows the list will."""
    chain = grouped(engine)
    for days in (4, 8, 12):
        chain.crawl("G004", BASE, day(days))
        chain.run(day(days, 2))
    chain.crawl("G004", ELSEWHERE, day(13))
    chain.crawl("G001", BASE, day(13, 6))
    report = chain.run(day(13, 8))
    assert (report.groups[0].confirmed_matches, report.groups[0].ejected) == (["G001"], [])
    chain.crawl("G004", ELSEWHERE, day(14))
    chain.crawl("G002", BASE, day(14, 6))
    assert chain.run(day(14, 8)).groups[0].ejected == ["G004"]
    assert chain.listed("G001") == BASE


@pytest.mark.parametrize("later", [FLIPPED, BASE], ids=["news that waits", "a special that came and went"])
def test_that_nothing_was_heard_of_a_list_does_not_mean_that_it_stood_still(engine, later):
    """The list says what it said; but no crawl looked shortly before the candidate, so this proves no other place."""
    chain = grouped(engine)
    chain.crawl("G001", FLIPPED, day(11))
    chain.run(day(11, 2))
    chain.crawl("G004", later, day(14))
    report = chain.run(day(14, 2))
    assert chain.listed("G001") == BASE
    assert (report.groups[0].pending, report.groups[0].ejected) == (["G001"], [])
    assert chain.place("G001").suspended_at is None


def test_waiting_news_is_adopted_with_the_second_voice(engine):
    chain = grouped(engine, at=3)
    chain.crawl("G004", FLIPPED, day(4))
    assert chain.listed("G001") == BASE
    chain.crawl("G001", FLIPPED, day(4, 6))
    report = chain.run(day(4, 8))
    assert report.groups[0].confirmed_matches == ["G001"]
    assert chain.listed("G001") == FLIPPED


def test_what_a_candidate_and_the_crawl_that_cleared_it_show_alike_enters_the_list(engine):
    """The Ambassador's change is too large for one voice, and the store that showed it first is days older."""
    chain = grouped(engine, at=3)
    repriced = dearer(BASE, range(100, 121))
    chain.crawl("G001", repriced, day(5))
    assert chain.run(day(5, 2)).groups[0].pending == ["G001"]
    chain.crawl("G004", dearer(repriced, {7}), day(8))
    assert chain.listed("G002") == BASE
    report = chain.run(day(8, 2))
    assert (report.groups[0].confirmed_matches, report.groups[0].news) == (["G001"], 21)
    assert chain.listed("G002") == repriced
    assert chain.run(day(8, 4)).groups[0].news == 0


def test_a_store_with_two_crawls_is_reported_once(engine):
    chain = grouped(engine, at=1)
    for hours in (10, 14):
        chain.crawl("G001", FLIPPED, day(2, hours))
    assert chain.run(day(2, 20)).groups[0].pending == ["G001"]
    chain.crawl("G004", FLIPPED, day(3))
    assert chain.run(day(3, 2)).groups[0].confirmed_matches == ["G001"]


def test_a_store_does_not_speak_for_itself(engine):
    """Its own confirmed crawl of the same day must not clear it in the department that it alone contains."""
    chain = grouped(engine)
    chain.crawl("G001", dearer(BASE, {100, 101}), day(1, 2))
    chain.crawl("G004", BASE, day(1, 4), roots=("produce", "dairy"))
    assert chain.run(day(1, 6)).groups[0].confirmed_matches == ["G001"]
    chain.crawl("G001", dearer(BASE, {100, 101, 102, 103, 104, 105}), day(1, 8))
    assert chain.run(day(1, 10)).groups[0].pending == ["G001"]


def test_a_candidate_that_was_cleared_late_is_not_promoted_over_a_fresher_ambassador(engine):
    chain = grouped(engine, at=3)
    repriced = dearer(BASE, range(100, 121))
    chain.crawl("G001", repriced, day(5))
    chain.run(day(5, 2))
    chain.crawl("G004", repriced, day(8))
    report = chain.run(day(8, 2))
    assert report.groups[0].confirmed_matches == ["G001"]
    assert (report.groups[0].ambassador, report.groups[0].status) == ("G004", "HEALTHY")
    assert chain.events("promoted") == []


def test_a_fresher_crawl_of_fewer_departments_promotes_nobody(engine):
    chain = grouped(engine)
    chain.crawl("G001", BASE, day(1), roots=("dairy", "pantry"))
    assert chain.run(day(1, 2)).groups[0].confirmed_matches == ["G001"]
    assert chain.ambassador("G001") == "G004"


def test_no_verdict_twice_on_the_same_pair_of_crawls(engine):
    chain = grouped(engine)
    movers(chain, "G001", between=["G002"])
    chain.run(day(5, 2))
    assert len(chain.events("verdict", "G001")) == 1
    for hours in (3, 4):
        chain.run(day(5, hours))
    assert len(chain.events("verdict", "G001")) == 1
    assert len(chain.events("outlier", "G001")) == 1


def test_an_ejected_store_rejoins_only_on_newer_crawls_of_both(engine):
    chain = grouped(engine)
    chain.crawl("G002", BASE, day(3, 20))
    movers(chain, "G001")
    assert chain.run(day(5, 2)).groups[0].ejected == ["G001"]
    chain.crawl("G001", BASE, day(6))
    chain.run(day(6, 2))
    assert chain.place("G001") is None
    chain.crawl(chain.ambassador("G002"), BASE, day(6, 4))
    assert chain.run(day(6, 6)).joined == {"G001": chain.group_of("G002").name}


def test_a_merge_undone_by_an_ejection_is_not_repeated_for_a_fortnight(engine):
    chain = grouped(engine)
    chain.crawl("G009", BASE, day(1))
    chain.run(day(1, 2))
    movers(chain, "G009", between=["G002"])
    assert chain.run(day(5, 2)).groups[0].ejected == ["G009"]
    for days in (8, 21):
        chain.crawl(chain.ambassador("G001"), BASE, day(days))
        chain.crawl("G009", BASE, day(days, 2))
        chain.run(day(days, 4))
        assert (chain.place("G009") is not None) == (days == 21)


def two_groups(engine):
    chain = SmallChain(engine, [*STORES, "G005"])
    for position, store_id in enumerate([*STORES, "G005"]):
        chain.crawl(store_id, BASE if position < 3 else REGIONAL, day(0, position))
    chain.run(day(0, 12))
    assert chain.partition() == {frozenset({"G001", "G002", "G003"}), frozenset({"G004", "G005"})}
    return chain


def test_groups_whose_lists_became_one_merge_into_the_larger(engine):
    chain = two_groups(engine)
    larger = chain.group_of("G001").id
    chain.crawl(chain.ambassador("G001"), BASE, day(9))
    chain.crawl("G005", BASE, day(9, 2))
    chain.crawl("G004", BASE, day(9, 4))
    report = chain.run(day(9, 6))
    assert chain.partition() == {frozenset([*STORES, "G005"])}
    assert chain.group_of("G005").id == larger
    assert report.merged
    assert chain.listed("G004") == BASE


def test_groups_do_not_merge_while_one_member_shows_another_list(engine):
    chain = two_groups(engine)
    chain.crawl("G004", REGIONAL, day(8, 8))
    chain.crawl(chain.ambassador("G001"), BASE, day(9))
    chain.crawl("G005", BASE, day(9, 2))
    chain.crawl("G004", REGIONAL, day(9, 16))
    assert chain.run(day(9, 18)).merged == {}
    assert (chain.exceptions("G004"), chain.exceptions("G005")) == ({"produce"}, set())


@pytest.mark.parametrize(("members_show", "merged"), [(4, False), (2, True)])
def test_groups_do_not_merge_where_the_members_show_the_same_differences(sqlite, members_show, merged):
    """Four skus of sixty are no other department for one store; two stores with the same four have another list."""
    chain = SmallChain(sqlite, [*STORES, "G005"])
    own = range(40, 48)
    for position, store_id in enumerate([*STORES[:3], "G004", "G005"]):
        prices = BASE if store_id in STORES[:3] else dearer(BASE, own)
        chain.crawl(store_id, prices, day(0, position))
    chain.run(day(0, 12))
    for position, store_id in enumerate(["G004", chain.ambassador("G001"), "G005"]):
        prices = BASE if store_id in STORES[:3] else dearer(BASE, own[:members_show])
        chain.crawl(store_id, prices, day(6, position))
    assert bool(chain.run(day(6, 6)).merged) == merged


def test_a_closed_store_leaves_and_another_takes_its_place(engine):
    chain = grouped(engine)
    with transaction(engine) as session:
        session.get_one(Store, chain.stores["G004"]).is_active = False
    report = chain.run(day(1))
    assert report.inactive == ["G004"]
    assert chain.ambassador("G001") == "G003"
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}


def test_a_store_that_lacks_a_department_joins_all_the_same(engine):
    chain = grouped(engine)
    chain.crawl("G009", BASE, day(1), roots=("dairy", "pantry"))
    assert "G009" in chain.run(day(1, 2)).joined


def test_a_store_with_another_range_is_not_placed_whatever_it_charges(engine):
    chain = SmallChain(engine, [*STORES, "G009"])
    for position, store_id in enumerate(STORES):
        chain.crawl(store_id, {number: BASE[number] for number in range(150)}, day(0, position))
    chain.crawl("G009", {number: BASE[number] for number in range(200) if number % 4 or number >= 150}, day(0, 5))
    chain.run(day(0, 12))
    assert chain.place("G009") is None


def test_a_store_that_two_lists_match_joins_the_one_that_it_shows_best(engine):
    west, south = ["G001", "G002"], ["G011", "G012"]
    chain = SmallChain(engine, [*west, *south, "G009"], category_tail=0.0)  # no test by category
    for position, store_id in enumerate([*west, *south]):
        chain.crawl(store_id, dearer(BASE, range(7) if store_id in south else ()), day(0, position))
    chain.run(day(0, 12))
    assert chain.partition() == {frozenset(west), frozenset(south)}
    chain.crawl("G009", dearer(BASE, range(4)), day(0, 14))  # 98.0 % of the one list, 98.5 % of the other
    chain.run(day(0, 16))
    assert chain.group_of("G009").id == chain.group_of("G011").id


def test_a_crawl_of_one_small_department_places_nobody(engine):
    chain = grouped(engine)
    chain.crawl("G009", BASE, day(1), roots=("produce",))
    assert chain.run(day(1, 2)).joined == {}


def test_stores_crawled_days_apart_match_between_two_crawls_of_the_later_one(engine):
    chain = SmallChain(engine, STORES)
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G002", FLIPPED, day(1))
    chain.crawl("G001", FLIPPED, day(4))
    chain.crawl("G003", ELSEWHERE, day(4, 2))
    chain.run(day(4, 6))
    assert chain.partition() == {frozenset({"G001", "G002"})}


def test_another_run_at_the_same_time_is_refused(engine):
    chain = SmallChain(engine, STORES)
    with (
        only_one(engine, "group run of aldi"),
        pytest.raises(BusyError, match="another group run of aldi is running"),
    ):
        chain.run(day(0))


def test_an_unknown_company_is_refused(engine):
    from grouping.run import run_groups
    from splitcart.config import get_chain

    with pytest.raises(InputError, match="no stores of 'coles'"):
        run_groups(engine, get_chain("coles"), lambda: day(0))


LISTS = [BASE, REGIONAL, ELSEWHERE]
SIX = ["G001", "G002", "G003", "G004", "G005", "G006"]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(SIX))
def test_the_order_in_which_stores_came_does_not_matter(sqlite, tmp_path, order):
    import shutil
    import uuid

    from splitcart.database import create_engine
    from tests.statements import knowing

    path = tmp_path / f"{uuid.uuid4().hex}.db"
    shutil.copyfile(sqlite.url.database, path)
    engine = knowing(create_engine(f"sqlite:///{path}"))
    chain = SmallChain(engine, order)
    for store_id in order:
        number = int(store_id[1:])
        chain.crawl(store_id, LISTS[number % 3], day(0, number))
    chain.run(day(0, 12))
    assert chain.partition() == {frozenset({"G001", "G004"}), frozenset({"G002", "G005"}), frozenset({"G003", "G006"})}
    assert {chain.ambassador(store_id) for store_id in SIX} == {"G004", "G005", "G006"}
    engine.dispose()


def test_roots_are_as_the_tests_assume():
    assert sum(len(skus) for skus in ROOTS.values()) == len(BASE) == 200
