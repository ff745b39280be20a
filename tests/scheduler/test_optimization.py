"""Optimization serves doubts first, then gives outliers and checks their turns."""

import pytest

from splitcart.database.models import Membership, Store, StoreGroup
from tests.scheduler.world import World, hours


def covered(world: World, count: int, *, ago: float = 30, cluster: int | None = None) -> list[int]:
    """Stores of one cluster, all crawled: the first one most recently."""
    cluster = cluster or world.cluster("Perth")
    stores = [world.store(cluster) for _ in range(count)]
    for number, store in enumerate(stores):
        world.crawl(store, ago=ago + number * 0.1)
    return stores


def picks(world: World, limit: int = 100, **options) -> list[tuple[str, int]]:
    return [(entry.kind, entry.store) for entry in world.queue("optimization", limit, **options)]


def test_nothing_is_optimised_while_the_cluster_is_being_discovered(embedded: World) -> None:
    perth = embedded.cluster("Perth")
    stores = covered(embedded, 3, ago=100, cluster=perth)
    embedded.store(perth)
    assert picks(embedded) == []
    assert [entry.mode for entry in embedded.queue()] == ["discovery"]
    assert stores


def test_one_cluster_is_optimised_while_another_is_discovered(world: World) -> None:
    covered(world, 2, ago=100)
    adelaide = world.cluster("Adelaide", 3)
    assert {entry.mode for entry in world.queue()} == {"discovery", "optimization"}
    assert {store for _, store in picks(world)}.isdisjoint(world.stores_of(adelaide))


def test_tie_breakers_come_first_least_recently_scraped_and_at_most_two(world: World) -> None:
    stores = covered(world, 6)
    group = world.group(stores, ambassador=stores[0], status="DIVERGENCE_DETECTED")
    world.suspend(group, stores[5])
    assert picks(world)[:2] == [("tie-breaker", stores[4]), ("tie-breaker", stores[3])]
    assert [kind for kind, _ in picks(world)].count("tie-breaker") == 2


def test_tie_breakers_under_way_or_judged_are_not_asked_again(embedded: World) -> None:
    stores = covered(embedded, 7)
    group = embedded.group(stores, ambassador=stores[0], status="DIVERGENCE_DETECTED")
    embedded.suspend(group, stores[6])
    first, second = embedded.lease(2)
    assert [embedded.lease_row(lease).kind for lease in (first, second)] == ["tie-breaker", "tie-breaker"]
    assert "tie-breaker" not in [kind for kind, _ in picks(embedded)]
    embedded.wait(0.5)
    # The first brings a crawl that waits for its verdict: two are still under way.
    embedded.release(first)
    crawl = embedded.crawl(stores[5])
    embedded.candidate(group, stores[5], crawl)
    assert "tie-breaker" not in [kind for kind, _ in picks(embedded)]
    # The second fails, so another takes its place; the one that failed backs off.
    embedded.release(second, "failed", "blocked")
    assert picks(embedded)[0] == ("tie-breaker", stores[3])


def test_a_member_that_had_its_verdict_since_the_divergence_is_no_tie_breaker(embedded: World) -> None:
    stores = covered(embedded, 5)
    group = embedded.group(stores, ambassador=stores[0], status="DIVERGENCE_DETECTED")
    embedded.verdict(group, stores[3], "rogue")  # from before the divergence
    embedded.wait(1)
    embedded.suspend(group, stores[4])
    embedded.verdict(group, stores[2], "rogue")
    embedded.verdict(group, stores[1], "pending")  # which is none
    assert picks(embedded)[:2] == [("tie-breaker", stores[3]), ("tie-breaker", stores[1])]


def test_news_that_waits_is_put_to_the_member_that_was_seen_longest_ago(world: World) -> None:
    stores = covered(world, 4)
    group = world.group(stores, ambassador=stores[0], last_checked_at=world.now)
    world.news(group, stores[0], waiting=True)
    assert picks(world) == [("second voice", stores[3])]
    world.release(*world.lease(1))
    assert picks(world) == [], "it was asked once"


def test_news_that_a_verdict_came_after_waits_for_nobody(embedded: World) -> None:
    stores = covered(embedded, 3)
    group = embedded.group(stores, ambassador=stores[0], last_checked_at=embedded.now)
    embedded.news(group, stores[0], waiting=True)
    embedded.verdict(group, stores[1], "confirmed")
    embedded.news(group, stores[0], waiting=False)
    assert picks(embedded) == []


@pytest.mark.parametrize(
    ("ago", "facts", "reason"),
    [
        (30, {"status": "AMBASSADOR_STALE"}, "the last run found it stale"),
        (60, {}, "its data is from before all stores had the new prices, 18 Nov 04:00 UTC"),
        (80, {}, "its data is 80 h old"),
    ],
)
def test_a_stale_ambassador_is_asked_for_with_its_reason(embedded: World, ago: float, facts, reason: str) -> None:
    stores = covered(embedded, 3, ago=ago)
    group = embedded.group(stores, ambassador=stores[0], name="Perth list", last_checked_at=embedded.now, **facts)
    (entry,) = embedded.queue("optimization")
    assert (entry.store, entry.kind, entry.group_id) == (stores[0], "ambassador", group)
    assert entry.reason == f"Ambassador of Perth list: {reason}"


def test_change_times_are_local_to_the_store(embedded: World) -> None:
    """Most of Sydney has Wednesday's prices three hours before most of Perth has."""
    embedded.now = embedded.now.replace(day=17, hour=20)  # in Sydney it is Wednesday, seven o'clock; in Perth four
    perth, sydney = (embedded.store(embedded.cluster(name), state=state) for name, state in [("P", "WA"), ("S", "NSW")])
    embedded.crawl(perth, sydney, ago=3)
    embedded.group([perth], ambassador=perth)
    embedded.group([sydney], ambassador=sydney)
    (entry,) = embedded.queue("optimization")
    assert (entry.kind, entry.store) == ("ambassador", sydney)
    assert entry.reason.endswith("before most stores had the new prices, 17 Nov 19:00 UTC")


@pytest.mark.parametrize(("share", "asked"), [(None, True), (0.001, True), (0.3, False)])
def test_an_ambassador_without_the_new_prices_is_asked_again_when_they_are_everywhere(
    embedded: World, share: float | None, *, asked: bool
) -> None:
    embedded.now = embedded.now.replace(day=17, hour=23)  # seven hours into Perth's Wednesday
    stores = covered(embedded, 3, ago=20)
    group = embedded.group(stores, ambassador=stores[0], last_checked_at=embedded.now)
    embedded.crawl(stores[0])
    if share is not None:
        embedded.news(group, stores[0], waiting=False, share=share)
    assert picks(embedded) == []
    embedded.wait(6)
    assert picks(embedded) == [("ambassador", stores[0])] * asked


def test_a_fresh_ambassador_is_left_alone(embedded: World) -> None:
    stores = covered(embedded, 3, ago=20)
    embedded.group(stores, ambassador=stores[0], last_checked_at=embedded.now)
    assert picks(embedded) == []


def test_a_candidate_too_late_to_compare_asks_for_an_ambassador_after_it(embedded: World) -> None:
    stores = covered(embedded, 3, ago=55)
    group = embedded.group(stores, ambassador=stores[0], last_checked_at=embedded.now)
    embedded.chain = embedded.chain.__class__(name="T", slug="testmart", store_id_pattern=r"S\d+", base_urls={})
    assert picks(embedded) == []
    embedded.candidate(group, stores[1], embedded.crawl(stores[1]))
    (entry,) = embedded.queue("optimization")
    assert (entry.kind, entry.store) == ("ambassador", stores[0])
    assert entry.reason.endswith("1 pending candidates wait for a crawl after theirs")


def test_a_comparable_candidate_asks_when_a_run_has_left_it_open_and_again_when_prices_have_settled(
    embedded: World,
) -> None:
    stores = covered(embedded, 3, ago=20)
    group = embedded.group(stores, ambassador=stores[0], last_checked_at=embedded.now)
    embedded.candidate(group, stores[1], embedded.crawl(stores[1]))
    assert picks(embedded) == []
    embedded.wait(0.5)
    embedded.verdict(group, stores[1], "pending")
    for hours_until_the_next in (11.5, 0.5):
        assert picks(embedded) == [("ambassador", stores[0])]
        (lease,) = embedded.lease()
        assert picks(embedded) == []
        embedded.wait(0.5)
        embedded.crawl(stores[0])
        embedded.release(lease)
        assert picks(embedded) == []
        embedded.wait(hours_until_the_next)
    assert picks(embedded) == []


def test_a_stale_group_is_not_asked_again_before_its_next_run(embedded: World) -> None:
    stores = covered(embedded, 2, ago=30)
    group = embedded.group(stores, ambassador=stores[0], status="AMBASSADOR_STALE")
    assert embedded.lease_and_crawl()
    assert picks(embedded) == []
    embedded.wait(1)
    embedded.verdict(group, stores[1], "pending")  # the run has seen it and the status still stands
    assert picks(embedded) == [("ambassador", stores[0])]


def test_an_ambassador_that_cannot_be_scraped_gets_a_stand_in(world: World) -> None:
    stores = covered(world, 4, ago=80)
    group = world.group(stores, ambassador=stores[0])
    world.change(Membership, 3, confirmed_at=world.now)  # the third store is the last one confirmed
    failed = world.fail("blocked")
    assert failed is not None
    assert world.row_id(failed) == stores[0]
    (entry,) = world.queue("optimization", 1)
    assert (entry.kind, entry.store, entry.group_id) == ("ambassador", stores[2], group)
    assert entry.reason.startswith("stands in for the Ambassador of")
    world.lease_and_crawl()
    assert "ambassador" not in [kind for kind, _ in picks(world)]


def test_a_closed_ambassador_gets_a_stand_in_and_a_group_without_one_too(embedded: World) -> None:
    one, other = covered(embedded, 2), covered(embedded, 2)
    embedded.group(one, ambassador=one[0])
    embedded.group(other, ambassador=None)
    embedded.change(Store, one[0], is_active=False)
    assert picks(embedded, 2) == [("ambassador", one[1]), ("ambassador", other[0])]


def test_large_groups_ambassadors_go_before_small_ones(embedded: World) -> None:
    small, large = covered(embedded, 2, ago=90), covered(embedded, 4, ago=85)
    embedded.group(small, ambassador=small[0])
    embedded.group(large, ambassador=large[0])
    assert picks(embedded, 2) == [("ambassador", large[0]), ("ambassador", small[0])]


def test_the_outlier_with_the_oldest_data_goes_first_and_not_twice_a_day(world: World) -> None:
    perth = world.cluster("Perth")
    fresh, old, older = (world.store(perth) for _ in range(3))
    world.crawl(fresh, ago=5)
    world.crawl(old, ago=30)
    world.crawl(older, ago=200)
    assert picks(world) == [("outlier", older), ("outlier", old)]
    assert world.queue("optimization")[0].reason == "outlier with the oldest data, 8.3 days old"


def test_an_outlier_is_due_at_once_after_a_change_time(embedded: World) -> None:
    store = embedded.store(embedded.cluster("Perth"))
    embedded.now = embedded.now.replace(day=17, hour=23)  # most of Perth has Wednesday's prices since an hour
    embedded.crawl(store, ago=3)
    assert picks(embedded) == [("outlier", store)]


def test_the_healthy_group_longest_without_a_check_sends_its_two_least_recent_members(world: World) -> None:
    lately, long_ago = covered(world, 4), covered(world, 4)
    world.group(lately, ambassador=lately[0], last_checked_at=world.now.replace(day=15))
    world.group(long_ago, ambassador=long_ago[0], last_checked_at=world.now.replace(day=10))
    assert picks(world) == [("check", row) for row in (long_ago[3], long_ago[2], lately[3], lately[2])]


def test_a_group_whose_inferences_were_wrong_goes_before_one_that_waited_somewhat_longer(world: World) -> None:
    right, wrong = covered(world, 3), covered(world, 3)
    first = world.group(right, ambassador=right[0], last_checked_at=world.now - hours(40))
    second = world.group(wrong, ambassador=wrong[0], last_checked_at=world.now - hours(30))
    world.audit(first, right[1], compared=1000, equal=999)
    world.audit(second, wrong[1], compared=1000, equal=980)
    assert [store for _, store in picks(world)][:2] == [wrong[2], wrong[1]]
    world.audit(second, wrong[1], compared=9000, equal=9000)
    assert [store for _, store in picks(world)][:2] == [right[2], right[1]]


def test_a_group_that_was_never_checked_goes_first(embedded: World) -> None:
    checked, never = covered(embedded, 3), covered(embedded, 3)
    embedded.group(checked, ambassador=checked[0], last_checked_at=embedded.now.replace(day=1))
    embedded.group(never, ambassador=never[0])
    assert picks(embedded, 1) == [("check", never[2])]


def test_the_ambassador_is_one_of_the_two_when_its_data_is_not_comparable(embedded: World) -> None:
    stores = covered(embedded, 3, ago=49)
    embedded.chain = embedded.chain.__class__(name="T", slug="testmart", store_id_pattern=r"S\d+", base_urls={})
    embedded.group(stores, ambassador=stores[0])
    assert picks(embedded) == [("check", stores[0]), ("check", stores[2])]


def test_a_suspended_member_is_not_sent_to_a_check(embedded: World) -> None:
    stores = covered(embedded, 4)
    embedded.suspend(embedded.group(stores, ambassador=stores[0]), stores[3])
    assert picks(embedded) == [("check", stores[2]), ("check", stores[1])]


def test_a_group_is_checked_once_a_day(embedded: World) -> None:
    stores = covered(embedded, 5)
    group = embedded.group(stores, ambassador=stores[0])
    pair = embedded.lease(10)
    assert [embedded.lease_row(lease).kind for lease in pair] == ["check", "check"]
    embedded.wait(1)
    embedded.crawl(stores[4], stores[3])
    for lease in pair:
        embedded.release(lease)
    embedded.change(StoreGroup, group, last_checked_at=embedded.now)
    embedded.crawl(stores[0])
    assert picks(embedded) == []
    embedded.wait(19)
    assert "check" not in [kind for kind, _ in picks(embedded)]
    embedded.wait(1.1)
    embedded.crawl(stores[0])
    assert picks(embedded) == [("check", stores[2]), ("check", stores[1])]


def test_outliers_and_checks_take_turns_in_one_queue(embedded: World) -> None:
    one, other, outliers = covered(embedded, 3), covered(embedded, 3), covered(embedded, 4)
    embedded.group(one, ambassador=one[0])
    embedded.group(other, ambassador=other[0])
    kinds = [kind for kind, _ in picks(embedded)]
    assert kinds == ["outlier", "check", "check", "outlier", "check", "check", "outlier", "outlier"]
    assert outliers


def test_outliers_and_checks_take_the_same_turns_over_many_leases_of_one_store(world: World) -> None:
    one, other, _ = covered(world, 3), covered(world, 3), covered(world, 4)
    first, second = world.group(one, ambassador=one[0]), world.group(other, ambassador=other[0])
    rows = [world.lease_row(world.lease(1)[0]) for _ in range(8)]
    kinds = [row.kind for row in rows]
    assert kinds == ["outlier", "check", "check", "outlier", "check", "check", "outlier", "outlier"]
    assert [row.group_id for row in rows if row.kind == "check"] == [first, first, second, second]


def test_doubts_come_before_outliers_and_checks(embedded: World) -> None:
    doubtful, stale, healthy = covered(embedded, 4), covered(embedded, 2, ago=90), covered(embedded, 3)
    covered(embedded, 1)
    group = embedded.group(doubtful, ambassador=doubtful[0], status="DIVERGENCE_DETECTED")
    embedded.suspend(group, doubtful[3])
    embedded.group(stale, ambassador=stale[0], last_checked_at=embedded.now)
    embedded.group(healthy, ambassador=healthy[0])
    kinds = [kind for kind, _ in picks(embedded)]
    assert kinds == ["tie-breaker", "tie-breaker", "ambassador", "outlier", "check", "check"]


def test_no_store_stands_in_the_queue_twice(embedded: World) -> None:
    stores = covered(embedded, 8, ago=90)
    produce = embedded.roots[1]
    embedded.group(stores[:5], ambassador=stores[0])
    embedded.group(stores[2:7], ambassador=stores[2], category=produce)
    queue = embedded.queue("optimization")
    assert len({entry.store for entry in queue}) == len(queue) >= 6


def test_a_category_group_leases_that_category_alone(world: World) -> None:
    stores = covered(world, 4)
    produce = world.roots[1]
    world.group(stores, ambassador=stores[0], last_checked_at=world.now)
    world.crawl(*stores, ago=1, roots=["Dairy"])  # which does not make their produce any fresher
    group = world.group(stores, ambassador=stores[1], category=produce, status="AMBASSADOR_STALE")
    (entry,) = world.queue("optimization")
    assert (entry.store, entry.group_id, entry.categories) == (stores[1], group, ("Produce",))
    (lease,) = world.lease()
    assert lease.categories == ["Produce"]
    assert list(lease.expected_rows) == ["Produce"]


def test_a_category_group_that_is_told_its_list_asks_for_nothing(world: World) -> None:
    stores = covered(world, 4)
    world.group(stores, ambassador=stores[0], last_checked_at=world.now)
    world.group(stores[1:3], category=world.roots[1])
    assert world.queue("optimization") == []


def test_a_crawl_of_one_category_leaves_the_rest_as_old_as_it_was(world: World) -> None:
    """Nor does its file count as an attempt that brought nothing."""
    stores = covered(world, 3, ago=200)
    group = world.group(stores, ambassador=stores[1], category=world.roots[1], status="AMBASSADOR_STALE")
    (lease,) = world.lease()
    assert lease.categories == ["Produce"]
    world.wait(1)
    world.crawl(*stores, roots=["Produce"])
    world.release(lease)
    world.change(StoreGroup, group, status="HEALTHY", last_checked_at=world.now)
    queue = world.queue("optimization")
    assert {entry.store for entry in queue} == set(stores)
    assert {entry.reason for entry in queue} == {"outlier with the oldest data, 8.4 days old"}


def test_a_named_cluster_gets_only_its_own_stores(embedded: World) -> None:
    perth, albany = embedded.cluster("Perth"), embedded.cluster("Albany")
    here, there = covered(embedded, 2, ago=90, cluster=perth), covered(embedded, 2, ago=99, cluster=albany)
    embedded.group([here[0], there[0]], ambassador=there[0])
    assert picks(embedded, cluster="perth") == [("outlier", here[1]), ("check", here[0])]


def test_stores_that_are_out_or_back_off_are_passed_over(embedded: World) -> None:
    stores = covered(embedded, 5)
    embedded.group(stores, ambassador=stores[0])
    failed = embedded.fail()
    assert failed is not None
    assert embedded.row_id(failed) == stores[4]
    assert picks(embedded) == [("check", stores[3]), ("check", stores[2])]


def test_an_inactive_group_is_nobodys_business(embedded: World) -> None:
    stores = covered(embedded, 3, ago=90)
    group = embedded.group(stores, ambassador=stores[0])
    embedded.change(StoreGroup, group, is_active=False)
    for number in range(3):
        embedded.change(Membership, number + 1, until=embedded.now)
    assert [kind for kind, _ in picks(embedded)] == ["outlier", "outlier", "outlier"]
