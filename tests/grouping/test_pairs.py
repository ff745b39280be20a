"""All pairs of price lists: the compiled counts and matches are what comparing two lists at a time gives."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grouping.answering import answer_here
from grouping.cover import star_cover
from grouping.encoding import encode
from grouping.matrix import PriceMatrix
from grouping.overlap import Catalogue, compare
from grouping.pairs import ask, count_pairs, critical_counts, matches, threads
from grouping.references import speak_for_most
from grouping.verdict import Snapshot, binomial_tail, match
from splitcart.config import get_chain

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHAIN = msgspec.structs.replace(get_chain("aldi"), min_shared_skus=5, category_min_shared=4, category_min_different=2)


@pytest.fixture(scope="module")
def pool():
    with threads() as pool:
        yield pool


@st.composite
def markets(draw):
    """Stores that follow a few lists, each more or less: prices of stores by skus, -1 where one is missing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    stores, skus = draw(st.integers(1, 40)), draw(st.integers(1, 300))
    lists = rng.integers(0, draw(st.sampled_from([1, 2, 20, 100_000])), (draw(st.integers(1, 12)), skus))
    base = rng.random(skus) < draw(st.sampled_from([0.0, 0.9, 0.99]))
    lists[:, base] = lists[0, base]
    price = lists[rng.integers(0, len(lists), stores)]
    deviating = rng.random(price.shape) < draw(st.sampled_from([0.0, 0.005, 0.05, 1.0]))
    price[deviating] = rng.integers(0, draw(st.sampled_from([3, 90, 2**31 - 1])), deviating.sum())
    price[rng.random(price.shape) < draw(st.sampled_from([0.0, 0.15, 0.9]))] = -1
    return price.astype(np.int32), rng


@settings(max_examples=60, deadline=None)
@given(markets())
def test_the_counts_of_all_pairs_are_exact(pool, market):
    price, rng = market
    roots = rng.integers(0, 9, price.shape[1])
    shared, equal = count_pairs(encode(price, roots, pool), len(price), pool)
    both = (price[:, None] >= 0) & (price[None] >= 0)
    assert (shared == both.sum(axis=2)).all()
    assert (equal == (both & (price[:, None] == price[None])).sum(axis=2)).all()


def matrix(price, rng):
    """The market in four categories, some of them not complete in some stores, with a few specials."""
    roots = rng.integers(1, 5, price.shape[1])
    catalogue = Catalogue(dict(enumerate(roots.tolist())))
    complete = rng.random((len(price), len(catalogue.category_ids))) < rng.choice([0.6, 0.95, 1.0])
    price = np.where(complete[:, catalogue.roots], price, -1).astype(np.int32)
    special = (price > 0) & (rng.random(price.shape) < rng.choice([0.0, 0.02, 0.04]))
    regular = price.copy()
    price[special] -= 1
    known = (price >= 0).sum(axis=1) + rng.choice([0, 60], len(price))
    return PriceMatrix(catalogue, tuple(range(len(price))), price, regular if special.any() else None, complete, known)


def same_list(a, b, known_a, known_b):
    """What two stages of comparison say of two lists of which so many skus are known in all."""
    comparison = compare(a, b)
    enough = (comparison.range_a >= 0.5 * known_a) and (comparison.range_b >= 0.5 * known_b)
    if comparison.range_overlap < CHAIN.range_overlap or not enough:
        return 0.0
    return comparison.true_overlap if match(comparison, CHAIN).holds else 0.0


@settings(max_examples=40, deadline=None)
@given(markets())
def test_two_lists_match_as_the_match_rule_says_in_all_categories(pool, market):
    lists = matrix(*market)
    question = ask(lists, CHAIN, pool)
    found = matches(question, answer_here(question))
    rows = [lists.price_list(row) for row in range(len(lists))]
    for i, a in enumerate(rows):
        assert found[i, i] == 0
        for j, b in enumerate(rows[:i]):
            expected = same_list(a, b, lists.known[i], lists.known[j])
            assert found[i, j] == found[j, i] == pytest.approx(expected, abs=1e-6)


def test_the_rule_of_most_of_what_is_known_is_that_of_snapshots(pool):
    lists = matrix(np.full((2, 40), 7, np.int32), np.random.default_rng(1))
    snapshots = [Snapshot(lists.price_list(row), NOW, NOW) for row in range(2)]
    assert speak_for_most(*snapshots)
    question = ask(lists, CHAIN, pool)
    assert matches(question, answer_here(question))[0, 1] == 1


def test_a_category_fails_from_the_number_on_that_chance_does_not_explain():
    critical = critical_counts(CHAIN, 400)
    for shared in (4, 5, 30, 400):
        at = int(critical[shared])
        assert binomial_tail(at, shared, CHAIN.category_error_rate) < CHAIN.category_tail
        assert at == CHAIN.category_min_different or (
            binomial_tail(at - 1, shared, CHAIN.category_error_rate) >= CHAIN.category_tail
        )
    assert (critical[:4] > 400).all()


def test_identical_rows_have_one_fingerprint():
    price = np.array([[5, 6, -1], [5, 6, 7], [5, 6, -1], [5, 6, -1]], np.int32)
    catalogue = Catalogue({0: 1, 1: 1, 2: 2})
    complete = np.array([[True, False], [True, True], [True, False], [True, True]])
    rows, like = PriceMatrix(catalogue, (1, 2, 3, 4), price, None, complete, np.full(4, 3)).distinct()
    assert rows.tolist() == [0, 1, 3]
    assert like.tolist() == [0, 1, 0, 2]


def overlaps(size, **pairs):
    """A matrix of overlaps, from pairs like ``a_b=0.99``; a is row 0."""
    found = np.zeros((size, size), np.float32)
    for pair, overlap in pairs.items():
        i, j = (ord(name) - ord("a") for name in pair.split("_"))
        found[i, j] = found[j, i] = overlap
    return found


@pytest.mark.parametrize(
    ("found", "stars"),
    [
        (overlaps(3), []),
        (overlaps(3, a_b=1, b_c=1), [[1, 0, 2]]),  # not a chain: the middle leads
        (overlaps(4, a_b=1, b_c=1, c_d=1), [[1, 0, 2]]),  # d matches no leader
        (overlaps(6, a_b=1, b_c=0.985, c_d=0.99, d_e=1, d_f=1, a_c=0), [[3, 2, 4, 5], [0, 1]]),
        (overlaps(6, a_b=1, a_c=0.98, a_e=1, d_c=0.99, d_f=1), [[0, 1, 4], [3, 2, 5]]),  # c prefers d
    ],
)
def test_stars_are_taken_greedily_and_rows_go_to_the_leader_they_overlap_most(found, stars):
    assert star_cover(found) == stars


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 25), st.floats(0, 1))
def test_members_match_their_leader_and_the_rest_matches_none(seed, size, share):
    rng = np.random.default_rng(seed)
    found = np.triu(np.where(rng.random((size, size)) < share, rng.choice([0.98, 0.99, 1.0], (size, size)), 0), 1)
    found = (found + found.T).astype(np.float32)
    stars = star_cover(found)
    covered = [row for star in stars for row in star]
    assert len(covered) == len(set(covered))
    for leader, *members in stars:
        for row in members:
            assert found[row, leader] == max(found[row, other] for other, *_ in stars) > 0
    for row in set(range(size)) - set(covered):
        assert not any(found[row, leader] for leader, *_ in stars)
