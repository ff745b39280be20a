"""The market's truth: the same for the same seed, changing as real chains do."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart.errors import InputError
from splitcart.replica import ChainConfig, Market, MarketConfig, default_chains, still

START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
NOON = timedelta(hours=4)  # noon in Perth, still the same day everywhere in Australia


def market(chain="aldi", *, seed=1, moves=(), list_changes=(), start=START, **figures):
    return Market(
        MarketConfig(seed=seed, start=start, chains={chain: still(**figures)}, moves=moves, list_changes=list_changes)
    )


def at(day):
    return START + NOON + timedelta(days=day)


def changed(before, after):
    return {code for code in before.keys() | after.keys() if before.get(code) != after.get(code)}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**9), order=st.randoms(use_true_random=False))
def test_the_truth_depends_on_the_seed_and_not_on_who_asks_first(seed, order):
    chains = {chain: msgspec.structs.replace(config, stores=5, skus=60) for chain, config in default_chains().items()}
    config = MarketConfig(seed=seed, start=START, chains=chains)
    one, other = Market(config), Market(config)
    questions = [
        (chain, store.store_id, at(day)) for chain in chains for store in one.stores(chain)[:4] for day in (0, 2, 9, 16)
    ]
    answers = {question: one.offers(*question) for question in questions}
    order.shuffle(questions)
    assert {question: other.offers(*question) for question in questions} == answers
    assert one.stores("aldi") == other.stores("aldi")
    assert one.events("aldi", at(0), at(12)) == other.events("aldi", at(0), at(12))


def test_another_seed_is_another_market():
    assert market(seed=1).stores("aldi") != market(seed=2).stores("aldi")
    assert set(market(seed=1).skus("aldi")) != set(market(seed=2).skus("aldi"))


@pytest.mark.parametrize("chain", ["aldi", "woolworths"])
def test_about_thirty_percent_of_promoted_offers_change_on_wednesday_and_under_one_percent_on_other_days(chain):
    config = msgspec.structs.replace(
        default_chains()[chain],
        skus=1500,
        promoted_share=0.25,
        unscheduled_every_days=0.0,
        small_share=0.0,
        solo_share=0.0,
        move_rate=0.0,
    )
    truth = Market(MarketConfig(start=START, chains={chain: config}))
    store = truth.stores(chain)[0].store_id
    for day in range(1, 22):
        before, after = (truth.offers(chain, store, at(each)) for each in (day - 1, day))
        promoted = {code for code, offer in before.items() if offer.promoted and not offer.local}
        if at(day).weekday() == 2:
            assert 0.25 < len(changed(before, after) & promoted) / len(promoted) < 0.36
            assert len(changed(before, after)) / len(before) > 0.10
        else:
            assert len(changed(before, after)) / len(before) < 0.01


def test_the_flip_comes_at_midnight_of_each_store_s_own_zone():
    truth = market(stores=2, cities={"Perth": 1, "Sydney": 1})
    perth, sydney = truth.stores("aldi")
    tuesday_noon = at(1)
    for store, hour in ((perth, 16), (sydney, 13)):  # UTC+8; UTC+11 in summer
        midnight = datetime(2026, 11, 3, hour, tzinfo=UTC)
        before = truth.offers("aldi", store.store_id, tuesday_noon)
        assert truth.offers("aldi", store.store_id, midnight - timedelta(seconds=1)) == before
        assert truth.offers("aldi", store.store_id, midnight) != before


def test_stores_of_one_list_and_state_show_the_same_and_stores_of_two_lists_do_not():
    truth = market(stores=10, lists=2, cities={"Perth": 1}, skus=300)
    lists = {store.store_id: truth.plan("aldi", store.store_id).list_on(0) for store in truth.stores("aldi")}
    assert Counter(lists.values()) == {"A": 7, "B": 3}
    offers = {store_id: truth.offers("aldi", store_id, at(5)) for store_id in lists}
    for one, list_of_one in lists.items():
        for other, list_of_other in lists.items():
            assert (offers[one] == offers[other]) == (list_of_one == list_of_other)


def test_produce_alone_differs_between_states():
    truth = market(stores=2, cities={"Perth": 1, "Adelaide": 1}, skus=300)
    perth, adelaide = (truth.offers("aldi", store.store_id, at(0)) for store in truth.stores("aldi"))
    roots = {truth.skus("aldi")[code].root for code in changed(perth, adelaide)}
    assert roots == {"Fruits & Vegetables"}


def test_an_injected_move_and_an_injected_re_pricing_happen_on_their_day():
    truth = market(
        stores=6, lists=2, cities={"Perth": 1}, skus=300, moves=[("aldi", 0, 3)], list_changes=[("aldi", "B", 5, 0.2)]
    )
    mover = truth.stores("aldi")[0].store_id
    assert truth.plan("aldi", mover).list_on(2) != truth.plan("aldi", mover).list_on(3)
    kinds = {event.kind: event for event in truth.events("aldi", at(2), at(6))}
    assert kinds["move"].subject == mover
    assert kinds["move"].day == 3
    assert kinds["list_change"].subject == "B"
    assert len(kinds["list_change"].codes) == pytest.approx(0.2 * 300, abs=8)
    on_b = next(s.store_id for s in truth.stores("aldi") if truth.plan("aldi", s.store_id).list_on(5) == "B")
    assert len(changed(truth.offers("aldi", on_b, at(4)), truth.offers("aldi", on_b, at(5)))) > 30


def test_every_change_of_a_store_is_told_by_an_event():
    config = msgspec.structs.replace(default_chains()["woolworths"], unpriced_share=0.0)
    truth = Market(MarketConfig(start=START, chains={"woolworths": config}))
    store = truth.stores("woolworths")[0]
    told: dict[int, set[str]] = {}
    for event in truth.events("woolworths", at(0), at(15)):
        told.setdefault(event.day, set()).update(event.codes)
    moved = set(truth.plan("woolworths", store.store_id).days)
    spells = truth._chain("woolworths").spells(store.store_id, "clearance")
    for day in set(range(1, 15)) - moved:
        difference = changed(*(truth.offers("woolworths", store.store_id, at(each)) for each in (day - 1, day)))
        ended = spells.on(day - 1).keys() - spells.on(day).keys()
        assert difference <= told[day] | ended


def test_skus_leave_and_arrive():
    truth = market(turnover_share=0.02, skus=300)
    store = truth.stores("aldi")[0].store_id
    before, after = (truth.offers("aldi", store, at(day)).keys() for day in (0, 7))
    assert before - after
    assert after - before
    events = truth.events("aldi", at(0), at(7))
    assert before - after <= {code for event in events if event.kind == "departure" for code in event.codes}


def test_small_stores_lack_roots_or_skus_and_clearances_are_rare():
    truth = Market(MarketConfig(start=START, chains={"aldi": ChainConfig(stores=40, skus=800)}))
    sizes = {s.store_id: len(truth.offers("aldi", s.store_id, at(0))) for s in truth.stores("aldi")}
    small = [s.store_id for s in truth.stores("aldi") if s.small]
    assert len(small) == 5
    assert all(sizes[store_id] < 760 for store_id in small)
    assert any(truth.plan("aldi", store_id).missing_roots for store_id in small)
    local = sum(o.local for store_id in sizes for o in truth.offers("aldi", store_id, at(4)).values())
    assert 0.001 < local / sum(sizes.values()) < 0.006


def test_a_store_that_prices_on_its_own_shares_few_prices():
    truth = market(stores=4, solo_share=0.25, skus=300)
    solo = next(s.store_id for s in truth.stores("aldi") if truth.plan("aldi", s.store_id).solo)
    other = next(s.store_id for s in truth.stores("aldi") if not truth.plan("aldi", s.store_id).solo)
    mine, theirs = (truth.offers("aldi", store_id, at(0)) for store_id in (solo, other))
    assert sum(mine[code].price_cents == theirs[code].price_cents for code in mine) / len(mine) < 0.5


def test_offers_hold_together():
    truth = Market(MarketConfig(start=START))
    for chain in truth.chains:
        for offer in truth.offers(chain, truth.stores(chain)[1].store_id, at(3)).values():
            sku = truth.skus(chain)[offer.sku]
            assert offer.price_cents > 0
            assert offer.was_cents is None or offer.was_cents > offer.price_cents
            assert (offer.multi_buy_cents is None) == (offer.multi_buy_quantity is None)
            assert offer.member_cents is None or offer.member_cents <= offer.price_cents
            assert abs(offer.cup_cents * sku.unit.amount - offer.price_cents) <= max(1.0, sku.unit.amount)


def test_an_article_has_one_barcode_at_both_chains():
    truth = Market(MarketConfig(start=START))
    codes = [{sku.article_id: sku.gtin for sku in truth.skus(chain).values()} for chain in truth.chains]
    shared = codes[0].keys() & codes[1].keys()
    assert len(shared) > 50
    assert all(codes[0][article] == codes[1][article] for article in shared)


def test_before_the_first_day_the_shelves_show_the_first_day():
    truth = market()
    store = truth.stores("aldi")[0].store_id
    assert truth.offers("aldi", store, at(-5)) == truth.offers("aldi", store, at(0))


def test_threads_may_ask_at_once():
    from concurrent.futures import ThreadPoolExecutor

    truth, expected = (
        market(stores=6, lists=3, unscheduled_every_days=3.0),
        market(stores=6, lists=3, unscheduled_every_days=3.0),
    )
    questions = [("aldi", store.store_id, at(day)) for store in truth.stores("aldi") for day in range(20)]
    random.Random(1).shuffle(questions)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda question: truth.offers(*question), questions))
    assert answers == [expected.offers(*question) for question in questions]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MarketConfig(chains={"spar": still()}), "no chain 'spar'"),
        (lambda: MarketConfig(start=datetime(2026, 11, 2)), "aware start"),
        (lambda: still(skus=0), "skus must be at least 1"),
        (lambda: still(list_difference=1.5), "between 0 and 1"),
        (lambda: still(flip_weekday=7), "flip_weekday"),
        (lambda: market(cities={"Atlantis": 1}), "no city 'Atlantis'"),
        (lambda: market(moves=[("aldi", "G999", 1)]), "no priced store 'G999'"),
        (lambda: market(moves=[("aldi", 0, 1)]), "a move needs two"),
        (lambda: market(list_changes=[("aldi", "Q", 1, 0.1)]), "lists are A"),
        (lambda: market(list_changes=[("woolworths", "A", 1, 0.1)]), "which this market lacks"),
        (lambda: market().offers("aldi", "G999", at(0)), "no store 'G999'"),
        (lambda: market().stores("woolworths"), "no chain 'woolworths'"),
    ],
)
def test_a_contradiction_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message):
        make()
