"""Groups of one category: the list that stores share there, though no whole-list group gives it to them."""

import pytest
import sqlalchemy as sa

from grouping import effective_prices
from grouping.memberships import open_membership
from grouping.overview import list_groups, show_group
from grouping.placing import place_stores
from splitcart.database import DatabaseError, reading, transaction
from splitcart.database.models import Candidate, InferenceAudit, Store, StoreGroup
from tests.grouping.factory import BASE, ROOTS, SmallChain, day, dearer

HOME = ["G001", "G002"]
APART = ["G003", "G004", "G005"]
STORES = [*HOME, *APART]
REGIONAL = dearer(BASE, range(20))  # another region's produce
COAST = dearer(BASE, range(20, 40))  # and yet another's


def alone(prices, number):
    """The same produce, all else at prices of the store's own."""
    return dearer(prices, range(40, 200), by=number)


def outliers(engine, stores=APART, prices=REGIONAL, at=0, **settings):
    """Two stores with one list; the others share nothing but their produce."""
    chain = SmallChain(engine, [*STORES, "G006", "G007", "G008"], **settings)
    for position, store_id in enumerate(HOME):
        chain.crawl(store_id, BASE, day(at, position))
    for position, store_id in enumerate(stores, 2):
        chain.crawl(store_id, alone(prices, position), day(at, position))
    chain.report = chain.run(day(at, 12))
    return chain


def excepted(engine):
    """Five stores with one list; then, one after the other, three of them show another region's produce."""
    chain = SmallChain(engine, [*STORES, "G006"])
    for position, store_id in enumerate([*APART, *HOME]):
        chain.crawl(store_id, BASE, day(0, position))
    chain.run(day(0, 12))
    for number, store_id in enumerate(APART):
        at = 4 + 3 * number
        chain.crawl("G002", BASE, day(at))
        chain.crawl(store_id, REGIONAL, day(at, 2))
        chain.crawl("G001", BASE, day(at, 4))
        chain.crawl("G002", BASE, day(at + 1))
        chain.report = chain.run(day(at + 1, 2))
    return chain


def category_group(chain, store_id, root="produce"):
    with reading(chain.engine) as session:
        place = open_membership(session, chain.stores[store_id], chain.roots[root])
        return session.get(StoreGroup, place.group_id) if place and place.group_id else None


def category_partition(chain, root="produce"):
    found = {}
    for store_id in chain.stores:
        if group := category_group(chain, store_id, root):
            found.setdefault(group.id, set()).add(store_id)
    return {frozenset(stores) for stores in found.values()}


def ambassador(chain, store_id):
    row_id = category_group(chain, store_id).ambassador_id
    return next(name for name, known in chain.stores.items() if known == row_id)


def price(chain, store_id, number):
    """The effective price of a sku at a store, and how it is known."""
    with reading(chain.engine) as session:
        prices = effective_prices(session, chain.stores[store_id])
    return next((row.offer.price_cents, row.source) for row in prices if row.sku_id == chain.skus[number])


def produce(chain, store_id, prices, at):
    """What a partial crawl by lease brings."""
    return chain.crawl(store_id, prices, at, roots=("produce",))


def test_outliers_that_share_one_category_found_a_group_of_it(engine):
    chain = outliers(engine)
    assert category_partition(chain) == {frozenset(APART)}
    assert chain.partition() == {frozenset(HOME)}
    group = category_group(chain, "G003")
    assert (group.category_id, group.name) == (chain.roots["produce"], "aldi G005: produce")
    assert chain.report.founded == {"aldi G002": HOME, "aldi G005: produce": APART}
    assert ambassador(chain, "G003") == "G005"
    assert chain.listed_by(group.id) == {number: REGIONAL[number] for number in ROOTS["produce"]}
    assert category_partition(chain, "dairy") == set()


def test_an_ungrouped_store_infers_the_news_of_its_category_alone(engine):
    chain = outliers(engine)
    chain.crawl("G005", dearer(alone(REGIONAL, 4), {7, 150}), day(1))
    assert price(chain, "G003", 7) == (REGIONAL[7] + 10, "inferred_group")
    assert price(chain, "G003", 150) == (BASE[150] + 2, "direct_scrape")
    assert price(chain, "G001", 7) == (BASE[7], "direct_scrape")


@pytest.mark.parametrize(("stores", "settings"), [(APART[:2], {}), (APART, {"min_category_stores": 4})])
def test_too_few_stores_found_nothing(sqlite, stores, settings):
    assert category_partition(outliers(sqlite, stores, **settings)) == set()


def test_stores_excepted_one_by_one_found_a_group_and_follow_both_lists(engine):
    chain = excepted(engine)
    assert chain.partition() == {frozenset(STORES)}
    assert category_partition(chain) == {frozenset(APART)}
    assert chain.report.founded == {"aldi G005: produce": APART}
    chain.crawl("G002", dearer(BASE, {8, 150}), day(12))
    produce(chain, "G005", dearer(REGIONAL, {7}), day(12, 2))
    assert price(chain, "G003", 7) == (REGIONAL[7] + 10, "inferred_group")
    assert price(chain, "G005", 8) == (REGIONAL[8], "direct_scrape")
    assert price(chain, "G003", 150) == (BASE[150] + 10, "inferred_group")
    assert price(chain, "G001", 8) == (BASE[8] + 10, "inferred_group")


def test_a_partial_crawl_is_judged_by_the_category_group_and_by_no_other(engine):
    chain = excepted(engine)
    produce(chain, "G003", REGIONAL, day(12))
    with reading(engine) as session:
        (candidate,) = session.scalars(sa.select(Candidate).where(Candidate.store_id == chain.stores["G003"]))
    assert candidate.group_id == category_group(chain, "G003").id
    report = chain.run(day(12, 2))
    assert [(check.name, check.confirmed_matches) for check in report.groups if check.has_decided] == [
        ("aldi G005: produce", ["G003"])
    ]
    assert (ambassador(chain, "G003"), chain.ambassador("G003")) == ("G003", "G002")


def test_a_later_store_joins_the_category_group_that_it_matches(sqlite):
    chain = outliers(sqlite)
    chain.crawl("G006", alone(REGIONAL, 30), day(1))
    report = chain.run(day(1, 2))
    assert report.category_joined == {"aldi G005: produce": ["G006"]}
    assert report.joined == {}
    assert category_partition(chain) == {frozenset([*APART, "G006"])}


def test_two_stores_wait_for_the_third(sqlite):
    chain = outliers(sqlite, APART[:2])
    chain.crawl("G005", alone(REGIONAL, 30), day(1))
    assert chain.run(day(1, 2)).founded == {"aldi G005: produce": APART}


def check(chain, at, rogues, others):
    """Crawls of members between two of the Ambassador, which shows the list as it was."""
    first = ambassador(chain, "G004")
    produce(chain, first, REGIONAL, day(at))
    for position, (store_id, prices) in enumerate([*rogues.items(), *others.items()], 1):
        produce(chain, store_id, prices, day(at, 2 * position))
    produce(chain, first, REGIONAL, day(at + 1))
    return chain.run(day(at + 1, 2))


def test_a_rogue_of_a_category_keeps_its_own_prices_there_and_its_whole_list_group(engine):
    chain = excepted(engine)
    check(chain, 12, {"G003": COAST}, {"G004": REGIONAL})
    assert category_partition(chain) == {frozenset(APART[1:])}
    assert chain.partition() == {frozenset(STORES)}
    produce(chain, "G005", dearer(REGIONAL, {7}), day(14))
    chain.crawl("G002", dearer(BASE, {7}), day(14))
    assert price(chain, "G003", 7) == (COAST[7], "direct_scrape")
    assert chain.events("outlier") == []


def test_a_rogue_that_is_alone_has_no_place_left_and_comes_back_on_newer_crawls(sqlite):
    chain = outliers(sqlite)
    report = check(chain, 1, {"G003": COAST}, {"G004": REGIONAL})
    assert next(group.ejected for group in report.groups if group.ejected) == ["G003"]
    assert category_partition(chain) == {frozenset(APART[1:])}
    chain.run(day(2, 4))
    assert category_group(chain, "G003") is None
    produce(chain, "G003", REGIONAL, day(4))
    assert chain.run(day(4, 2)).category_joined == {"aldi G005: produce": ["G003"]}


def test_two_doubted_stores_overrule_the_ambassador_of_a_category(sqlite):
    chain = outliers(sqlite)
    report = check(chain, 1, {"G003": COAST}, {})
    assert [group.status for group in report.groups if group.has_decided] == ["DIVERGENCE_DETECTED"]
    produce(chain, "G004", COAST, day(2, 6))
    produce(chain, "G005", REGIONAL, day(2, 20))
    report = chain.run(day(2, 22))
    assert next(group.ejected for group in report.groups if group.ejected) == ["G005"]
    assert category_partition(chain) == {frozenset(APART[:2])}
    assert ambassador(chain, "G003") == "G004"
    assert chain.listed_by(category_group(chain, "G003").id)[20] == COAST[20]


def test_each_group_is_audited_for_what_was_believed_on_its_word(engine):
    chain = excepted(engine)
    produce(chain, "G005", dearer(REGIONAL, {7}), day(12))
    chain.crawl("G002", dearer(BASE, {150}), day(12, 2))
    crawl_id = chain.crawl("G003", dearer(REGIONAL, {7, 8, 150, 151}), day(12, 4))
    with reading(engine) as session:
        audits = session.scalars(sa.select(InferenceAudit).where(InferenceAudit.crawl_id == crawl_id)).all()
    told = {audit.group_id: (audit.compared, audit.equal, audit.inferred_equal) for audit in audits}
    assert told.pop(category_group(chain, "G003").id)[:2] == (40, 39)
    assert told == {chain.group_of("G003").id: (160, 159, 1)}


def test_a_category_group_that_dissolves_leaves_own_prices_behind(engine):
    chain = excepted(engine)
    check(chain, 12, {"G003": COAST}, {"G004": REGIONAL})
    check(chain, 15, {"G004": dearer(BASE, range(0, 40, 2), by=3)}, {})
    assert category_partition(chain) == set()
    with reading(engine) as session:
        places = [open_membership(session, chain.stores[store], chain.roots["produce"]) for store in APART]
    assert [place.group_id for place in places] == [None, None, None]
    chain.crawl("G002", dearer(BASE, {7}), day(17))
    assert price(chain, "G005", 7) == (REGIONAL[7], "direct_scrape")


def test_category_groups_whose_lists_became_one_merge(sqlite):
    chain = outliers(sqlite)
    for position, store_id in enumerate(["G006", "G007", "G008"]):
        chain.crawl(store_id, alone(COAST, 30 + position), day(0, 14 + position))
    chain.run(day(0, 20))
    assert category_partition(chain) == {frozenset(APART), frozenset({"G006", "G007", "G008"})}
    for position, store_id in enumerate([*APART, "G006", "G007", "G008"]):
        produce(chain, store_id, REGIONAL, day(9, position))
    assert chain.run(day(9, 8)).merged == {"aldi G008: produce": "aldi G005: produce"}
    assert category_partition(chain) == {frozenset([*APART, "G006", "G007", "G008"])}


def test_an_exception_ends_when_the_category_shows_the_whole_list_again(engine):
    chain = excepted(engine)
    for at in (12, 13):
        for position, store_id in enumerate(["G002", "G005", "G001"]):
            chain.crawl(store_id, BASE, day(at, position))
        chain.run(day(at, 12))
    assert category_partition(chain) == {frozenset(APART[:2])}
    assert ambassador(chain, "G003") == "G004"
    assert len(chain.events("unexcepted", "G005")) == 1
    chain.crawl(chain.ambassador("G002"), dearer(BASE, {7}), day(14))
    assert price(chain, "G005", 7) == (BASE[7] + 10, "inferred_group")


def test_a_partial_crawl_ends_an_exception_too(sqlite):
    chain = excepted(sqlite)
    for at in (12, 15):
        produce(chain, "G005", REGIONAL if at == 12 else BASE, day(at))
        produce(chain, "G003", BASE, day(at, 2))
        produce(chain, "G004", REGIONAL if at == 12 else BASE, day(at, 4))
        produce(chain, "G005", REGIONAL if at == 12 else BASE, day(at + 1))
        chain.run(day(at + 1, 2))
    assert [category_group(chain, store_id) for store_id in ("G003", "G004")] == [None, None]
    assert chain.partition() == {frozenset(STORES)}


def test_an_outlier_that_joins_a_whole_list_group_leaves_the_category_group(engine):
    chain = outliers(engine)
    chain.crawl("G002", BASE, day(3))
    chain.crawl("G005", BASE, day(3, 2))
    assert chain.run(day(3, 4)).joined == {"G005": "aldi G002"}
    assert category_partition(chain) == {frozenset(APART[:2])}
    assert ambassador(chain, "G003") == "G004"


def test_a_store_that_lost_its_whole_list_keeps_its_category_group(sqlite):
    chain = excepted(sqlite)
    chain.crawl("G002", BASE, day(12))
    chain.crawl("G003", dearer(REGIONAL, range(40, 200, 3)), day(12, 2))
    chain.crawl("G001", BASE, day(12, 4))
    chain.crawl("G002", BASE, day(13))
    assert chain.run(day(13, 2)).outliers == ["G003"]
    assert category_group(chain, "G003") is not None


def test_a_closed_store_leaves_both_groups(sqlite):
    chain = excepted(sqlite)
    with transaction(sqlite) as session:
        session.get_one(Store, chain.stores["G005"]).is_active = False
    assert chain.run(day(12)).inactive == ["G005"]
    assert category_partition(chain) == {frozenset(APART[:2])}
    assert ambassador(chain, "G003") == "G004"


def test_a_second_run_changes_nothing(sqlite):
    chain = outliers(sqlite)
    with reading(sqlite) as session:
        before = chain.events("founded")[-1].id, session.scalar(sa.select(sa.func.count()).select_from(StoreGroup))
    report = chain.run(day(0, 14))
    assert (report.founded, report.category_joined, report.joined) == ({}, {}, {})
    with reading(sqlite) as session:
        after = chain.events("founded")[-1].id, session.scalar(sa.select(sa.func.count()).select_from(StoreGroup))
    assert after == before


def test_groups_are_listed_with_their_category_and_members_with_what_they_follow(sqlite):
    chain = excepted(sqlite)
    with reading(sqlite) as session:
        lines = {line.name: line for line in list_groups(session, "aldi")}
        whole = show_group(session, chain.group_of("G001").id)
        part = show_group(session, category_group(chain, "G003").id)
    assert {name: (line.category, line.members) for name, line in lines.items()} == {
        whole.line.name: (None, 5),
        "aldi G005: produce": ("produce", 3),
    }
    followed = ("produce (aldi G005: produce)",)
    assert [member.exceptions for member in whole.members] == [(), (), followed, followed, followed]
    assert [(member.store_id, member.exceptions) for member in part.members] == [(store, ()) for store in APART]


@pytest.mark.parametrize("killed_at", [1, 2])
def test_a_run_that_was_killed_is_continued_by_the_next(sqlite, monkeypatch, killed_at):
    """The machine fails after the group of one category, and before that of the next."""
    chain = outliers(sqlite, [])
    for position, store_id in enumerate(APART):
        own = {number: BASE[number] + 1 + position for number in ROOTS["pantry"]}
        chain.crawl(store_id, dearer(REGIONAL, ROOTS["dairy"]) | own, day(1, position))
    done = []

    def placing(step, *arguments):
        if step.scope is not None and len(done) >= killed_at:
            raise DatabaseError("the server went away")
        placed = place_stores(step, *arguments)
        done.extend(placed.founded)
        return placed

    monkeypatch.setattr("grouping.run.place_stores", placing)
    with pytest.raises(DatabaseError):
        chain.run(day(1, 12))
    monkeypatch.undo()
    report = chain.run(day(1, 13))
    assert sorted([*done, *report.founded]) == ["aldi G005: dairy", "aldi G005: produce"]
    assert category_partition(chain, "dairy") == category_partition(chain) == {frozenset(APART)}
    assert category_partition(chain, "pantry") == set()


def test_the_order_in_which_stores_came_does_not_matter(sqlite):
    chain = SmallChain(sqlite, ["G005", "G002", "G004", "G001", "G003"])
    for position, store_id in enumerate(HOME):
        chain.crawl(store_id, BASE, day(0, position))
    for store_id in ("G004", "G003", "G005"):  # G005 is the last to come in, and the freshest as before
        chain.crawl(store_id, alone(REGIONAL, int(store_id[-1])), day(0, int(store_id[-1])))
    chain.run(day(0, 12))
    assert category_partition(chain) == {frozenset(APART)}
    assert ambassador(chain, "G003") == "G005"
