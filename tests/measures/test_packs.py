import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitcart.measures.packs import read_pack


@pytest.mark.parametrize(
    ("one", "other", "fits"),
    [
        (("Milk", "2L"), ("Milk 2000ml", None), True),
        (("Milk", "2L"), ("Milk", "1L"), False),
        (("Cola 6 x 375ml", None), ("Cola", "2.25 L"), False),
        (("Cola 6 x 375ml", None), ("Cola 6 Pack", "2.25 L"), True),
        (("Cola 375ml 6 pack", None), ("Cola 6 Pack 2250ml", None), True),
        (("Cola 6 x 375ml", None), ("Cola 10 x 375ml", None), False),
        (("Cola 6 x 375ml", None), ("Cola 375ml", None), False),
        (("Buns 4 Pack 200g", "4 each"), ("Buns 4 Pack", "200g"), True),
        (("Yoghurt 6 Pack", "6 pack"), ("Yoghurt 6 x 125g", None), True),
        (("Rolls 24 Pack", None), ("Rolls 18 Pack", None), False),
        (("Ham", "1kg"), ("Ham", "approx. 1kg"), False),
        (("Ham", "approx 1kg"), ("Ham", "approx. 1kg"), True),
        (("Deo 100ml/60g", None), ("Deo", "100ml"), True),
        (("Plums", "each"), ("Plums", "each"), False),
        (("Plums", None), ("Plums", None), False),
    ],
)
def test_packs_fit_if_they_can_be_one(one, other, fits):
    assert read_pack(*one).fits(read_pack(*other)) is fits
    assert read_pack(*other).fits(read_pack(*one)) is fits


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("Cola 6 x 375ml", None), "6pk 2250ml"),
        (("Milk", "2L"), "2000ml"),
        (("Rolls 24 Pack", None), "24pk"),
        (("Ham", "approx. 1.6kg"), "about 1600g"),
        (("Plums", "each"), ""),
    ],
)
def test_a_pack_is_written_in_one_way(texts, shown):
    assert str(read_pack(*texts)) == shown


@given(st.sampled_from(["2L", "500 g", "6 x 30g", "10 pack", "4 each"]))
def test_every_known_pack_fits_itself(size):
    assert read_pack("Thing", size)
    assert read_pack("Thing", size).fits(read_pack(size, None))
