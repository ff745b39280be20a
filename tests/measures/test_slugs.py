import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.slugs import slug


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fruit & Veg", "fruit-veg"),
        ("  Kid's Café ", "kids-cafe"),
        ("Mother\u2019s Choice", "mothers-choice"),
        ("BON APPÉTIT", "bon-appetit"),
        ("a--b__c", "a-b-c"),
        ("日本", ""),
        ("", ""),
    ],
)
def test_names_become_slugs(text, expected):
    assert slug(text) == expected


@given(st.text())
def test_a_slug_is_safe_and_its_own_slug(text):
    written = slug(text)
    assert re.fullmatch("([a-z0-9]+(-[a-z0-9]+)*)?", written)
    assert slug(written) == written
