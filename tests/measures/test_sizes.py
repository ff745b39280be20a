from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.sizes import Size, parse_sizes, total_size

# The forms of docs/retailers.md#sizes; texts are separated by "|".
VECTORS = [
    ("500g", "500g"),
    ("1kg", "1000g"),
    ("0.11kg", "110g"),
    ("250ml", "250ml"),
    ("1.5l", "1500ml"),
    ("6pk", "6pk"),
    ("1ea", "ea"),
    ("500oz", ""),
    ("500", ""),
    ("abc", ""),
    ("", ""),
    ("Milk 500g", "500g"),
    ("6 x 375ml", "375ml 6pk"),
    ("Cola 375ml x 10", "10pk 375ml"),
    ("Spring Water 24 x 600ml|24 Pack", "24pk 600ml"),
    ("Cola Cans 375mL x 24 Pack|24 pack", "24pk 375ml"),  # and no lone pack besides
    ("100-200g product", "100g 200g"),
    ("Chicken 1.5kg", "1500g"),
    ("2L", "2000ml"),
    ("1each", "ea"),
    ("1 each", "ea"),
    ("Each", "ea"),
    ("approx. 1.6kg each", "1600g ea"),
    ("approx. 800g each", "800g ea"),
    ("approx .150g", "150g"),
    ("approx. 1.8 kg per package", "1800g"),
    ("Free Range Eggs 12 Pack 700g|12 Pack", "12pk 700g"),
    ("700 GRAM", "700g"),
    ("1.5 LITRE", "1500ml"),
    ("425g 6 pack", "425g 6pk"),
    ("Snack Bars 6 x 30g|180g", "180g 30g 6pk"),
    ("Yoghurt 4x150g 600g", "150g 4pk 600g"),
    ("30x375mL Case", "30pk 375ml"),
    ("12x375ml|4.5 L", "12pk 375ml 4500ml"),
    ("6 Pack 250ml|6 x 1.5 L", "1500ml 250ml 6pk"),
    ("Nappies Size 5 13-18kg 44 Pack|44 each", "13000g 18000g 44ea 44pk"),
    ("Nappies Size 6 Junior 15+kg", "kg"),
    ("Drumsticks Bulk Pack per kg|approx. 1 kg per package", "1000g kg pk"),
    ("Bulk Spices 70g - 310g|80 g", "310g 70g 80g"),
    ("1,000 g", "1000g"),
    ("Toilet Tissue 18 Pack|3,060 sheets", "18pk"),
    ("PERKG", ""),
    ("1 Bunch", ""),
    ("100mg", ""),
    ("24 rolls", ""),
    ("min. 250g", "250g"),
    ("about 2L", "2000ml"),
    ("Deo 100ml/60g", "100ml 60g"),
]


@pytest.mark.parametrize(("texts", "expected"), VECTORS)
def test_the_sizes_in_a_product_s_texts(texts, expected):
    assert [str(size) for size in parse_sizes(*texts.split("|"))] == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4x4x375mL", "16pk 375ml"),  # 16 cans, not 4
        ("375mlx10", "10pk 375ml"),
        ("6\u00d7375ml", "375ml 6pk"),
        ("2 pack x 375ml", "2pk 375ml"),
        ("Coffee Capsules 10 Pack x 3|30 each", "10pk 30ea 3pk"),
        ("500g,2L", "2000ml 500g"),
        ("Foil 30cm x 150m", ""),
        ("2019-20g", "2019g 20g"),
        ("approx. 300g", "300g"),
        ("1 KG", "1000g"),
        ("375g EachUnit", "375g"),
        ("0 g", ""),
        ("12345678ml", ""),
        ("1.5.2kg", ""),
    ],
)
def test_sizes_outside_the_vectors(text, expected):
    assert [str(size) for size in parse_sizes(*text.split("|"))] == expected.split()


@pytest.mark.parametrize(("piece", "sizes"), [("8pk 375ml ", "375ml 8pk"), ("1x", ""), ("approx ", ""), ("9", "")])
def test_a_text_of_any_length_is_read(piece, sizes):
    # Patterns without bounds took ten seconds for the first.
    text = piece * 2000
    assert [str(size) for size in parse_sizes(text)] == sizes.split()
    assert str(total_size(text)) == ("375ml" if sizes else "None")


def test_missing_texts_hold_no_sizes():
    assert parse_sizes() == parse_sizes(None) == parse_sizes("", None) == ()
    assert parse_sizes(None, "500g") == (Size(Decimal(500), "g"),)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (Size(Decimal("1000.0"), "g"), "1000g"),
        (Size(Decimal("0.80"), "g"), "0.8g"),
        (Size(Decimal("1E+3"), "ml"), "1000ml"),
        (Size(Decimal(1), "ea"), "ea"),
        (Size(Decimal(1), "pk"), "1pk"),
        (Size(Decimal("0.5"), "ea"), "0.5ea"),
        (Size(None, "kg"), "kg"),
    ],
)
def test_a_size_prints_without_spare_zeros(size, text):
    assert str(size) == text


@given(st.lists(st.one_of(st.none(), st.text(), st.text("0123456789.,-x/ gklmpceas", max_size=30)), max_size=3))
def test_no_text_raises_and_sizes_read_back_as_themselves(texts):
    sizes = parse_sizes(*texts)
    total = total_size(*texts)
    assert total is None or total.quantity > 0
    short = [size for size in sizes if size.quantity is None or size.quantity < 10**7]
    lettered = [size for size in short if size.quantity is not None or len(size.unit) > 1]
    assert parse_sizes(*map(str, lettered)) == tuple(lettered)


@given(
    st.integers(2, 99),
    st.integers(1, 5000),
    st.sampled_from(["g", "ml"]),
    st.sampled_from(["{0}x{1}{2}", "{1}{2} x {0}"]),
)
def test_a_multipack_contains_count_times_one(count, each, unit, form):
    text = form.format(count, each, unit)
    assert set(map(str, parse_sizes(text))) == {f"{count}pk", f"{each}{unit}"}
    assert total_size(text) == Size(Decimal(count * each), unit)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # The amounts of docs/retailers.md#sizes; lengths stay in metres.
        ("6 x 375ml", "2250ml"),
        ("30x375mL Case", "11250ml"),
        ("375mL x10 Carton", "3750ml"),
        ("440ml x 24 Case", "10560ml"),
        ("4x4x375mL", "6000ml"),
        ("355ml xCase", "8520ml"),
        ("200ml X Pack", "200ml"),
        ("Whole Each", "ea"),
        ("Half Each", "0.5ea"),
        ("125G Punnet", "125g"),
        ("Per Kg", "1000g"),
        ("PERKG", "1000g"),
        ("150m", "150m"),
        ("2 metre", "2m"),
        ("0.8g", "0.8g"),
        ("90 Tablets", "90ea"),
        ("3,060 sheets", "3060sheet"),
        ("min. 250g", None),
        ("BEER CAN 375ML:PACK6", "2250ml"),
        ("CARLTON DRY 8PK CAN 375ML:CTN24", "3000ml"),
        ("MOON DOG FIZZER 6% CAN 330ML (10PK):CTN30", "9900ml"),
        ("HARD SOLO CAN 375ML 10PK:CTN30", "11250ml"),
        ("SMIRNOFF RED 37.5% VODKA 375ML:EA", "375ml"),
        ("MINI CHRISTMAS CARD 20PK", "20ea"),
        ("1 set", "ea"),
        ("1 pair", "ea"),
        ("16 piece", "16ea"),
        # Recorded rows: name and size.
        ("Free Range Eggs 12 Pack 700g|12 Pack", "700g"),
        ("Greek Style Yoghurt 6 Pack|750g", "750g"),
        ("Organic Pinot Grigio 750ml|1 Each", "750ml"),
        ("Spring Water 24 x 600ml|24 Pack", "14400ml"),
        ("Cola Cans 375mL x 24 Pack|24 pack", "9000ml"),
        ("Snack Bars 6 x 30g|180g", "180g"),
        ("Yoghurt 4x150g 600g", "600g"),
        ("Original Ginger Beer 6x375ml|2.25 L", "2250ml"),
        ("Utopia Mint 4 Pack 428ml|428 ml", "428ml"),
        ("Nappies Size 5 13-18kg 44 Pack|44 each", "44ea"),
        ("Bulk Spices 70g - 310g|80 g", "80g"),
        ("Toilet Tissue 18 Pack|3,060 sheets", "3060sheet"),
        ("Whole Chicken|approx. 1.6kg each", "1600g"),
        ("Drumsticks Bulk Pack per kg|approx. 1 kg per package", "1000g"),
        ("Boneless Lamb Leg|approx. 1.8 kg per package", None),
        ("Lamb Shanks|approx. 0.764 ea per package", None),
        ("Dental Floss 2 Pack 50m|100 m", "100m"),
        ("Bird's Eye Chilli Hot|each", "ea"),
        ("Basil|1 Bunch", "ea"),
        ("Eggs|1 dozen", "12ea"),
        ("Throat Lozenges 24s", "24ea"),
        ("Toilet Paper 24 rolls", "24ea"),
        ("Foil 30cm x 150m", "150m"),
        ("Cling Wrap 60m x 33cm", "60m"),
        ("Coffee Capsules 10 Pack x 3", "30ea"),
        ("Napkins 3 x 200 sheets", "600sheet"),
        ("Pain Relief 500mg 20 Tablets", "20ea"),
        ("Potatoes kg", None),
        ("Potatoes|kg", "1000g"),
        # Texts that do not tell.
        ("Deo 100ml/60g", None),
        ("100-200g product", None),
        ("Milk Frother", None),
        ("6 pack 12 tablets", None),
        ("110 PAC", None),
        ("0g", None),
        ("", None),
    ],
)
def test_the_amount_that_a_price_buys(texts, expected):
    total = total_size(*texts.split("|"))
    assert (total if total is None else str(total)) == expected
