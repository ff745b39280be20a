"""Which stores a build takes, and what it answers to names that it cannot."""

import pytest
import sqlalchemy as sa

from archive import ArchiveError, ArchiveInputError, build_all, build_stores
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import Chain, build


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
        chain.store("COL:404")
        chain.store("COL:0404")
    with pytest.raises(ArchiveError, match=r"'COL:0404' and 'COL:404' of coles would share the file col-404.json"):
        build(build_all, local_market, folder)
