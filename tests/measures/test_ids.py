from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.ids import STATES, canonical_store_id, clean_postcode, clean_state, crawl_id, store_slug

START = datetime(2026, 11, 20, 10, 15, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("company", "text", "expected"),
    [
        ("coles", "0584", "COL:584"),
        ("coles", "584", "COL:584"),
        ("coles", "COL:0584", "COL:584"),
        ("coles", " col:584 ", "COL:584"),
        ("coles", "LQR:2209", "LQR:2209"),
        ("coles", "COL:", "COL:"),
        ("aldi", " g102", "G102"),
        ("woolworths", " 1147 ", "1147"),
        ("iga", "32600\n", "32600"),
        ("iga", "0123", "0123"),
    ],
)
def test_a_store_id_takes_the_form_of_its_chain(company, text, expected):
    assert canonical_store_id(company, text) == expected
    assert canonical_store_id(company, expected) == expected


@pytest.mark.parametrize(
    ("store_id", "expected"),
    [
        ("COL:0404", "col-404"),
        ("COL:404", "col-404"),
        ("G102", "g102"),
        ("1147", "1147"),
        ("0123", "0123"),
        ("A/B 1", "a-b-1"),
    ],
)
def test_a_store_id_has_a_slug_for_file_names(store_id, expected):
    assert store_slug(store_id) == expected
    assert store_slug(expected) == expected


@pytest.mark.parametrize("store_id", ["", " ", "../", "日"])
def test_an_id_without_a_letter_has_no_slug(store_id):
    with pytest.raises(ValueError, match="no store id"):
        store_slug(store_id)


def test_a_crawl_id_names_chain_store_and_instant():
    assert crawl_id("aldi", "g102", START, "3f9a1c") == "aldi-g102-20261120T101502Z-3f9a1c"
    brisbane = START.astimezone(timezone(timedelta(hours=10)))
    assert crawl_id("coles", "col-404", brisbane, "0") == "coles-col-404-20261120T101502Z-0"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 10**8))
def test_the_crawls_of_a_store_sort_by_their_start(earlier, seconds):
    earlier = earlier.replace(tzinfo=UTC)
    assert crawl_id("aldi", "g102", earlier, "z") < crawl_id("aldi", "g102", earlier + timedelta(seconds=seconds), "a")


@pytest.mark.parametrize(
    "parts", [("ALDI", "g102", "a"), ("aldi", "", "a"), ("aldi", "COL:404", "a"), ("aldi", "g102", "../a")]
)
def test_a_crawl_id_refuses_what_a_file_name_cannot_hold(parts):
    company, store, nonce = parts
    with pytest.raises(ValueError, match="crawl id"):
        crawl_id(company, store, START, nonce)


def test_a_crawl_id_refuses_a_naive_start():
    with pytest.raises(ValueError, match="aware"):
        crawl_id("aldi", "g102", START.replace(tzinfo=None), "a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Queensland", "QLD"),
        ("ACT ", "ACT"),
        ("nsw", "NSW"),
        ("new  south wales", "NSW"),
        ("6018", None),
        ("Vic.", None),
        ("", None),
        (None, None),
    ],
)
def test_dirty_states_become_codes_or_nothing(text, expected):
    assert clean_state(text) == expected


@pytest.mark.parametrize("code", STATES)
def test_every_state_is_known_by_code_and_by_name(code):
    assert clean_state(code) == code == clean_state(STATES[code])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("836", "0836"),
        (" 4000 ", "4000"),
        ("0800", "0800"),
        (836, "0836"),
        ("42", None),
        ("40000", None),
        ("QLD", None),
        ("", None),
        (None, None),
    ],
)
def test_dirty_postcodes_become_four_digits_or_nothing(text, expected):
    assert clean_postcode(text) == expected
