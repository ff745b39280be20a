"""The catalogue: codes, barcodes, sizes and unit prices in each chain's own form."""

import re

import pytest
from stdnum import ean

from splitcart.replica import default_chains
from splitcart.replica.catalogue import build_catalogue, shelf_price
from splitcart.replica.packs import Pack, name_suffix, parse_pack, size_text, unit_basis
from splitcart.replica.trees import aisles, build_tree


@pytest.fixture(params=["aldi", "coles", "iga", "woolworths"])
def chain(request):
    return request.param


def test_codes_barcodes_and_names(chain):
    config = default_chains()[chain]
    skus = build_catalogue(1, chain, config, build_tree(chain, config))
    assert sum(sku.initial for sku in skus) == config.skus
    assert len({sku.code for sku in skus}) == len(skus)
    assert len({(sku.name, sku.brand, sku.size) for sku in skus}) == len(skus)
    assert all(re.fullmatch(r"\d{18}" if chain == "aldi" else r"\d{6,7}", sku.code) for sku in skus)
    assert all(sku.gtin is None or ean.is_valid(sku.gtin) for sku in skus)
    assert any(sku.gtin and sku.gtin.startswith("02") for sku in skus)
    assert all(sku.base_cents >= 9 for sku in skus)


def test_a_large_catalogue_still_has_distinct_names(chain):
    config = type(default_chains()[chain])(skus=12_000)
    skus = build_catalogue(1, chain, config, build_tree(chain, config))
    assert len({(sku.name, sku.brand, sku.size) for sku in skus}) == len(skus)


def test_every_aisle_has_a_place_in_both_trees(chain):
    tree = build_tree(chain, default_chains()[chain])
    assert {shelf.aisle.key for shelf in tree.shelves} == {aisle.key for aisle in aisles()}
    leaves = [leaf.id for root in tree.roots for leaf in root.leaves()]
    assert len(set(leaves)) == len(leaves)
    assert {shelf.leaf.id for shelf in tree.shelves} == set(leaves)


@pytest.mark.parametrize(
    ("text", "aldi", "woolworths", "suffix"),
    [
        ("280 g", "280 g", "280g", "280g"),
        ("750 g", "0.75 kg", "750g", "750g"),
        ("6 x 375 ml", "6 x 375 ml", "6 x 375mL", "6x375ml"),
        ("6 x 1.5 l", "6 x 1.5 L", "6 x 1.5L", "6x1.5L"),
        ("1 ea", "1 each", "each", ""),
        ("3060 sheets", "3,060 sheets", "3060 pack", "3,060 Sheets"),
        ("110 pac", "110 PAC", "110 pack", "110 Pack"),
        ("approx 1.8 kg", "approx. 1.8 kg per package", "min. 1.8kg", "1.8kg"),
        ("per kg", "approx. 1 kg per package", "per kg", "per kg"),
    ],
)
def test_sizes_are_written_as_each_chain_writes_them(text, aldi, woolworths, suffix):
    pack = parse_pack(text)
    assert (size_text("aldi", pack), size_text("woolworths", pack), name_suffix(pack)) == (aldi, woolworths, suffix)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("280 g", "280g"),
        ("6 x 375 ml", "2.25l"),
        ("1 kg", "1kg"),
        ("1 ea", "each"),
        ("12 ea", "each"),
        ("per kg", "per kg"),
    ],
)
def test_iga_gives_the_whole_content_and_no_number_of_pieces(text, size):
    assert size_text("iga", parse_pack(text)) == size


@pytest.mark.parametrize(
    ("chain", "pack", "shown", "amount", "measure"),
    [
        ("aldi", Pack(1, 280, "g"), "100 g", 2.8, "1 kg"),
        ("aldi", Pack(1, 30, "g"), "10 g", 3, "1 kg"),
        ("aldi", Pack(6, 375, "ml"), "1 L", 2.25, "1 l"),
        ("aldi", Pack(1, 240, "ea"), "100 each", 2.4, "100 ea"),
        ("aldi", Pack(1, 3060, "sheets"), "100 sheets", 30.6, "100 sheets"),
        ("aldi", Pack(1, 110, "pac"), "100 PAC", 1.1, None),
        ("iga", Pack(1, 280, "g"), "100g", 2.8, "1 kg"),
        ("iga", Pack(6, 375, "ml"), "l", 2.25, "1 l"),
        ("iga", Pack(1, 16, "ea"), "each", 16, "1 ea"),
        ("woolworths", Pack(1, 280, "g"), "100G", 2.8, "1 kg"),
        ("woolworths", Pack(1, 2000, "ml"), "1L", 2, "1 l"),
        ("woolworths", Pack(1, 12, "ea"), "1EA", 12, "1 ea"),
        ("woolworths", Pack(1, 95, "sheets"), "1SS", 95, None),
    ],
)
def test_unit_prices_have_each_chain_s_basis(chain, pack, shown, amount, measure):
    basis = unit_basis(chain, pack)
    assert (basis.shown, basis.amount, basis.measure) == (shown, pytest.approx(amount), measure)


def test_shelf_prices_look_like_shelf_prices():
    assert [shelf_price(cents) for cents in (3, 57.4, 199, 432, 448, 1204)] == [9, 57, 199, 429, 450, 1200]


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="no pack size"):
        parse_pack("a handful")
