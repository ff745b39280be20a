"""A match must hold in every category: what a blocked crawl does not contain, it cannot overrule."""

from tests.grouping.factory import BASE, SmallChain, day, dearer

STORES = ["G001", "G002", "G003"]
REGIONAL = dearer(BASE, range(0, 40, 3))  # another region's produce
ELSEWHERE = dearer(BASE, range(40, 200, 3))  # another list in two of three departments
FLIPPED = dearer(BASE, range(0, 200, 3))
NO_PRODUCE = ("dairy", "pantry")


def grouped(engine, stores=STORES, at=0):
    chain = SmallChain(engine, [*stores, "G009"])
    for position, store_id in enumerate(stores):
        chain.crawl(store_id, BASE, day(at, position))
    return chain


def test_an_ambassador_blocked_before_produce_does_not_end_another_regions_exception(engine):
    chain = grouped(engine)
    chain.crawl("G009", REGIONAL, day(0, 3))
    assert chain.run(day(0, 12)).excepted == {"G009": chain.group_of("G001").name}
    chain.crawl(chain.ambassador("G001"), BASE, day(1), roots=NO_PRODUCE)
    chain.crawl("G009", REGIONAL, day(1, 2))
    chain.run(day(1, 4))
    assert chain.exceptions("G009") == {"produce"}


def test_two_crawls_of_one_department_do_not_make_one_list_of_two(engine):
    chain = grouped(engine)
    chain.crawl("G009", ELSEWHERE, day(0, 3))
    chain.run(day(0, 12))
    chain.crawl(chain.ambassador("G001"), BASE, day(3), roots=("produce",))
    chain.crawl("G009", ELSEWHERE, day(3, 2), roots=("produce",))
    assert chain.run(day(3, 4)).joined == {}


def test_two_stores_known_whole_found_nothing_on_one_department(engine):
    chain = SmallChain(engine, ["G001", "G002"])
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G002", ELSEWHERE, day(0, 2))
    for store_id in ("G001", "G002"):
        chain.crawl(store_id, BASE, day(3), roots=("produce",))
    assert chain.run(day(3, 4)).founded == {}


def test_a_member_whose_produce_left_the_list_waits_for_a_crawl_that_contains_it(engine):
    chain = grouped(engine)
    chain.run(day(0, 12))
    chain.crawl("G003", BASE, day(1), roots=NO_PRODUCE)
    chain.crawl("G001", REGIONAL, day(1, 2))
    assert chain.run(day(1, 4)).groups[0].pending == ["G001"]
    chain.crawl("G003", BASE, day(2), roots=NO_PRODUCE)
    assert chain.run(day(2, 4)).groups[0].pending == ["G001"]
    chain.crawl("G003", BASE, day(3))
    report = chain.run(day(3, 4))
    assert (report.groups[0].pending, report.groups[0].potential_rogues) == ([], ["G001"])


def test_a_list_that_is_stale_after_a_flip_leaves_it_pending_and_not_a_rogue(engine):
    """The Ambassador was blocked before produce on the day after the flip: produce of the list is of last week."""
    chain = grouped(engine, at=1)
    chain.run(day(1, 12))
    chain.crawl("G003", FLIPPED, day(2, 6), roots=NO_PRODUCE)
    chain.crawl("G001", FLIPPED, day(2, 8))
    chain.crawl("G003", FLIPPED, day(3), roots=NO_PRODUCE)
    assert chain.run(day(3, 2)).groups[0].pending == ["G001"]
    chain.crawl("G003", FLIPPED, day(3, 6))
    report = chain.run(day(3, 8))
    assert report.groups[0].confirmed_matches == ["G001"]
    assert chain.events("ejected") == []
    assert chain.partition() == {frozenset(STORES)}
    assert chain.listed("G001") == FLIPPED


def test_a_later_crawl_without_the_department_does_not_clear_a_rogue(engine):
    chain = grouped(engine)
    chain.run(day(0, 12))
    chain.crawl("G001", REGIONAL, day(1))
    chain.crawl("G001", REGIONAL, day(1, 6), roots=NO_PRODUCE)
    chain.crawl("G003", BASE, day(2))
    report = chain.run(day(2, 2))
    assert (report.groups[0].confirmed_matches, report.groups[0].potential_rogues) == ([], ["G001"])
    assert chain.place("G001").suspended_at is not None
    chain.crawl("G001", REGIONAL, day(2, 6), roots=NO_PRODUCE)
    assert chain.run(day(2, 8)).groups[0].pending == ["G001"]
    assert chain.place("G001").suspended_at is not None


def test_a_whole_crawl_that_was_confirmed_later_outweighs_an_earlier_mismatch(engine):
    """A wrong page of one day: the verdict on it comes when the next day's crawl is long confirmed."""
    chain = grouped(engine)
    chain.run(day(0, 12))
    chain.crawl("G001", REGIONAL, day(1))
    chain.run(day(1, 2))
    chain.crawl("G001", BASE, day(1, 20))
    chain.crawl("G003", BASE, day(2))
    report = chain.run(day(2, 2))
    assert (report.groups[0].confirmed_matches, report.groups[0].potential_rogues) == (["G001"], [])
    assert chain.place("G001").suspended_at is None


def test_groups_stay_apart_while_a_members_one_department_shows_another_list(engine):
    chain = SmallChain(engine, [*STORES, "G004", "G005"])
    for position, store_id in enumerate([*STORES, "G004", "G005"]):
        chain.crawl(store_id, BASE if position < 3 else REGIONAL, day(0, position))
    chain.run(day(0, 12))
    chain.crawl(chain.ambassador("G001"), BASE, day(9))
    chain.crawl("G005", BASE, day(9, 2))
    chain.crawl("G004", REGIONAL, day(9, 4), roots=("produce",))
    assert chain.run(day(9, 6)).merged == {}


def test_a_seeded_member_is_not_confirmed_by_one_department(engine):
    from grouping.seed import seed
    from splitcart.database import transaction
    from splitcart.database.models import GeoCluster, Store

    chain = SmallChain(engine, STORES)
    with transaction(engine) as session:
        cluster = GeoCluster(company_id=chain.company_id, name="Perth", latitude=0, longitude=0, created_at=day(0))
        session.add(cluster)
        session.flush()
        for row_id in chain.stores.values():
            session.get_one(Store, row_id).cluster_id = cluster.id
    chain.crawl("G001", BASE, day(0))
    chain.crawl("G002", ELSEWHERE, day(0, 2), roots=("produce",))
    report = seed(engine, chain.chain, "geographic", lambda: day(0, 6))
    assert report.unconfirmed == {"aldi G001": ["G002", "G003"]}
    assert chain.run(day(0, 8)).groups[0].pending == ["G002"]
    assert chain.place("G002").confirmed_at is None
