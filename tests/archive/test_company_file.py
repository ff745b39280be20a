"""The store list of a company, by division and state."""

import pytest

from archive import build_company
from archive.errors import ArchiveInputError
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import Chain, build, day, load, stamp


def add_coles(engine):
    with transaction(engine) as session:
        chain = Chain(session, "coles", "Coles")
        divisions = [
            chain.add(m.Division(company_id=chain.company.id, name=name))
            for name in ("Coles Supermarkets", "Vintage Cellars")
        ]
        places = (
            ("COL:1", 0, "VIC"),
            ("COL:2", 0, None),
            ("COL:3", 0, "NSW"),
            ("VIN:4", 1, "VIC"),
            ("COL:5", None, "VIC"),
        )
        for store_id, division, state in places:
            chain.store(store_id, state=state, division_id=None if division is None else divisions[division].id)


def test_stores_stand_by_division_and_state(engine, folder):
    add_coles(engine)
    build(build_company, engine, "coles", folder)
    document = load(folder / "company_data/coles.json")
    assert "stores_by_state" not in document
    divisions = document["stores_by_division"]
    assert list(divisions) == ["coles-supermarkets", "unknown", "vintage-cellars"]
    supermarkets = divisions["coles-supermarkets"]
    assert (supermarkets["division_name"], supermarkets["total_stores"]) == ("Coles Supermarkets", 3)
    states = supermarkets["stores_by_state"]
    assert {state: [store["store_id"] for store in found["stores"]] for state, found in states.items()} == {
        "NSW": ["COL:3"],
        "Unknown": ["COL:2"],
        "VIC": ["COL:1"],
    }
    assert document["metadata"]["total_stores"] == 5


def test_a_chain_without_divisions_stands_by_state(market, folder):
    build(build_company, market, "aldi", folder)
    document = load(folder / "company_data/aldi.json")
    assert "stores_by_division" not in document
    assert document["stores_by_state"]["QLD"]["total_stores"] == 2


def test_a_store_record_has_its_facts_and_its_slug(engine, folder):
    facts = {
        "name": "Dalby",
        "address": "34 Archibald Street",
        "suburb": "Dalby",
        "state": "QLD",
        "postcode": "4405",
        "latitude": -27.18126,
        "longitude": 151.263493,
        "phone": "13 25 26",
        "hours": ["Mon 08:30-20:00"],
        "retailer_store_id": "9",
        "is_active": False,
    }
    with transaction(engine) as session:
        Chain(session).store("G100", **facts, listed_at=day(0), last_scraped_at=day(3))
    build(build_company, engine, "aldi", folder)
    document = load(folder / "company_data/aldi.json")
    (store,) = document["stores_by_state"]["QLD"]["stores"]
    assert store == {
        "store_id": "G100",
        "slug": "g100",
        **facts,
        "listed_at": stamp(0),
        "last_scraped_at": stamp(3),
    }
    metadata = document["metadata"]
    assert (metadata["data_generation_date"], metadata["total_stores"], metadata["active_stores"]) == (stamp(3), 1, 0)


def test_one_company_leaves_the_others_as_they_are(market, folder):
    build(build_company, market, None, folder)
    add_coles(market)
    report = build(build_company, market, "coles", folder)
    assert report.changed == ["company_data/coles.json"]
    assert sorted(path.name for path in (folder / "company_data").iterdir()) == ["aldi.json", "coles.json"]


def test_an_unknown_company_is_named(engine, folder):
    with pytest.raises(ArchiveInputError, match="unknown company 'aldi'; in the database: none yet"):
        build(build_company, engine, "aldi", folder)
