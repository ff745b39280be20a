import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.names import name_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Choc Chip Yoghurts 6 x 125g", "chip chocolate yogurt"),
        ("12 Apple Sliced Cookies 225g", "12 apple cooky sliced"),
        ("Toilet Tissue 3 Ply 24 Pack", "3 ply tissue toilet"),
        ("Milk, 97% Fat-Free & Lite 2L", "97pc fat free light milk"),
        ("Strawberry Flavoured Nappies for Cherries", "cherry nappy strawberry"),
        ("Cookies &amp; Cream GF", "cooky cream free gluten"),
        ("Lactose Free Red. Fat", "fat free lactose reduced"),
        ("Crème Brûlée Pastas 4x4x375mL", "brulee creme pasta"),
        ("Smith\u2019s", "smith"),
        ("Veggies, Nappie, Cookie & Pies", "cooky nappy pie vegetable"),
        ("500g", ""),
        ("日本", ""),
        (None, ""),
        (12, ""),
    ],
)
def test_a_name_says_its_words(name, words):
    assert " ".join(sorted(name_words(name))) == words


@given(st.text())
def test_words_are_plain_and_say_themselves(text):
    words = name_words(text)
    assert all(re.fullmatch("[a-z0-9]+", word) for word in words)


@given(
    st.lists(st.sampled_from(["Choc", "Lite", "Nappies", "Berries", "Buns", "Cream", "Salt", "50+", "Kellogg's"])),
    st.randoms(),
)
def test_neither_order_nor_case_matters(words, rng):
    shuffled = list(words)
    rng.shuffle(shuffled)
    assert name_words(" ".join(words)) == name_words(" ".join(shuffled).upper())
