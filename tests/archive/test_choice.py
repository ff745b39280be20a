"""Which stores a build takes, and what it answers to names that it cannot."""

import pytest
import sqlalchemy as sa

from archive import ArchiveError, ArchiveInputError, build_all, build_stores
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import Chain, build, load


def test_stores_that_closed_leave_the_archive_unless_asked_for(local_market, folder):
    build(build_all, local_market, folder)
    with transaction(local_market) as session:
        session.execute(sa.update(m.Store).where(m.Store.store_id == "G101").values(is_active=False))
    report = build(build_all, local_market, folder)
    assert report.removed == ["store_data/aldi/g101.json"]
    assert not (folder / "store_data/aldi/g101.json").exists()
    assert build(build_all, local_market, folder, include_inactive=True).changed == ["store_data/aldi/g101.json"]


def test_a_store_that_was_never_crawled_has_no_file(local_market, folder):
    with transaction(local_market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.store("7")
    report = build(build_all, local_market, folder)
    assert report.without_prices == 1
    assert not (folder / "store_data/iga").exists()
    with pytest.raises(ArchiveInputError, match="store 7 of iga has no prices yet"):
        build(build_stores, local_market, folder, "iga", "7")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lidl", None), "unknown company 'lidl'; in the database: aldi"),
        (("aldi", "G999"), "unknown store 'G999' of aldi"),
        ((None, "G999"), "unknown store 'G999' of aldi"),
    ],
)
def test_unknown_names_are_answered_with_one_line(local_market, folder, arguments, message):
    with pytest.raises(ArchiveInputError, match=message) as raised:
        build(build_stores, local_market, folder, *arguments)
    assert "\n" not in str(raised.value)


def test_a_store_id_of_two_companies_needs_the_company(local_market, folder):
    with transaction(local_market) as session:
        Chain(session, "iga", "IGA").store("G100")
    with pytest.raises(ArchiveInputError, match="used by aldi and iga; add --company"):
        build(build_stores, local_market, folder, None, "G100")


@pytest.mark.parametrize("text", ["G101", "g101"])
def test_a_store_is_found_by_id_or_slug(local_market, folder, text):
    assert build(build_stores, local_market, folder, None, text).changed[0] == "store_data/aldi/g101.json"


def test_two_stores_that_would_share_a_file_are_named(local_market, folder):
    with transaction(local_market) as session:
        chain = Chain(session, "coles", "Coles")
        for store_id in ("COL:404", "COL:0404"):
            chain.crawl(chain.store(store_id), 0)
    with pytest.raises(ArchiveError, match=r"'COL:0404' and 'COL:404' of coles would share the file col-404.json"):
        build(build_all, local_market, folder)


def test_a_store_without_prices_and_with_an_id_that_names_no_file_is_listed_without_a_slug(local_market, folder):
    with transaction(local_market) as session:
        chain = Chain(session, "coles", "Coles")
        chain.crawl(chain.store("COL:404", state="WA"), 0)
        for store_id in ("COL-404", "???", "COL:7", "COL:0007"):
            chain.store(store_id, state="WA")
    build(build_all, local_market, folder)
    (state,) = load(folder / "company_data/coles.json")["stores_by_state"].values()
    slugs = {store["store_id"]: store.get("slug") for store in state["stores"]}
    assert slugs == {"COL:404": "col-404", "COL-404": None, "???": None, "COL:7": None, "COL:0007": None}
    assert (folder / "store_data/coles/col-404.json").is_file()
