"""The store list: plausible places, dirty rows."""

import re
from math import cos, hypot, radians

from splitcart.replica import ChainConfig, default_chains
from splitcart.replica.stores import build_stores, shares


def km(one, other):
    return hypot(
        111.2 * (one.true_latitude - other.true_latitude),
        111.2 * cos(radians(one.true_latitude)) * (one.true_longitude - other.true_longitude),
    )


def test_shops_of_a_city_are_neighbours_and_country_shops_are_alone():
    stores = build_stores(3, "aldi", default_chains()["aldi"])
    for store in stores:
        nearest = min(km(store, other) for other in stores if other is not store)
        if store.city and sum(other.city == store.city for other in stores) > 1:
            assert nearest < 20
        if not store.city:
            assert nearest > 25


def test_perth_stands_clearly_alone():
    stores = build_stores(3, "woolworths", default_chains()["woolworths"])
    perth = [store for store in stores if store.city == "Perth"]
    assert min(km(one, other) for one in perth for other in stores if other.city not in ("Perth", "")) > 1000


def test_ids_have_the_chain_s_form_and_are_given_once():
    for chain, form in (("aldi", r"G\d{3}"), ("woolworths", r"\d{4}")):
        stores = build_stores(1, chain, ChainConfig(stores=400))
        assert len({store.store_id for store in stores}) == 400
        assert all(re.fullmatch(form, store.store_id) for store in stores)


def test_every_kind_of_defect_appears_and_the_truth_stays():
    stores = build_stores(1, "aldi", ChainConfig(stores=60, dirty_share=0.2))
    defects = {store.defect: store for store in stores if store.defect}
    assert set(defects) == {
        *("no coordinates", "empty name", "coordinates 0, 0", "name N/A", "coordinates outside", "twin"),
    }
    assert defects["no coordinates"].latitude is None
    assert defects["empty name"].name == ""
    assert (defects["coordinates 0, 0"].latitude, defects["coordinates 0, 0"].longitude) == (0, 0)
    assert defects["coordinates outside"].latitude > 100
    twin = defects["twin"]
    assert any((twin.latitude, twin.longitude) == (s.latitude, s.longitude) for s in stores if s is not twin)
    assert all(-44 < store.true_latitude < -10 for store in stores)


def test_woolworths_lists_petrol_shops_without_a_range():
    stores = build_stores(1, "woolworths", default_chains()["woolworths"])
    petrol = [store for store in stores if not store.priced]
    assert len(petrol) == 12
    assert {store.division for store in petrol} == {"AMPOL", "EG"}
    assert all(re.fullmatch(r"\d{5}", store.store_id) for store in petrol)


def test_shares_deal_out_everything():
    assert shares(10, [6, 3, 1]) == [6, 3, 1]
    assert shares(4, [1, 1, 1]) == [2, 1, 1]
    assert sum(shares(17, [0.3, 0.3, 0.4])) == 17


def test_iga_lists_two_shops_without_an_online_shop_for_each_that_has_one():
    stores = build_stores(1, "iga", ChainConfig(stores=100, petrol_share=2.0))
    online, offline = ([store for store in stores if store.priced is priced] for priced in (True, False))
    assert (len(online), len(offline)) == (100, 200)
    assert ({store.division for store in online}, {store.division for store in offline}) == (
        {"IGA Online"},
        {"IGA In Store"},
    )
    assert all(re.fullmatch(r"\d{5}", store.store_id) for store in stores)
    tags = [store.retailer_store_id for store in stores if store.retailer_store_id]
    assert len(set(tags)) == len(tags) == 260
    assert len({store.store_id for store in stores}) == 300
