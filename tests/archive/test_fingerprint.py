"""A store is built anew when anything that its file is made of changed, and only then."""

import pytest
import sqlalchemy as sa

from archive import build_all, build_stores
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import Chain, build, contents, day


def store_row(session, store_id):
    return session.scalar(sa.select(m.Store).where(m.Store.store_id == store_id))


def test_only_stores_with_news_are_rebuilt_and_the_result_is_that_of_a_full_build(market, folder, tmp_path):
    with transaction(market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.sku("tea", "Tea")
        for store_id in ("1", "2"):
            store = chain.store(store_id)
            chain.price(store, "tea", 450, chain.crawl(store, 0, "Tea"))
    build(build_all, market, folder)
    kept = (folder / "store_data/iga/1.json").stat().st_ino
    with transaction(market) as session:
        chain.session = session
        chain.crawl(store_row(session, "2"), 4, "Tea")
    report = build(build_all, market, folder)
    assert report.changed == ["store_data/iga/2.json"]
    assert (folder / "store_data/iga/1.json").stat().st_ino == kept
    build(build_all, market, tmp_path / "full")
    assert contents(folder) == contents(tmp_path / "full")


def change_detail(session):
    session.execute(sa.update(m.Sku).where(m.Sku.code == "curd").values(brand="Farm"))


def change_store(session):
    session.execute(sa.update(m.Store).values(phone="13 25 26"))


def change_list(session):
    session.execute(sa.update(m.GroupPrice).values(changed_at=day(3), price_cents=999))


def change_status(session):
    session.execute(sa.update(m.StoreGroup).values(status="DIVERGENCE_DETECTED"))


def change_membership(session):
    session.execute(sa.update(m.Membership).values(suspended_at=day(3)))


def change_category(session):
    session.execute(
        sa.update(m.Category).where(m.Category.path == "Dairy > Milk").values(name="Milks", path="Dairy > Milks")
    )


@pytest.mark.parametrize(
    "change", [change_detail, change_store, change_list, change_status, change_membership, change_category]
)
def test_whatever_a_file_is_made_of_makes_it_anew(market, folder, tmp_path, change):
    build(build_stores, market, folder)
    with transaction(market) as session:
        change(session)
    report = build(build_stores, market, folder)
    assert report.changed == ["store_data/aldi/g100.json", "store_data/aldi/g101.json"]
    build(build_stores, market, tmp_path / "full")
    assert contents(folder) == contents(tmp_path / "full")
