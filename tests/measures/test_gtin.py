import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from splitcart.measures.gtin import Gtin, parse_gtin


def with_check_digit(digits):
    return digits + ean.calc_check_digit(digits)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # One of each form.
        ("1234567890128", "1234567890128"),
        ("123456789012", "0123456789012"),
        ("123456789012,1234567890128", "1234567890128"),
        (9310645111766, "9310645111766"),
        # The shortest and the longest.
        ("93613903", "93613903"),
        ("19310645111763", "19310645111763"),
        # Recorded codes.
        ("0810206001028", "0810206001028"),
        ("9315090204483", "9315090204483"),
        # Prints of the same.
        (" 9 310645 111766 ", "9310645111766"),
        ("09310645111766", "9310645111766"),
        ("0000093613903", "93613903"),
        ("notfound,9310645111766", "9310645111766"),
        ("93613903,9310645111766", "9310645111766"),
        ("12345, 93613903", "93613903"),
    ],
)
def test_barcodes_take_one_form(text, code):
    assert parse_gtin(text) == Gtin(code, code.zfill(14), is_local=False)


@pytest.mark.parametrize(
    "text",
    [
        "1234567890123",  # a wrong check digit
        "9310645111767",
        "notfound",
        "null",
        "",
        "12345",
        "60017",
        "94011",
        60017,
        "0000000000000",
        "00000000",
        "9310645111766x",
        "931064511176",
        "-",
        ",",
        None,
        True,
    ],
)
def test_what_is_no_barcode_gives_none(text):
    assert parse_gtin(text) is None


@pytest.mark.parametrize(
    "digits",
    [
        "026517800000",
        "041234500000",
        "291894000000",
        "200000000001",
        "299999999999",
        "0012345",
        "2112345",
        "1200000000012",
    ],
)
def test_codes_of_restricted_circulation_are_local(digits):
    assert parse_gtin(with_check_digit(digits)).is_local


@pytest.mark.parametrize("text", ["0265178000003", "2918940000005"])
def test_recorded_store_labels_are_local(text):
    assert parse_gtin(text).is_local


@pytest.mark.parametrize(
    "digits",
    ["931064511176", "030000000001", "019999999999", "050000000001", "300000000001", "9361390", "1931064511176"],
)
def test_other_codes_are_not_local(digits):
    assert not parse_gtin(with_check_digit(digits)).is_local


def test_the_sku_in_the_barcode_field_is_no_barcode():
    assert parse_gtin("93613903", sku="93613903") is None
    assert parse_gtin("93613903", sku=93613903) is None
    assert parse_gtin("0000093613903", sku="93613903") is None
    assert parse_gtin("93613903", sku="000000000093613903") is None
    assert parse_gtin("93613903,9310645111766", sku=93613903).code == "9310645111766"
    assert parse_gtin("93613903", sku="3613903") is not None


@given(st.one_of(st.text(), st.integers(), st.text("0123456789, -", max_size=40)))
def test_no_barcode_raises_and_the_result_is_its_own_barcode(text):
    gtin = parse_gtin(text)
    if gtin is not None:
        assert parse_gtin(gtin.code) == gtin == parse_gtin(gtin.gtin14)
        assert len(gtin.gtin14) == 14


@given(st.sampled_from([7, 11, 12, 13]).flatmap(lambda size: st.text("0123456789", min_size=size, max_size=size)))
def test_one_wrong_digit_is_always_found(digits):
    code = with_check_digit(digits)
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    assert parse_gtin(wrong) is None
    assert (parse_gtin(code) is None) == (set(code) == {"0"})
