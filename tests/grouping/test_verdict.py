"""The match rule and each branch of the verdict on a candidate crawl."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grouping.choosing import Moment, choose
from grouping.overlap import Catalogue, compare
from grouping.verdict import Snapshot, binomial_tail, judge, match
from splitcart.config import get_chain

PRODUCE, DAIRY = 1, 2
CATALOGUE = Catalogue({sku_id: PRODUCE if sku_id < 171 else DAIRY for sku_id in range(1000)})
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
BASE = {sku_id: 100 + sku_id for sku_id in range(1000)}


@pytest.fixture
def chain():
    return get_chain("aldi")


def priced(changed=(), was=None, base=BASE):
    """The base list with some skus ten cents dearer."""
    prices = {sku_id: price + 10 * (sku_id in changed) for sku_id, price in base.items()}
    return CATALOGUE.price_list(prices, [PRODUCE, DAIRY], was)


def snapshot(prices, days, crawl_id=None, store_id=1):
    at = MONDAY + timedelta(days=days)
    return Snapshot(prices, at, at + timedelta(hours=1), store_id, crawl_id)


@settings(max_examples=40, deadline=None)
@given(shared=st.integers(1, 300), different=st.integers(0, 300))
def test_the_tail_is_exact(shared, different):
    rate = Fraction(2, 100)
    exact = sum(comb(shared, m) * rate**m * (1 - rate) ** (shared - m) for m in range(different, shared + 1))
    assert binomial_tail(different, shared, 0.02) == pytest.approx(float(exact), rel=1e-9, abs=1e-300)


def test_the_tail_survives_long_lists():
    assert binomial_tail(3, 40_000, 0.02) == pytest.approx(1.0)
    assert binomial_tail(20_000, 40_000, 0.02) == 0.0


MATCHES = [
    ("the same list", (), True, ()),
    ("1 % anywhere", range(171, 181), True, ()),
    ("spread differences below the threshold", range(171, 1000, 50), True, ()),
    ("3 % everywhere", range(0, 1000, 33), False, ()),
    ("produce of another region, 98.4 % in all", range(16), False, (PRODUCE,)),
    ("two products of a category", range(2), True, ()),
]


@pytest.mark.parametrize(("story", "changed", "holds", "failing"), MATCHES, ids=[row[0] for row in MATCHES])
def test_match_rule(chain, story, changed, holds, failing):
    found = match(compare(priced(), priced(set(changed))), chain)
    assert (found.holds, found.failing_categories) == (holds, failing)
    assert found.enough


def test_few_shared_skus_match_nothing(chain):
    few = CATALOGUE.price_list({sku_id: BASE[sku_id] for sku_id in range(19)}, [PRODUCE])
    found = match(compare(priced(), few), chain)
    assert not found.holds
    assert not found.enough


def test_local_promotions_match_by_their_regular_prices(chain):
    promoted = set(range(171, 211))
    cheaper = {sku_id: price - 50 * (sku_id in promoted) for sku_id, price in BASE.items()}
    local = CATALOGUE.price_list(cheaper, [PRODUCE, DAIRY], was={sku_id: BASE[sku_id] for sku_id in promoted})
    found = match(compare(priced(), local), chain)
    assert found.rule == "regular"
    assert found.comparison.true_overlap == 0.96


def test_regular_prices_of_another_region_do_not_match(chain):
    regional = {sku_id: BASE[sku_id] + 30 * (sku_id < 4) for sku_id in BASE}
    specials = set(range(171, 196))
    ticket = {sku_id: price - 50 * (sku_id in specials) for sku_id, price in regional.items()}
    was = {sku_id: regional[sku_id] for sku_id in specials}
    few = CATALOGUE.price_list({k: v for k, v in ticket.items() if k < 8 or k >= 171}, [PRODUCE, DAIRY], was)
    found = match(compare(priced(), few), chain)
    assert found.comparison.regular_overlap > 0.995
    assert not found.holds


def test_figures_keep_what_differed(chain):
    figures = match(compare(priced(), priced({3, 500})), chain).figures()
    assert figures["categories"] == {"1": [171, 1], "2": [829, 1]}
    assert figures["skus"] == [3, 500]
    assert (figures["shared"], figures["equal"], figures["rule"]) == (1000, 998, "ticket")


FLIP = set(range(300))
OTHER_LIST = set(range(400, 1000))


def test_a_direct_match_confirms(chain):
    verdict = judge(snapshot(priced(), 1), [snapshot(priced({5}), 0, 7)], [], [], chain)
    assert (verdict.kind, verdict.by, verdict.reference.crawl_id) == ("confirmed", "near", 7)


def test_the_group_list_confirms_where_the_nearest_crawl_does_not(chain):
    near = [snapshot(priced(OTHER_LIST), 0, 7), snapshot(priced(), 1)]
    verdict = judge(snapshot(priced(), 1), near, [], [], chain)
    assert (verdict.kind, verdict.reference.crawl_id) == ("confirmed", None)


def test_a_mismatch_without_an_after_crawl_concludes_nothing(chain):
    verdict = judge(snapshot(priced(FLIP), 2), [snapshot(priced(), 1, 7)], [snapshot(priced(), 1, 7)], [], chain)
    assert (verdict.kind, verdict.by) == ("pending", "near")
    assert verdict.match.comparison.true_overlap == 0.7


def test_without_any_reference_the_verdict_is_pending(chain):
    verdict = judge(snapshot(priced(), 0), [], [], [], chain)
    assert (verdict.kind, verdict.match) == ("pending", None)


def test_a_change_of_prices_between_two_crawls_is_time(chain):
    before, after = snapshot(priced(), 0, 7), snapshot(priced(FLIP), 3, 8)
    verdict = judge(snapshot(priced(FLIP), 2), [before], [before], [after], chain)
    assert (verdict.kind, verdict.by) == ("confirmed", "bracket")
    assert verdict.moved_within == (before.observed_to, MONDAY + timedelta(days=2), 0.3)


def test_a_candidate_from_before_the_change_says_so(chain):
    before, after = snapshot(priced(), 0, 7), snapshot(priced(FLIP), 3, 8)
    candidate = snapshot(priced(), 2)
    verdict = judge(candidate, [after], [before], [after], chain)
    assert verdict.moved_within == (candidate.observed_to, after.observed_from, 0.3)


def test_a_mismatch_in_what_stood_still_is_place(chain):
    before, after = snapshot(priced(), 0, 7), snapshot(priced(FLIP), 3, 8)
    verdict = judge(snapshot(priced(FLIP | OTHER_LIST), 2), [before], [before], [after], chain)
    assert verdict.kind == "rogue"
    assert DAIRY in verdict.match.failing_categories


def test_too_little_stands_still_to_say(chain):
    before, after = snapshot(priced(), 0, 7), snapshot(priced(set(range(800))), 3, 8)
    assert judge(snapshot(priced(OTHER_LIST), 2), [before], [before], [after], chain).kind == "pending"


def test_a_short_list_is_judged_by_the_share_alone(chain):
    short = {sku_id: BASE[sku_id] for sku_id in range(100)}
    before, after = snapshot(priced(base=short), 0, 7), snapshot(priced(set(range(50)), base=short), 3, 8)
    verdict = judge(snapshot(priced(set(range(100)), base=short), 2), [before], [before], [after], chain)
    assert verdict.kind == "rogue"


def test_a_long_list_needs_enough_stable_skus(chain):
    after = snapshot(CATALOGUE.price_list({k: BASE[k] for k in range(150)}, [PRODUCE]), 3, 8)
    before = snapshot(priced(), 0, 7)
    assert judge(snapshot(priced(set(range(1000))), 2), [before], [before], [after], chain).kind == "pending"


def test_what_a_confirmed_crawl_of_the_same_day_shows_otherwise_is_not_stable(chain):
    """A one-day special between two crawls of the Ambassador looks stable from outside."""
    before, after = snapshot(priced(), 0, 7), snapshot(priced(), 3, 8)
    candidate, neighbour = snapshot(priced(FLIP), 2), snapshot(priced(FLIP), 2, 9)
    assert judge(candidate, [], [before], [after], chain).kind == "rogue"
    assert judge(candidate, [], [before], [after], chain, around=[neighbour]).kind == "confirmed"


def moment(crawl_id, days, categories=(PRODUCE, DAIRY), hours=1):
    at = MONDAY + timedelta(days=days)
    return Moment(crawl_id, 1, at, at + timedelta(hours=hours), frozenset(categories))


def ids(choice):
    return tuple(tuple(found.crawl_id for found in part) for part in (choice.near, choice.before, choice.after))


CHOICES = [
    ("all three", [moment(1, 2), moment(2, 4), moment(3, 7)], ((2,), (2,), (3,))),
    ("the nearest is the after crawl", [moment(1, 2), moment(3, 6)], ((3,), (1,), (3,))),
    ("nothing within the window", [moment(1, 1), moment(3, 9)], ((), (1,), (3,))),
    ("no after crawl yet", [moment(1, 4)], ((1,), (), ())),
    ("too far apart", [moment(1, -3), moment(3, 8)], ((), (), ())),
    ("another category", [moment(1, 5, [99]), moment(2, 4)], ((2,), (), ())),
    ("the candidate itself", [moment(9, 5)], ((), (), ())),
    (
        "a partial crawl leaves its other category to the next one",
        [moment(1, 3), moment(2, 4, [DAIRY]), moment(3, 6, [PRODUCE]), moment(4, 7)],
        ((2, 3), (2, 1), (3, 4)),
    ),
    (
        "a category that nothing brackets stays open",
        [moment(1, 3), moment(2, 6, [PRODUCE])],
        ((2, 1), (1,), (2,)),
    ),
]


@pytest.mark.parametrize(("story", "moments", "expected"), CHOICES, ids=[row[0] for row in CHOICES])
def test_choice_of_reference_crawls(chain, story, moments, expected):
    candidate = snapshot(priced(), 5, 9)
    assert ids(choose(candidate, {PRODUCE, DAIRY}, moments, chain)) == expected
    assert ids(choose(candidate, {PRODUCE, DAIRY}, moments[::-1], chain)) == expected


def test_each_reference_crawl_speaks_for_its_own_categories(chain):
    moments = [moment(1, 3), moment(2, 4, [DAIRY]), moment(3, 6)]
    choice = choose(snapshot(priced(), 5, 9), {PRODUCE, DAIRY}, moments, chain)
    assert [(found.crawl_id, found.category_ids) for found in choice.before] == [(2, {DAIRY}), (1, {PRODUCE})]


def test_crawls_of_the_same_day_stand_around(chain):
    moments = [moment(1, 3), moment(2, 4.5), moment(3, 5.3), moment(4, 5.4)]
    choice = choose(snapshot(priced(), 5, 9), {DAIRY}, moments, chain)
    assert [found.crawl_id for found in choice.around] == [4]


def part(days, crawl_id, category, changed=()):
    """A crawl that was blocked after one category."""
    prices = priced(set(changed))
    return snapshot(prices.without({PRODUCE, DAIRY} - {category}), days, crawl_id)


REGION = set(range(0, 171, 5))  # produce of another region


def test_what_a_bracket_lacks_must_match_the_rest(chain):
    """Blocked before and after crawls say nothing of produce; the list does."""
    before, after = part(0, 7, DAIRY), part(3, 8, DAIRY)
    candidate, listed = snapshot(priced(REGION), 2), snapshot(priced(), 2)
    assert judge(candidate, [], [before], [after], chain).kind == "confirmed"
    verdict = judge(candidate, [], [before], [after], chain, rest=listed)
    assert (verdict.kind, verdict.match.failing_categories) == ("pending", (PRODUCE,))
    assert judge(snapshot(priced(), 2), [], [before], [after], chain, rest=listed).kind == "confirmed"


def test_crawls_of_different_departments_make_one_bracket(chain):
    before = [part(1, 7, DAIRY), part(0, 6, PRODUCE)]
    after = [part(3, 8, DAIRY, FLIP), part(4, 9, PRODUCE, FLIP)]
    flipped, elsewhere = snapshot(priced(FLIP), 2), snapshot(priced(set(range(40)) ^ FLIP | set(range(500, 600))), 2)
    assert judge(flipped, [], before, after, chain).kind == "confirmed"
    assert judge(elsewhere, [], before, after, chain).kind == "rogue"


def test_a_bracket_mismatch_is_place_whatever_the_rest_says(chain):
    before, after = part(0, 7, DAIRY), part(3, 8, DAIRY)
    verdict = judge(snapshot(priced(OTHER_LIST), 2), [], [before], [after], chain, rest=snapshot(priced(), 2))
    assert verdict.kind == "rogue"


def test_a_crawl_completed_by_others_keeps_its_own_prices_and_its_name():
    joined = part(0, 7, DAIRY, FLIP).completed_by([part(1, 8, DAIRY), part(1, 9, PRODUCE)])
    dairy, produce = joined.prices.price[171:], joined.prices.price[:171]
    assert joined.crawl_id == 7
    assert (dairy == priced(FLIP).price[171:]).all()
    assert (produce == priced().price[:171]).all()
