"""Stores that show another whole-list group's list in one category are told its news there, even one alone."""

import pytest
import sqlalchemy as sa

from grouping import effective_prices
from grouping.explaining import explain_store
from grouping.memberships import open_membership
from grouping.rebuilding import rebuild_lists
from grouping.references import Step
from grouping.snapshots import read_catalogue
from splitcart.database import transaction
from splitcart.database.models import Candidate, Store
from tests.grouping.factory import BASE, ROOTS, SmallChain, day, dearer
from tests.grouping.test_category_groups import category_group, category_partition, price

HOME, COAST = ["G001", "G002"], ["G011", "G012"]
COASTAL = dearer(BASE, range(200), by=7)
MIXED = BASE | {number: COASTAL[number] for number in ROOTS["produce"]}
MOVED = BASE | {number: BASE[number] + 90 for number in ROOTS["produce"]}


def two_lists(engine, third=MIXED):
    """Two groups of two stores, and a third one of the first list, but for its produce."""
    chain = SmallChain(engine, [*HOME, *COAST, "G003", "G004"])
    chain.crawl("G003", third, day(0))
    for position, (home, coast) in enumerate(zip(HOME, COAST, strict=True), 1):
        chain.crawl(home, BASE, day(0, position))
        chain.crawl(coast, COASTAL, day(0, position))
    chain.report = chain.run(day(0, 12))
    return chain


def explain_in(chain, store_id, root):
    with transaction(chain.engine) as session:
        step = Step(session, chain.chain, chain.company_id, read_catalogue(session, chain.company_id), day(2))
        return explain_store(step.about(chain.roots[root]), session.get_one(Store, chain.stores[store_id]), 5)


def joined_by_another(engine):
    chain = two_lists(engine)
    chain.crawl("G004", MIXED, day(0, 14))
    chain.report = chain.run(day(0, 16))
    return chain


def test_one_store_founds_a_category_group_beside_the_whole_list_that_it_shows_there(engine):
    chain = two_lists(engine)
    assert chain.partition() == {frozenset([*HOME, "G003"]), frozenset(COAST)}
    assert category_partition(chain) == {frozenset({"G003"})}
    assert chain.report.founded["aldi G003: produce"] == ["G003"]
    chain.crawl("G012", dearer(COASTAL, {7, 150}), day(1))
    chain.run(day(1, 2))
    assert price(chain, "G003", 7) == (COASTAL[7] + 10, "inferred_group")
    assert price(chain, "G003", 150) == (BASE[150], "direct_scrape")
    chain.crawl("G002", dearer(BASE, {8, 151}), day(2))
    chain.run(day(2, 2))
    assert price(chain, "G003", 8) == (COASTAL[8], "direct_scrape")
    assert price(chain, "G003", 151) == (BASE[151] + 10, "inferred_group")


def test_a_later_store_joins_it(engine):
    chain = joined_by_another(engine)
    assert chain.report.excepted == {"G004": chain.group_of("G001").name}
    assert chain.report.category_joined == {"aldi G003: produce": ["G004"]}
    assert category_partition(chain) == {frozenset({"G003", "G004"})}


def test_what_changed_since_the_store_was_crawled_is_told_at_once(engine):
    chain = SmallChain(engine, [*HOME, *COAST, "G003"])
    for position, (home, coast) in enumerate(zip(HOME, COAST, strict=True)):
        chain.crawl(home, BASE, day(0, position))
        chain.crawl(coast, COASTAL, day(0, position))
    chain.run(day(0, 4))
    chain.crawl("G003", MIXED, day(1))
    chain.crawl("G012", dearer(COASTAL, {7, 8}), day(1, 6))
    chain.crawl("G012", dearer(dearer(COASTAL, {7, 8}), {8}), day(1, 12))
    chain.run(day(1, 14))
    assert category_partition(chain) == {frozenset({"G003"})}
    assert price(chain, "G003", 7) == (COASTAL[7] + 10, "inferred_group")
    assert price(chain, "G003", 8) == (COASTAL[8] + 20, "inferred_group"), "of two changes the last"


def test_a_group_that_is_told_its_list_tells_nobody(engine):
    """What it alone tells, nobody proves."""
    chain = two_lists(engine)
    chain.crawl("G003", MIXED | {7: MIXED[7] + 10}, day(1))
    chain.run(day(1, 2))
    assert chain.listed_by(category_group(chain, "G003").id)[7] == COASTAL[7]
    assert chain.listed("G011")[7] == COASTAL[7]
    assert price(chain, "G003", 7) == (COASTAL[7] + 10, "direct_scrape")


def test_a_store_that_leaves_the_other_list_ends_its_group_and_is_told_nothing_more(engine):
    chain = two_lists(engine)
    chain.crawl("G003", MOVED, day(1))
    report = chain.run(day(1, 2))
    assert [group.name for group in report.groups if group.dissolved] == ["aldi G003: produce"]
    assert category_partition(chain) == set()
    chain.crawl("G012", dearer(COASTAL, {7}), day(2))
    chain.run(day(2, 2))
    assert price(chain, "G003", 7) == (MOVED[7], "direct_scrape")


def test_a_store_that_takes_its_own_groups_list_again_ends_its_group(engine):
    chain = two_lists(engine)
    for at in (1, 2):
        chain.crawl("G003", BASE, day(at))
        chain.crawl("G002", BASE, day(at, 2))
        chain.run(day(at, 4))
    assert category_partition(chain) == set()
    assert chain.exceptions("G003") == set()


def test_each_store_is_judged_for_itself(engine):
    chain = joined_by_another(engine)
    chain.crawl("G003", MIXED, day(1), roots=("produce",))
    chain.crawl("G004", MOVED, day(1, 2), roots=("produce",))
    report = chain.run(day(1, 4))
    assert ("aldi G003: produce", ["G003"]) in [(group.name, group.confirmed_matches) for group in report.groups]
    assert category_partition(chain) == {frozenset({"G003"})}
    chain.crawl("G012", dearer(COASTAL, {7}), day(2))
    chain.run(day(2, 2))
    assert price(chain, "G003", 7) == (COASTAL[7] + 10, "inferred_group")
    assert price(chain, "G004", 7) == (MOVED[7], "direct_scrape")


def test_a_store_that_does_not_follow_what_it_was_told_has_its_own_prices(engine):
    """Its shelf stands still while the list that it was founded beside moves, a little every day."""
    chain = two_lists(engine)
    for at in range(1, 4):
        told = dearer(COASTAL, range(3 * at))
        chain.crawl("G012", told, day(at))
        chain.crawl("G003", MIXED, day(at, 2))
        chain.run(day(at, 4))
    assert category_partition(chain) == set()
    assert price(chain, "G003", 8) == (COASTAL[8], "direct_scrape")


def test_what_a_store_proves_by_its_crawl_counts_from_then_on(engine):
    chain = two_lists(engine)
    chain.crawl("G003", MIXED, day(1))
    report = chain.run(day(1, 2))
    assert ("aldi G003: produce", ["G003"]) in [(group.name, group.confirmed_matches) for group in report.groups]
    with transaction(engine) as session:
        place = open_membership(session, chain.stores["G003"], chain.roots["produce"])
        assert place.confirmed_at == day(1, 1)
        assert session.scalars(sa.select(Candidate)).all() == []


def test_who_joins_another_group_but_for_some_categories_follows_it_in_the_others(engine):
    """Before, it had no whole list, and followed groups of one category."""
    chain = SmallChain(engine, [*HOME, "G003"])
    own = dearer(BASE, ROOTS["produce"], by=70)
    off = dearer(own, {50, 51, 150, 151}, by=3)
    chain.crawl("G003", off, day(0))
    for position, store_id in enumerate(HOME, 1):
        chain.crawl(store_id, BASE, day(0, position))
    chain.run(day(0, 12))
    chain.crawl("G003", own, day(1))
    chain.crawl("G002", BASE, day(1, 1))
    chain.run(day(1, 4))
    assert chain.group_of("G003") is not None
    assert chain.exceptions("G003") == {"produce"}


def test_a_group_that_its_last_store_left_takes_nobody_in(sqlite):
    chain = two_lists(sqlite)
    with transaction(sqlite) as session:
        session.get_one(Store, chain.stores["G003"]).is_active = False
    chain.crawl("G004", MIXED, day(1))
    chain.run(day(1, 2))
    group = category_group(chain, "G004")
    assert group.name == "aldi G004: produce"
    assert category_partition(chain) == {frozenset({"G004"})}


def test_a_store_without_a_whole_list_leaves_no_exception_behind(sqlite):
    alone = {number: COASTAL[number] if number < 40 else BASE[number] * 3 + number % 5 for number in BASE}
    chain = two_lists(sqlite, third=alone)
    assert (chain.place("G003"), category_partition(chain)) == (None, {frozenset({"G003"})})
    chain.crawl("G003", alone | {number: MOVED[number] for number in ROOTS["produce"]}, day(1))
    chain.run(day(1, 2))
    assert (category_partition(chain), chain.exceptions("G003")) == (set(), set())


def test_who_is_left_by_closures_is_judged_as_before(sqlite):
    chain = joined_by_another(sqlite)
    chain.crawl("G004", MOVED, day(1))
    with transaction(sqlite) as session:
        session.get_one(Store, chain.stores["G003"]).is_active = False
    chain.run(day(1, 2))
    assert category_partition(chain) == set()
    chain.crawl("G012", dearer(COASTAL, {7}), day(2))
    chain.run(day(2, 2))
    assert price(chain, "G004", 7) == (MOVED[7], "direct_scrape")


def test_nobody_is_told_of_a_category_that_is_its_own(engine):
    chain = two_lists(engine, third=MOVED)
    assert chain.exceptions("G003") == {"produce"}
    assert category_partition(chain) == set()


@pytest.mark.parametrize("again", [1, 2])
def test_runs_without_crawls_change_nothing(sqlite, again):
    chain = two_lists(sqlite)
    events = len(chain.events("founded"))
    for number in range(again):
        report = chain.run(day(0, 13 + number))
        assert (report.founded, report.category_joined, report.joined, report.merged) == ({}, {}, {}, {})
    assert len(chain.events("founded")) == events


def test_its_list_is_made_again_from_crawls_and_decisions(engine):
    chain = two_lists(engine)
    chain.crawl("G012", dearer(COASTAL, {7}), day(1))
    chain.run(day(1, 2))
    group_id = category_group(chain, "G003").id
    before = chain.listed_by(group_id)
    assert before[7] == COASTAL[7] + 10
    with transaction(engine) as session:
        rebuild_lists(session, chain.company_id)
    assert chain.listed_by(group_id) == before


def test_it_is_explained_with_the_list_that_it_is_told(sqlite):
    chain = two_lists(sqlite)
    chain.crawl("G003", MIXED, day(1))
    chain.run(day(1, 2))
    told = explain_in(chain, "G003", "produce")
    assert told.kind == "confirmed"
    assert (told.reference.store_id, told.reference.group) == (None, "aldi G003: produce")
    assert (
        "produce: follows aldi G003: produce, whose list began as that of aldi G012 and shares its news"
        in told.standing
    )


def test_why_a_category_is_its_own_is_told_by_the_nearest_of_all_lists(sqlite):
    chain = two_lists(sqlite, third=MIXED | {number: COASTAL[number] + 1 for number in range(0, 40, 4)})
    told = explain_in(chain, "G003", "produce")
    assert told.reasons[0] == "Of 2 lists, that of aldi G012 is most like its own."


def test_what_left_the_other_list_since_the_crawl_is_gone_now_and_in_the_history(engine):
    chain = two_lists(engine, third=BASE)
    chain.crawl("G004", MIXED, day(1))
    chain.crawl("G012", {number: price for number, price in COASTAL.items() if number != 7}, day(1, 6))
    chain.run(day(1, 14))
    assert category_partition(chain) == {frozenset({"G004"})}
    with transaction(engine) as session:
        row_id = chain.stores["G004"]
        now, then = (
            {price.sku_id: price.offer for price in effective_prices(session, row_id, at)} for at in (None, day(1, 20))
        )
    assert chain.skus[7] not in now
    assert now == then


def test_news_that_both_crawls_of_one_run_show_ends_nothing(engine):
    """A vote brings it into the one list before the category is checked, and into the other when the run ends."""
    chain = two_lists(engine)
    news = range(8)
    chain.crawl("G012", dearer(COASTAL, news), day(1))
    chain.crawl("G011", dearer(COASTAL, news), day(1, 1))
    chain.crawl("G003", dearer(MIXED, news), day(1, 2))
    report = chain.run(day(1, 4))
    assert ("aldi G003: produce", ["G003"]) in [(group.name, group.confirmed_matches) for group in report.groups]
    assert chain.listed_by(category_group(chain, "G003").id)[0] == COASTAL[0] + 10
