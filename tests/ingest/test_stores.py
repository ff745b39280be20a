"""Store lists to store rows: what is created, updated, left alone, switched off and on again."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from splitcart.config import get_chain
from splitcart.database import reading, transaction
from splitcart.database.models import Division, Store
from splitcart.ingest.stores import StoreCounts, update_stores
from splitcart.transfer.records import StoreRecord
from tests.ingest.store_lists import shop

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
HERE = {"latitude": -27.5, "longitude": 153.0}


def listed(
    engine: sa.Engine, records: list[StoreRecord], at: datetime = FIRST, *, whole: bool = False, company: str = "aldi"
) -> StoreCounts:
    with transaction(engine) as session:
        return update_stores(session, get_chain(company), records, at, is_whole_sweep=whole)


def known(engine: sa.Engine) -> dict[str, Store]:
    with reading(engine) as session:
        stores = {store.store_id: store for store in session.scalars(sa.select(Store))}
        session.expunge_all()
        return stores


def active(engine: sa.Engine) -> set[str]:
    return {store_id for store_id, store in known(engine).items() if store.is_active}


def test_a_store_is_created_with_all_that_the_list_says(engine: sa.Engine) -> None:
    record = shop(
        "G101",
        name="  ALDI \r\n Dalby ",
        division="Metro",
        address="78 Bay Street\r\n",
        suburb="Dalby",
        state="Queensland",
        postcode="4405",
        phone="132 534",
        hours=["Mon: 8-20"],
        retailer_store_id="77",
        **HERE,
    )
    assert listed(engine, [record]).created == 1
    store = known(engine)["G101"]
    assert (store.name, store.address, store.suburb, store.state) == ("ALDI Dalby", "78 Bay Street", "Dalby", "QLD")
    assert (store.postcode, store.phone, store.hours, store.retailer_store_id) == (
        "4405",
        "132 534",
        ["Mon: 8-20"],
        "77",
    )
    assert (store.latitude, store.longitude, store.is_active, store.listed_at) == (-27.5, 153.0, True, FIRST)
    with reading(engine) as session:
        assert session.scalars(sa.select(Division.name)).all() == ["Metro"]


def test_known_values_are_updated_and_open_ones_left_alone(engine: sa.Engine) -> None:
    listed(engine, [shop("G101", suburb="Dalby", phone="1", **HERE)])
    counts = listed(engine, [shop("G101", name="New", suburb="Ipswich")], FIRST + DAY)
    assert (counts.created, counts.updated, counts.unchanged) == (0, 1, 0)
    store = known(engine)["G101"]
    assert (store.name, store.suburb, store.phone, store.latitude) == ("New", "Ipswich", "1", -27.5)


def test_the_same_list_again_changes_nothing(engine: sa.Engine) -> None:
    records = [shop("G101", hours=["Mon"], division="Metro", **HERE)]
    listed(engine, records)
    counts = listed(engine, records, FIRST + DAY, whole=True)
    assert counts == StoreCounts(unchanged=1)


def test_an_older_list_fills_gaps_only(engine: sa.Engine) -> None:
    listed(engine, [shop("G101", name="New", hours=["Mon"], latitude=0.0, longitude=0.0)], FIRST + DAY)
    counts = listed(engine, [shop("G101", name="Old", phone="1", hours=["Tue"], **HERE)], FIRST)
    store = known(engine)["G101"]
    assert (store.name, store.phone, store.hours, store.listed_at) == ("New", "1", ["Mon"], FIRST + DAY)
    assert (store.latitude, counts.moved, counts.updated) == (0.0, [], 1)


def test_a_whole_sweep_switches_off_what_it_no_longer_lists_and_its_return_switches_it_on(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    both = [shop("G101"), shop("G102")]
    listed(engine, both, whole=True)
    with caplog.at_level(logging.WARNING):
        assert listed(engine, both[:1], FIRST + DAY, whole=True).deactivated == 1
    assert active(engine) == {"G101"}
    assert "store G102 is no longer listed and was switched off" in caplog.text
    assert listed(engine, both[:1], FIRST + 2 * DAY, whole=True).deactivated == 0
    back = listed(engine, both, FIRST + 3 * DAY)
    assert (back.reactivated, active(engine)) == (1, {"G101", "G102"})


def test_a_list_that_is_not_the_whole_switches_nothing_off(engine: sa.Engine) -> None:
    listed(engine, [shop("G101"), shop("G102")])
    listed(engine, [shop("G101")], FIRST + DAY)
    assert active(engine) == {"G101", "G102"}


def test_a_whole_sweep_speaks_only_of_its_own_divisions_and_company(engine: sa.Engine) -> None:
    listed(engine, [shop("1001", division="SUPERMARKETS"), shop("1002", division="SUPERMARKETS")], company="woolworths")
    listed(engine, [shop("2001", division="EG"), shop("3001")], company="woolworths")
    listed(engine, [shop("G101")])
    counts = listed(engine, [shop("1001", division="SUPERMARKETS")], FIRST + DAY, whole=True, company="woolworths")
    assert (counts.deactivated, active(engine)) == (1, {"1001", "2001", "3001", "G101"})
    listed(engine, [shop("1001")], FIRST + 2 * DAY, whole=True, company="woolworths")
    assert active(engine) == {"1001", "2001", "G101"}, "a list without divisions speaks of stores without one"


def test_an_empty_sweep_switches_nothing_off(engine: sa.Engine) -> None:
    listed(engine, [shop("G101")], whole=True)
    assert listed(engine, [], FIRST + DAY, whole=True).deactivated == 0
    assert active(engine) == {"G101"}


def test_a_late_list_does_not_switch_on_what_a_newer_sweep_missed(engine: sa.Engine) -> None:
    both = [shop("G101"), shop("G102")]
    listed(engine, both, whole=True)
    listed(engine, both[:1], FIRST + 2 * DAY, whole=True)
    late = listed(engine, both, FIRST + DAY, whole=True)
    assert (late.reactivated, late.deactivated, active(engine)) == (0, 0, {"G101"})


def test_a_store_that_does_not_trade_is_off_until_it_does(engine: sa.Engine) -> None:
    listed(engine, [shop("G101", is_trading=False), shop("G102", is_trading=True)])
    assert active(engine) == {"G102"}
    counts = listed(engine, [shop("G101", is_trading=True), shop("G102", is_trading=False)], FIRST + DAY)
    assert (counts.reactivated, counts.deactivated, active(engine)) == (1, 1, {"G101"})


def test_moved_coordinates_are_logged_and_a_nudge_is_not(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    listed(engine, [shop("G101", **HERE), shop("G102", **HERE)])
    with caplog.at_level(logging.WARNING):
        counts = listed(
            engine,
            [shop("G101", latitude=-27.6, longitude=153.0), shop("G102", latitude=-27.5004, longitude=153.0)],
            FIRST + DAY,
        )
    assert counts.moved == ["G101"]
    assert "store G101 moved from -27.5, 153.0 to -27.6, 153.0" in caplog.text
    assert "G102" not in caplog.text


def test_stores_on_one_point_are_named_once(engine: sa.Engine) -> None:
    """Two shops in one centre, or a wrong pin: a person may know."""
    away = {"latitude": -28.0, "longitude": 153.0}
    zero = {"latitude": 0.0, "longitude": 0.0}
    records = [
        shop("G101", **HERE),
        shop("G102", **HERE),
        shop("G103", **away),
        shop("G104", **zero),
        shop("G105", **zero),
    ]
    assert listed(engine, records).twins == ["G101, G102"]
    assert listed(engine, records, FIRST + DAY).twins == []
    assert listed(engine, [shop("G103", **HERE)], FIRST + 2 * DAY).twins == ["G101, G102, G103"]
    assert listed(engine, [shop("2001", **HERE)], company="coles").twins == []


def test_ids_of_another_form_are_kept_and_listed(engine: sa.Engine) -> None:
    counts = listed(engine, [shop("414"), shop("COL:414")], company="coles")
    assert (counts.created, counts.odd_ids) == (2, ["414"])
    assert set(known(engine)) == {"414", "COL:414"}


def test_an_id_is_kept_as_the_chain_writes_it(engine: sa.Engine) -> None:
    listed(engine, [shop("COL:584")], company="coles")
    assert listed(engine, [shop("COL:0584")], FIRST + DAY, company="coles").created == 0


def test_a_store_listed_twice_is_one_store_and_the_first_counts(engine: sa.Engine) -> None:
    counts = listed(engine, [shop("G102"), shop("G101", suburb="A"), shop("G101", suburb="B")])
    assert (counts.created, known(engine)["G101"].suburb) == (2, "A")


@pytest.mark.parametrize("name", ["", "N/A", " n/a ", "None", "null"])
def test_a_store_without_a_name_is_named_after_its_place(engine: sa.Engine, name: str) -> None:
    listed(engine, [shop("G101", name=name, suburb="Dalby"), shop("G102", name=name, suburb="N/A")])
    stores = known(engine)
    assert (stores["G101"].name, stores["G102"].name, stores["G102"].suburb) == ("ALDI Dalby", "ALDI G102", None)


def test_no_name_leaves_a_known_name(engine: sa.Engine) -> None:
    listed(engine, [shop("G101", name="ALDI Dalby")])
    listed(engine, [shop("G101", name="N/A")], FIRST + DAY)
    assert known(engine)["G101"].name == "ALDI Dalby"


def test_dirty_states_and_postcodes_become_clean_or_open(engine: sa.Engine) -> None:
    listed(
        engine,
        [
            shop("G101", state="ACT ", postcode="800"),
            shop("G102", state="6018", postcode="no"),
            shop("G103", state="new south wales"),
        ],
    )
    assert [(store.state, store.postcode) for _, store in sorted(known(engine).items())] == [
        ("ACT", "0800"),
        (None, None),
        ("NSW", None),
    ]


def test_one_id_at_two_companies_is_two_stores(engine: sa.Engine) -> None:
    listed(engine, [shop("1001")], company="woolworths")
    listed(engine, [shop("1001")], company="iga")
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count(Store.id))) == 2
