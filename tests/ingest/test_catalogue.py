"""Categories and skus of a company: created once, refreshed by newer sights, rooted where they were first seen."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import get_chain
from splitcart.database import transaction
from splitcart.database.models import Category, Sku
from splitcart.ingest.catalogue import Catalogue, CatalogueCounts
from splitcart.ingest.companies import ensure_company
from splitcart.ingest.shelf_lines import ShelfRow
from tests.ingest.crawl_files import product as record
from tests.ingest.crawl_files import shelf_row

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def product(*args: Any, **details: Any) -> ShelfRow:
    return shelf_row(record(*args, **details))


@pytest.fixture
def session(sqlite: sa.Engine) -> Iterator[Session]:
    with transaction(sqlite) as session:
        yield session


@pytest.fixture
def catalogue(session: Session) -> Catalogue:
    return Catalogue(session, ensure_company(session, get_chain("aldi")).id)


def sku(session: Session, code: str = "a1") -> Sku:
    session.expire_all()
    return session.scalars(sa.select(Sku).where(Sku.code == code)).one()


def tree(session: Session) -> dict[str, tuple[str, str | None, str | None]]:
    """Name, parent's path and root's path of each category by its path."""
    found = session.scalars(sa.select(Category)).all()
    path_of = {row.id: row.path for row in found}
    return {row.path: (row.name, path_of.get(row.parent_id or 0), path_of.get(row.root_id or 0)) for row in found}


def test_a_path_becomes_a_branch_of_the_tree(session: Session, catalogue: Catalogue) -> None:
    leaf, root = catalogue.category(session, ("Dairy", "Milk", "Full cream"))
    assert tree(session) == {
        "Dairy": ("Dairy", None, None),
        "Dairy > Milk": ("Milk", "Dairy", "Dairy"),
        "Dairy > Milk > Full cream": ("Full cream", "Dairy > Milk", "Dairy"),
    }
    assert catalogue.category(session, ("Dairy",)) == (root, root)
    assert catalogue.category(session, ("Dairy", "Milk", "Full cream")) == (leaf, root)


def test_one_name_in_two_branches_is_two_categories(session: Session, catalogue: Catalogue) -> None:
    assert catalogue.category(session, ("Dairy", "Other")) != catalogue.category(session, ("Pets", "Other"))
    assert len(tree(session)) == 4


def test_another_catalogue_finds_what_is_there(session: Session, catalogue: Catalogue) -> None:
    made = catalogue.category(session, ("Dairy", "Milk"))
    catalogue.take_in(session, [product("a1", "Dairy", 1)], AT, AT)
    again = Catalogue(session, catalogue.company_id)
    assert again.category(session, ("Dairy", "Milk")) == made
    assert again.skus == catalogue.skus


def test_a_company_does_not_see_another_s_catalogue(session: Session, catalogue: Catalogue) -> None:
    catalogue.take_in(session, [product("a1", "Dairy", 1)], AT, AT)
    other = Catalogue(session, ensure_company(session, get_chain("iga")).id)
    assert (other.skus, other.categories) == ({}, {})
    assert other.take_in(session, [product("a1", "Dairy", 1)], AT, AT).skus_created == 1
    assert len(session.scalars(sa.select(Sku)).all()) == 2


def test_a_sku_keeps_the_root_that_it_was_first_seen_under(session: Session, catalogue: Catalogue) -> None:
    catalogue.take_in(session, [product("a1", "Dairy", 1, path=["Dairy", "Milk"])], AT, AT)
    root, leaf = sku(session).root_category_id, sku(session).category_id
    catalogue.take_in(
        session, [product("a1", "Specials", 1, path=["Specials", "Week 9"], name="New name")], AT + DAY, AT + DAY
    )
    row = sku(session)
    assert (row.root_category_id, row.category_id, row.name) == (root, leaf, "New name")


def test_a_sku_moves_to_another_leaf_of_its_root(session: Session, catalogue: Catalogue) -> None:
    catalogue.take_in(session, [product("a1", "Dairy", 1, path=["Dairy", "Milk"])], AT, AT)
    catalogue.take_in(session, [product("a1", "Dairy", 1, path=["Dairy", "Cream"])], AT + DAY, AT + DAY)
    assert sku(session).category_id == catalogue.category(session, ("Dairy", "Cream"))[0]


@pytest.mark.parametrize(
    ("first", "then", "at", "expected"),
    [
        ({"brand": "Acme"}, {"brand": None}, DAY, "Acme"),
        ({"brand": None}, {"brand": "Acme"}, DAY, "Acme"),
        ({"brand": "Acme"}, {"brand": "Best"}, DAY, "Best"),
        ({"brand": "Acme"}, {"brand": "Best"}, -DAY, "Acme"),
        ({"brand": "Acme"}, {"brand": "Best"}, 0 * DAY, "Best"),
    ],
)
def test_newer_details_overwrite_and_open_ones_do_not(
    session: Session, catalogue: Catalogue, first: Any, then: Any, at: timedelta, expected: str
) -> None:
    catalogue.take_in(session, [product("a1", "A", 1, **first)], AT, AT)
    catalogue.take_in(session, [product("a1", "A", 1, **then)], AT + at, AT + at)
    assert sku(session).brand == expected


def test_equal_details_are_not_written_and_prices_are_no_details(session: Session, catalogue: Catalogue) -> None:
    catalogue.take_in(session, [product("a1", "A", 1)], AT, AT)
    assert catalogue.take_in(session, [product("a1", "A", 999)], AT + DAY, AT + DAY) == CatalogueCounts()
    assert (sku(session).details_seen_at, sku(session).first_seen_at) == (AT, AT)


def test_more_skus_than_one_query_names_are_all_remembered(session: Session, catalogue: Catalogue) -> None:
    rows = [product(f"s{number}", "A", 1, brand="B", size=f"{number + 1} g") for number in range(1100)]
    counts = catalogue.take_in(session, rows, AT, AT)
    assert (counts.skus_created, counts.products_created, len(catalogue.skus)) == (1100, 1100, 1100)
    assert catalogue.take_in(session, rows, AT + DAY, AT + DAY) == CatalogueCounts()


def test_a_sku_has_a_key_of_its_sizes(session: Session, catalogue: Catalogue) -> None:
    catalogue.take_in(session, [product("a1", "A", 1, name="Cola 6 x 375ml", size="2.25L")], AT, AT)
    assert sku(session).size_key == "2250ml 375ml 6pk"


def test_all_of_it_is_the_same_on_both_databases(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        catalogue = Catalogue(session, ensure_company(session, get_chain("aldi")).id)
        many = [product(f"s{number}", "A", 1, brand="B", size=f"{number + 1} g") for number in range(600)]
        assert catalogue.take_in(session, many, AT, AT) == CatalogueCounts(
            skus_created=600, products_created=600, brands_created=1
        )
        newer = product("s7", "B", 1, brand=None, size="9 g", name="New")
        assert catalogue.take_in(session, [newer], AT + DAY, AT + DAY) == CatalogueCounts(skus_updated=1)
        row = sku(session, "s7")
        assert (row.name, row.brand, row.size, row.size_key) == ("New", "B", "9 g", "9g")
        assert (row.root_category_id, row.details_seen_at, row.first_seen_at) == (
            catalogue.category(session, ("A",))[0],
            AT + DAY,
            AT,
        )
