from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.money import MOST_CENTS, cents, cents_from_display, dollars


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.02, 202),
        (0.29, 29),
        (1.15, 115),
        (4, 400),
        (0, 0),
        ("13.60", 1360),
        (Decimal("0.07"), 7),
        (1.005, 101),
        (0.125, 13),
        (0.004, 0),
        (19.99, 1999),
        (1e-7, 0),
    ],
)
def test_dollars_become_the_cents_that_they_print_as(value, expected):
    assert cents(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        -0.01,
        "-3",
        float("nan"),
        float("inf"),
        "sNaN",
        "",
        "$3.50",
        "free",
        True,
        0.1 + 0.2,
        "1.00000000000",
        "1e40",
        21_474_836.48,
    ],
)
def test_what_is_no_price_is_refused(value):
    with pytest.raises(ValueError, match="dollars"):
        cents(value)


@given(st.integers(0, MOST_CENTS))
def test_cents_survive_the_way_through_dollars(amount):
    assert cents(dollars(amount)) == amount
    assert cents_from_display("$" + dollars(amount)) == amount
    assert cents_from_display(f"${amount // 100:,}.{amount % 100:02d}") == amount


@given(st.integers(0, 10_000_000))
def test_a_float_of_dollars_never_loses_a_cent(amount):
    assert cents(amount / 100) == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$3.50", 350),
        ("$1,440.00", 144_000),
        ("$1.08 avg/ea", 108),
        ("Was $5.50 on Apr 2024", 550),
        ("Pick any 2 for $6", 600),
        (" 3.5 ", 350),
        ("$ 2", 200),
        ("1/2 Price", None),
        ("2 for 6", None),
        ("-$1.00", None),
        ("$1.2.3", None),
        ("$99999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_the_amount_is_found_in_a_display_text(text, expected):
    assert cents_from_display(text) == expected


@given(st.text())
def test_no_display_text_raises(text):
    assert cents_from_display("$" + text) is None or cents_from_display("$" + text) >= 0


@pytest.mark.parametrize(
    ("amount", "expected"), [(350, "3.50"), (5, "0.05"), (0, "0.00"), (-5, "-0.05"), (123456, "1234.56")]
)
def test_cents_print_as_dollars(amount, expected):
    assert dollars(amount) == expected
