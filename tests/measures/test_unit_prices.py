from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.sizes import Size, total_size
from splitcart.measures.unit_prices import UnitPrice, parse_unit_price, unit_price_agrees

VECTORS = [
    # Every unit of docs/retailers.md#unit-prices.
    ("$0.78 per 100 g", 780, "1 kg"),
    ("$1.60 per 100 ml", 1600, "1 l"),
    ("$0.75 per 10 g", 7500, "1 kg"),
    ("$0.50 per 10 ml", 5000, "1 l"),
    ("$0.01 per 1 ml", 1000, "1 l"),
    ("$34.45 per 1 kg", 3445, "1 kg"),
    ("$1.99 per 1 L", 199, "1 l"),
    ("$0.87 per 1 each", 87, "1 ea"),
    ("$2.74 per 100 each", 274, "100 ea"),
    ("$1.75/100ml", 1750, "1 l"),
    ("$8.42/ 1L", 842, "1 l"),
    ("$1.56 / 100G", 1560, "1 kg"),
    ("$0.14 / 1EA", 14, "1 ea"),
    # Sheets, metres, no number before the unit, a comma within the price.
    ("$0.28 per 100 sheets", 28, "100 sheets"),
    ("$0.04 per 1 m", 4, "1 m"),
    ("$3.35/l", 335, "1 l"),
    ("$5.99/kg", 599, "1 kg"),
    ("$0.05 each", 5, "1 ea"),
    ("$1,440.00 per 10g", 14_400_000, "1 kg"),
    # Each chain's spelling.
    ("$40.00 per 1kg", 4000, "1 kg"),
    ("$2.40 per 100mL", 2400, "1 l"),
    ("$1.40 per 1ea", 140, "1 ea"),
    ("$1.55/ 1L", 155, "1 l"),
    ("$0.92/ 100g", 920, "1 kg"),
    ("$195.00/ 1kg", 19500, "1 kg"),
    ("$12.50 / 1KG", 1250, "1 kg"),
    ("$4.19/100g", 4190, "1 kg"),
    ("$0.41 each", 41, "1 ea"),
    ("$3.00 per 3 g", 100_000, "1 kg"),
    ("$1.00 per 1,000 g", 100, "1 kg"),
    ("$1.30 per 10 m", 13, "1 m"),
    ("$1.00 per 7 g", 14286, "1 kg"),
]


@pytest.mark.parametrize(("text", "cents", "measure"), VECTORS)
def test_unit_prices_are_read_in_one_measure(text, cents, measure):
    assert parse_unit_price(text) == UnitPrice(cents, measure)
    assert parse_unit_price(f" {text.upper()} ") == UnitPrice(cents, measure)


@pytest.mark.parametrize(
    "text",
    [
        "$2.74 per 100 PAC",
        "$0.67 / 1SS",
        "$5.00",
        "5.00 per kg",
        "per 1 kg",
        "$ per 1 kg",
        "$0.00 per 1 each",
        "$1.00 per 0 g",
        "$5 kg",
        "$1.00 per 1 kgs of love",
        "$99,999,999.00 per 1 g",
        "None",
        "",
        None,
    ],
)
def test_other_texts_are_no_unit_price(text):
    assert parse_unit_price(text) is None


@given(st.text(), st.text("0123456789.,$/ perkgmlach", max_size=25))
def test_no_text_raises(text, likely):
    parse_unit_price(text)
    unit_price = parse_unit_price("$" + likely)
    assert unit_price is None or unit_price.cents >= 0


@given(st.integers(1, 100_000), st.sampled_from(["1 kg", "1 l", "1 m", "1 ea", "100 ea", "100 sheets"]))
def test_a_unit_price_reads_back_as_itself(cents, measure):
    assert parse_unit_price(f"${cents // 100}.{cents % 100:02d} per {measure}") == UnitPrice(cents, measure)


@given(
    st.integers(1, 20_000),
    st.integers(1, 5000),
    st.sampled_from(
        [
            ("g", 100, "100 g"),
            ("ml", 100, "100 ml"),
            ("g", 1000, "1 kg"),
            ("g", 10, "10 g"),
            ("sheet", 100, "100 sheets"),
        ]
    ),
)
def test_a_price_agrees_with_its_own_rounded_unit_price(price, quantity, measured):
    unit, per, printed = measured
    shown = Decimal(price * per) / quantity / 100
    unit_price = parse_unit_price(f"${shown:.2f} per {printed}")
    assert unit_price is None or unit_price_agrees(price, unit_price, Size(Decimal(quantity), unit))


@pytest.mark.parametrize(
    ("price", "unit_price", "texts", "agrees"),
    [
        (1360, "$8.50 per 1kg", ["Whole Chicken", "approx. 1.6kg each"], True),
        (469, "$1.68 per 100 g", ["Milk Rolls 8 Pack 280g", "280 g"], True),
        (699, "$3.11 per 1 L", ["Original Ginger Beer 6x375ml", "2.25 L"], True),
        (949, "$0.31 per 100 sheets", ["Toilet Tissue 18 Pack", "3,060 sheets"], True),
        (379, "$0.04 per 1 m", ["Dental Floss 2 Pack 50m", "100 m"], True),
        (799, "$7.99/kg", ["Red Plums", "140g EachUnit"], False),
        (6, "$5.99 per 1 kg", ["Chicken 1kg"], False),
        (570, "$0.76 per 100g", ["Greek Style Yoghurt 6 Pack", "750g"], True),
        (570, "$0.76 per 100g", ["Greek Style Yoghurt", "6 Pack"], None),
        (570, None, ["750g"], None),
        (570, "$0.76 per 100g", ["Yoghurt"], None),
    ],
)
def test_a_price_is_checked_against_its_unit_price(price, unit_price, texts, agrees):
    assert unit_price_agrees(price, parse_unit_price(unit_price), total_size(*texts)) is agrees


def test_a_size_without_a_number_agrees_with_nothing():
    assert unit_price_agrees(100, UnitPrice(100, "1 kg"), Size(None, "kg")) is None
