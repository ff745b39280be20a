"""Overlap of price lists: counts against a plain dictionary count, completeness, ranges."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grouping.overlap import MAX_SKUS_LISTED, Catalogue, compare

PRODUCE, DAIRY = 1, 2
ROOT_OF = {sku_id: PRODUCE if sku_id <= 20 else DAIRY for sku_id in range(1, 61)}

prices = st.dictionaries(st.integers(1, 60), st.integers(0, 3), max_size=60)
complete = st.sets(st.sampled_from([PRODUCE, DAIRY]))


@settings(max_examples=60, deadline=None)
@given(a=prices, b=prices, complete_a=complete, complete_b=complete)
def test_counts_are_those_of_a_plain_count(a, b, complete_a, complete_b):
    catalogue = Catalogue(ROOT_OF)
    both = complete_a & complete_b
    shared = {sku for sku in a.keys() & b.keys() if ROOT_OF[sku] in both}
    found = compare(catalogue.price_list(a, complete_a), catalogue.price_list(b, complete_b))
    assert found.shared == len(shared)
    assert found.equal == sum(a[sku] == b[sku] for sku in shared)
    assert found.range_a == sum(ROOT_OF[sku] in both for sku in a)
    assert found.range_b == sum(ROOT_OF[sku] in both for sku in b)
    assert set(found.differing_skus) == {sku for sku in shared if a[sku] != b[sku]}
    assert int(found.shared_in.sum()) == found.shared


def test_a_store_that_lacks_a_department_still_has_the_same_range():
    catalogue = Catalogue(ROOT_OF)
    whole = catalogue.price_list(dict.fromkeys(range(1, 61), 100), [PRODUCE, DAIRY])
    part = catalogue.price_list(dict.fromkeys(range(1, 21), 100), [PRODUCE])
    found = compare(whole, part)
    assert (found.range_overlap, found.true_overlap) == (1.0, 1.0)


def test_a_small_range_within_a_large_one_overlaps_wholly():
    catalogue = Catalogue(ROOT_OF)
    small = catalogue.price_list({1: 100, 2: 100}, [PRODUCE])
    assert compare(catalogue.price_list(dict.fromkeys(range(1, 21), 100), [PRODUCE]), small).range_overlap == 1.0


def test_nothing_in_common_is_no_overlap():
    catalogue = Catalogue(ROOT_OF)
    found = compare(catalogue.price_list({1: 100}, [PRODUCE]), catalogue.price_list({30: 100}, [DAIRY]))
    assert (found.true_overlap, found.range_overlap) == (0.0, 0.0)


def test_differing_skus_are_listed_up_to_a_bound():
    catalogue = Catalogue(dict.fromkeys(range(500), PRODUCE))
    a = catalogue.price_list(dict.fromkeys(range(500), 100), [PRODUCE])
    b = catalogue.price_list(dict.fromkeys(range(500), 200), [PRODUCE])
    found = compare(a, b)
    assert len(found.differing_skus) == MAX_SKUS_LISTED
    assert found.differing_categories() == {PRODUCE: (500, 500)}


def test_a_list_can_be_silent_on_a_category_and_ignores_foreign_skus():
    catalogue = Catalogue(ROOT_OF)
    prices = catalogue.price_list({1: 100, 30: 100, 999: 100}, [PRODUCE, DAIRY])
    assert prices.size == 2
    assert prices.without([PRODUCE]).size == 1


def test_regular_prices_are_counted_where_there_are_any():
    catalogue = Catalogue(ROOT_OF)
    special = catalogue.price_list({1: 80, 2: 100}, [PRODUCE], was={1: 100})
    plain = catalogue.price_list({1: 100, 2: 100}, [PRODUCE])
    found = compare(special, plain)
    assert (found.equal, found.regular_equal) == (1, 2)
    assert compare(plain, plain).regular_equal is None


def test_lists_of_two_catalogues_cannot_be_compared():
    one, other = Catalogue(ROOT_OF), Catalogue(ROOT_OF)
    with pytest.raises(ValueError, match="different catalogues"):
        compare(one.price_list({}, []), other.price_list({}, []))
