import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.keys import brand_key, product_key, words_key
from splitcart.measures.sizes import parse_sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # order, repeats, case and accents; anything but text
        ("Hello, World!", "hello world"),
        ("Banana Apple", "apple banana"),
        ("Apple apple", "apple"),
        ("café", "cafe"),
        (None, ""),
        (123, ""),
        # marks vanish inside words
        ("Rice 2.5 kg", "25 kg rice"),
        ("Deo 100ml/60g", "100ml60g deo"),
        ("Coca-Cola", "cocacola"),
        ("  ", ""),
    ],
)
def test_words_become_a_key(text, expected):
    assert words_key(text) == expected


def test_a_brand_takes_the_key_of_its_alias():
    assert brand_key("CC", {"cc": "coca cola"}) == "coca cola"
    assert brand_key("C.C.", {"cc": "coca cola"}) == "coca cola"
    assert brand_key("Other", {"cc": "coca cola"}) == "other"
    assert brand_key("Golden Circle") == "circle golden"


@pytest.mark.parametrize("brand", [None, "", " ", "!"])
def test_the_empty_brand_is_nobodys_alias(brand):
    assert brand_key(brand, {"": "some company"}) == ""


@pytest.mark.parametrize(
    ("name", "brand", "size", "expected"),
    [
        # vectors 44 to 51
        ("Full Cream Milk", "Dairy Farmers", "2L", "2000ml cream dairy farmers full milk"),
        (
            "Sliced Brioche Burger Buns 4 Pack 200g",
            "BON APPETIT",
            "4 each",
            "200g 4 4ea 4pk appetit bon brioche buns burger pack sliced",
        ),
        ("Apple Raspberry Cordial 1L", "WESTCLIFF", "1 L", "1000ml 1l apple cordial raspberry westcliff"),
        ("Whole Chicken", "The Bare Bird", "approx. 1.6kg each", "1600g bare bird chicken ea the whole"),
        ("Nestlé Nescafé Blend 43 500g", "Nescafé", None, "43 500g blend nescafe nestle"),
        ("M&M's Milk Chocolate 180g", "M&M's", None, "180g chocolate milk mms"),
        ("Rice 2.5 kilograms", "Sunrice", "2.5kg", "25 2500g kilograms rice sunrice"),
        (
            "Pork, Pepper and Oregano Gourmet Sausages 500g",
            "SPECIALLY SELECTED",
            "0.5 kg",
            "500g and gourmet oregano pepper pork sausages selected specially",
        ),
        # A missing name is no word "none".
        (None, "Dairy Farmers", "2L", ""),
        ("日本", "Dairy Farmers", "2L", ""),
        ("Milk", None, None, "milk"),
    ],
)
def test_name_brand_and_sizes_make_the_key_of_a_product(name, brand, size, expected):
    assert product_key(name, brand, parse_sizes(name, brand, size)) == expected


def test_a_product_s_brand_takes_its_alias():
    assert product_key("Cola", "CC", parse_sizes("2L"), {"cc": "coca cola"}) == "2000ml coca cola"


@given(st.text())
def test_a_key_is_plain_and_its_own_key(text):
    key = words_key(text)
    assert re.fullmatch("([a-z0-9]+( [a-z0-9]+)*)?", key)
    assert words_key(key) == key


@given(st.lists(st.text("abc1 '", min_size=1), max_size=5), st.randoms())
def test_the_order_of_words_does_not_matter(words, rng):
    shuffled = list(words)
    rng.shuffle(shuffled)
    assert words_key(" ".join(words)) == words_key(" ".join(shuffled))
