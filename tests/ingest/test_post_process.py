"""What follows a batch: brands and products that are one become one, nothing else does, and all of it can be undone."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, aliased

from splitcart.database import Base, open_database, transaction
from splitcart.database.models import Brand, BrandAlias, MergeEvent, Product, Sku
from splitcart.errors import InputError
from splitcart.ingest.matching import PostProcessed, post_process, read_merges, undo_merge
from splitcart.transfer.records import ProductRecord
from tests.ingest.chains import AT, DAY, gtin, identity_rows, listed, merges, product_of, take_in, teach, together

NOTHING = PostProcessed()


@pytest.fixture
def session(sqlite: sa.Engine) -> Iterator[Session]:
    with transaction(sqlite) as session:
        yield session


@pytest.fixture
def either(engine: sa.Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


def are_one(session: Session, one: ProductRecord, other: ProductRecord, *taught: str) -> bool:
    """Tell whether post-processing makes one product of a sku of Coles and one of Woolworths."""
    teach(session, *taught)
    take_in(session, "coles", one)
    take_in(session, "woolworths", other)
    post_process(session, AT)
    return together(session, ("coles", one.sku), ("woolworths", other.sku))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tim Tam Chewy", "Chewy Tim Tam Biscuits"),
        ("Tim Tam Biscuits", "Tim Tam"),
        ("Icecream Tim Tam Biscuits", "Ice Cream Tim Tam"),
    ],
)
def test_names_that_differ_by_what_barcodes_taught_are_one(either: Session, one: str, other: str) -> None:
    assert are_one(either, listed("a", one), listed("b", other), "Biscuits")
    rule, score = either.execute(sa.select(Sku.match_rule, Sku.match_score).where(Sku.code == "b")).one()
    assert rule == "fuzzy"
    assert 60 <= score <= 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (listed("a", "Tim Tam"), listed("b", "Tim Tam Biscuits")),
        (listed("a", "Tim Tam Wide"), listed("b", "Tim Tam Long")),
    ],
    ids=["a word more", "another word"],
)
def test_a_word_that_nobody_taught_makes_a_difference(
    session: Session, one: ProductRecord, other: ProductRecord
) -> None:
    assert not are_one(session, one, other)


@pytest.mark.parametrize(
    "word",
    ["Mint", "Light", "No Added Sugar", "Free", "Dark", "2", "50+", "Lavender", "Organic", "Decaf", "Large", "Kids"],
)
def test_flavours_diets_colours_sizes_and_numbers_make_a_difference_whatever_few_barcodes_say(
    session: Session, word: str
) -> None:
    assert not are_one(session, listed("a", "Tim Tam"), listed("b", f"Tim Tam {word}"), word)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (listed("a", "Tim Tam", size="500g"), listed("b", "Tim Tam Biscuits", size="200g")),
        (listed("a", "Tim Tam", size="500g"), listed("b", "Tim Tam Biscuits 4 Pack", size="500g")),
        (listed("a", "Tim Tam", size="500g"), listed("b", "Tim Tam Biscuits", size="approx. 500g")),
        (listed("a", "Tim Tam", size="each"), listed("b", "Tim Tam Biscuits", size="each")),
        (listed("a", "Tim Tam", "Acme"), listed("b", "Tim Tam Biscuits", "Other")),
        (listed("a", "Tim Tam", None), listed("b", "Tim Tam Biscuits", None)),
        (listed("a", "Tim Tam", "Coles"), listed("b", "Tim Tam Biscuits", "Woolworths")),
        (listed("a", "Tim Tam", "Coles"), listed("b", "Tim Tam Biscuits", "Coles")),
        (listed("a", "Tim Tam", barcode=gtin(1)), listed("b", "Tim Tam Biscuits", barcode=gtin(2))),
    ],
    ids=[
        "size",
        "multipack",
        "weighed",
        "no size",
        "brand",
        "no brand",
        "own brands",
        "own brand elsewhere",
        "other GTINs",
    ],
)
def test_another_pack_brand_or_gtin_is_never_fuzzed_over(
    session: Session, one: ProductRecord, other: ProductRecord
) -> None:
    assert not are_one(session, one, other, "Biscuits")


def test_a_chain_does_not_list_one_thing_under_two_names(session: Session) -> None:
    take_in(session, "coles", listed("a", "Tim Tam"))
    assert not are_one(session, listed("c", "Tim Tam Biscuits"), listed("b", "Tim Tam"), "Biscuits")
    assert together(session, ("coles", "a"), ("woolworths", "b"))


def test_two_matches_that_are_as_good_are_no_answer(session: Session) -> None:
    teach(session, "Biscuits", "Snackers", first=700)
    take_in(session, "coles", listed("a", "Tim Tam"))
    alike = [listed("b", "Tim Tam Biscuits"), listed("c", "Tim Tam Snackers")]
    take_in(session, "woolworths", *alike)
    post_process(session, AT)
    assert (
        len({product_of(session, "coles", "a"), *(product_of(session, "woolworths", each.sku) for each in alike)}) == 3
    )


def test_a_misspelt_word_is_the_common_one_if_it_is_rare(session: Session) -> None:
    for number, size in enumerate(("100g", "200g", "300g", "400g", "600g")):
        take_in(session, "coles", listed(f"t{number}", "Gobbler Treats", size=size))
    assert are_one(session, listed("a", "Gobbler Treats"), listed("b", "Gobbelr Treats"))


def test_one_voice_is_not_enough(session: Session) -> None:
    take_in(session, "coles", listed("t", "Rusks Biscuits", barcode=gtin(5)))
    take_in(session, "woolworths", listed("t", "Rusks", barcode=gtin(5)))
    assert not are_one(session, listed("a", "Tim Tam"), listed("b", "Tim Tam Biscuits"))


def barcodes_say(session: Session, word: str, count: int, brand: str, first: int) -> None:
    for number in range(first, first + count):
        take_in(session, "coles", listed(f"v{number}", f"Thing{number}ly Z {word}", brand, barcode=gtin(number)))
        take_in(session, "woolworths", listed(f"v{number}", f"Thing{number}ly Z", brand, barcode=gtin(number)))


@pytest.mark.parametrize(
    ("word", "of_others", "of_the_brand", "one"),
    [("Organic", 5, 1, True), ("Organic", 4, 1, False), ("Organic", 9, 0, False), ("7", 9, 9, False)],
    ids=["six voices", "five voices", "none of the brand", "a number"],
)
def test_many_barcodes_may_say_that_a_brand_uses_a_weighty_word_lightly(
    session: Session, word: str, of_others: int, of_the_brand: int, one: bool
) -> None:
    barcodes_say(session, word, of_others, "Best", 100)
    barcodes_say(session, word, of_the_brand, "Acme", 200)
    assert are_one(session, listed("a", "Tim Tam"), listed("b", f"Tim Tam {word}")) is one


def test_a_different_barcode_restores_the_weight_of_a_word(session: Session) -> None:
    barcodes_say(session, "Organic", 7, "Acme", 100)
    take_in(session, "iga", listed("x", "Rusks", barcode=gtin(1)), listed("y", "Rusks Organic", barcode=gtin(2)))
    take_in(session, "iga", listed("z", "Wafers", barcode=gtin(3)), listed("q", "Wafers Organic", barcode=gtin(4)))
    assert not are_one(session, listed("a", "Tim Tam"), listed("b", "Tim Tam Organic"))


KINDS = ("Rusks", "Wafers", "Bangles", "Spirals")


@pytest.mark.parametrize(
    ("apart", "beside", "one"),
    [(3, 0, True), (2, 0, False), (3, 1, False)],
    ids=["apart", "too few", "one beside the other"],
)
def test_without_barcodes_shelves_tell_what_comes_and_goes(
    session: Session, apart: int, beside: int, one: bool
) -> None:
    """With the pair that is asked about there is one pair more of which each chain has one."""
    for number, kind in enumerate(KINDS[:apart]):
        take_in(session, "coles", listed(f"k{number}", kind))
        take_in(session, "woolworths", listed(f"k{number}", f"{kind} Tin"))
    for number in range(beside):
        take_in(session, "coles", listed(f"x{number}", f"Brick{number}s"), listed(f"y{number}", f"Brick{number}s Tin"))
        take_in(session, "coles", listed("z", "Stone"), listed("q", "Stone Tin"))
    assert are_one(session, listed("a", "Tim Tam"), listed("b", "Tim Tam Tin")) is one


def test_different_barcodes_speak_against_a_word(session: Session) -> None:
    for number, name in enumerate(("Bread", "Sauce")):
        take_in(session, "iga", listed(f"x{number}", name, barcode=gtin(50 + 2 * number)))
        take_in(session, "iga", listed(f"y{number}", f"{name} Biscuits", barcode=gtin(51 + 2 * number)))
    assert not are_one(session, listed("a", "Tim Tam"), listed("b", "Tim Tam Biscuits"), "Biscuits")


# Brands


def brand_of(session: Session, chain: str, code: str) -> str | None:
    product_id = product_of(session, chain, code)
    return session.scalar(sa.select(Brand.key).join(Product).where(Product.id == product_id))


def share_barcodes(session: Session, one: str | None, other: str | None, count: int, first: int = 100) -> None:
    for number in range(first, first + count):
        take_in(session, "coles", listed(f"v{number}", f"Thing {number}", one, barcode=gtin(number)))
        take_in(session, "woolworths", listed(f"v{number}", f"Thing {number}", other, barcode=gtin(number)))


def test_brands_that_share_barcodes_become_one_and_so_do_their_products(either: Session) -> None:
    share_barcodes(either, "Nescafe", "Nestle", 2)
    take_in(either, "woolworths", listed("more", "More", "Nestle"), listed("a", "Blend"), listed("b", "Jar", "Nestle"))
    take_in(either, "coles", listed("b", "Jar", "Nescafe"))
    counts = post_process(either, AT)
    assert (counts.aliases_learned, counts.brands_merged, counts.products_merged) == (1, 1, 1)
    assert {brand_of(either, "coles", "b"), brand_of(either, "woolworths", "b")} == {"nestle"}
    assert together(either, ("coles", "b"), ("woolworths", "b"))
    alias = either.scalars(sa.select(BrandAlias)).one()
    assert (alias.key, alias.rule, alias.votes, alias.score) == ("nescafe", "barcode", 2, 100.0)
    take_in(either, "iga", listed("b", "Jar", "Nescafe"))
    assert together(either, ("coles", "b"), ("iga", "b"))


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("Acme", "Best", 1), ("Acme", None, 5), ("Acme", "", 5), ("Coles", "Best", 5), ("Coles", "Woolworths", 5)],
    ids=["one vote", "no brand", "an empty brand", "an own brand", "two own brands"],
)
def test_no_alias_is_learned(session: Session, one: str | None, other: str | None, count: int) -> None:
    share_barcodes(session, one, other, count)
    post_process(session, AT)
    assert session.scalars(sa.select(BrandAlias)).all() == []


def test_brands_that_mostly_agree_stay_two(session: Session) -> None:
    share_barcodes(session, "Nescafe", "Nestle", 2)
    share_barcodes(session, "Nescafe", "Nescafe", 2, first=200)
    share_barcodes(session, "Nestle", "Nestle", 2, first=300)
    post_process(session, AT)
    assert merges(session) == []


def test_a_misspelt_brand_with_something_in_common_is_the_brand(session: Session) -> None:
    take_in(session, "coles", *(listed(f"c{n}", "Block", "Cadbury", size=f"{n}00g") for n in range(1, 6)))
    take_in(
        session, "woolworths", listed("w", "Block", "Cadburry", size="300g"), listed("x", "Box", "Cadbary", size="1kg")
    )
    post_process(session, AT)
    assert together(session, ("coles", "c3"), ("woolworths", "w"))
    assert brand_of(session, "woolworths", "x") == "cadbary"


def test_a_misspelt_brand_whose_names_begin_with_the_right_one_is_that_brand(session: Session) -> None:
    take_in(session, "coles", *(listed(f"c{n}", "Bar", "Uncle Tobys", size=f"{n}00g") for n in range(1, 6)))
    take_in(session, "woolworths", listed("x", "Uncle Tobys Oats", "Unccle Tobys"))
    post_process(session, AT)
    assert brand_of(session, "woolworths", "x") == "tobys uncle"


@pytest.mark.parametrize("brand", ["Coca Cola", "COCA-COLA", "CocaCola&reg;", "Coca-Cola Australia Pty Ltd"])
def test_one_brand_in_many_spellings_makes_one_product(session: Session, brand: str) -> None:
    assert are_one(session, listed("a", "Classic", "Coca-Cola"), listed("b", "Classic", brand))


@pytest.mark.parametrize("brand", ["Dairy Farmers", "Dairy-Farmers", "Dairy & Farmers"])
def test_a_name_without_a_brand_takes_the_one_that_it_begins_with(session: Session, brand: str) -> None:
    take_in(session, "coles", *(listed(f"c{n}", f"Kind {n}", brand) for n in range(3)))
    take_in(session, "woolworths", listed("w", f"{brand} Kind 2", None))
    post_process(session, AT)
    assert together(session, ("coles", "c2"), ("woolworths", "w"))


def test_own_brands_are_one_if_a_gtin_says_so(session: Session) -> None:
    assert are_one(
        session, listed("a", "Milk", "Coles", barcode=gtin(1)), listed("b", "Milk", "Woolworths", barcode=gtin(1))
    )


# Barcodes that come late, and facts


def test_a_late_barcode_brings_a_sku_to_its_product(either: Session) -> None:
    take_in(either, "coles", listed("a", "One", barcode=gtin(1)))
    take_in(either, "woolworths", listed("b", "Another one"))
    take_in(either, "iga", listed("c", "Third"))
    assert post_process(either, AT).skus_matched == 0
    take_in(either, "woolworths", listed("b", "Another one", barcode=gtin(1)), at=AT + DAY)
    take_in(either, "iga", listed("c", "Third", barcode=gtin(3)), at=AT + DAY)
    assert post_process(either, AT).skus_matched == 2
    assert together(either, ("coles", "a"), ("woolworths", "b"))
    assert either.scalar(sa.select(Product.gtin).where(Product.id == product_of(either, "iga", "c"))) == f"0{gtin(3)}"


def test_a_late_barcode_takes_a_sku_away_from_the_product_of_another(session: Session) -> None:
    take_in(session, "coles", listed("a", "One", barcode=gtin(1)))
    take_in(session, "woolworths", listed("b", "One"))
    assert together(session, ("coles", "a"), ("woolworths", "b"))
    take_in(session, "woolworths", listed("b", "One", barcode=gtin(2)), at=AT + DAY)
    assert post_process(session, AT).products_created == 1
    assert not together(session, ("coles", "a"), ("woolworths", "b"))


def test_a_barcode_of_a_thing_with_nothing_in_common_is_an_error_in_typing(session: Session) -> None:
    wrong = listed("b", "Toilet Tissue", "Best", "12 pack", barcode=gtin(1))
    assert not are_one(session, listed("a", "Tim Tam", barcode=gtin(1)), wrong)


def test_facts_come_from_the_best_sku_that_has_them(either: Session) -> None:
    take_in(either, "woolworths", listed("b", "Plain", image_url="b.jpg", description="text"))
    take_in(either, "coles", listed("a", "Plain", barcode=gtin(1), image_url="a.jpg", description=""), at=AT + DAY)
    post_process(either, AT)
    found = either.get_one(Product, product_of(either, "coles", "a"))
    assert (found.image_url, found.description, found.size) == ("a.jpg", "text", "500g")
    take_in(either, "iga", listed("c", "Plain", image_url="c.jpg", ingredients="flour"), at=AT + 2 * DAY)
    post_process(either, AT)
    either.refresh(found)
    assert (found.image_url, found.ingredients) == ("a.jpg", "flour")


# Undoing


def all_rows(session: Session) -> dict[str, list[tuple[object, ...]]]:
    names = ("skus", "products", "brands", "brand_aliases")
    tables = [Base.metadata.tables[name] for name in names]
    return {
        table.name: [tuple(row) for row in session.execute(sa.select(table).order_by(table.c.id))] for table in tables
    }


def test_an_undone_merge_of_products_leaves_no_trace_and_is_not_done_again(either: Session) -> None:
    teach(either, "Biscuits")
    take_in(either, "coles", listed("a", "Tim Tam", image_url="a.jpg"))
    post_process(either, AT)
    before = all_rows(either)
    take_in(either, "woolworths", listed("b", "Tim Tam Biscuits", description="text"), at=AT + DAY)
    take_in(either, "woolworths", listed("c", "Tim Tam Biscuits", description="text"), at=AT + DAY)
    assert post_process(either, AT).products_merged == 1
    (merge,) = read_merges(either)
    assert (merge["rule"], merge["moved"], merge["into"]["name"]) == ("fuzzy", 2, "Tim Tam")
    assert undo_merge(either, merge["id"], AT)["undone_at"] == AT
    assert not together(either, ("coles", "a"), ("woolworths", "b"))
    assert together(either, ("woolworths", "c"), ("woolworths", "b"))
    assert all_rows(either)["products"][: len(before["products"])] == before["products"]
    assert all_rows(either)["skus"][: len(before["skus"])] == before["skus"]
    assert post_process(either, AT) == NOTHING
    with pytest.raises(InputError, match="is undone already"):
        undo_merge(either, merge["id"], AT)


def test_an_undone_merge_of_brands_is_not_learned_again(either: Session) -> None:
    share_barcodes(either, "Nescafe", "Nestle", 2)
    take_in(either, "coles", listed("b", "Jar", "Nescafe"))
    take_in(either, "woolworths", listed("b", "Cup", "Nestle"), listed("c", "Mug", "Nestle"))
    post_process(either, AT)
    (merge,) = read_merges(either, kind="brand")
    undo_merge(either, merge["id"], AT)
    assert brand_of(either, "coles", "b") == "nescafe"
    again = post_process(either, AT)
    assert (again.brands_merged, again.aliases_learned) == (0, 0)
    assert brand_of(either, "coles", "b") == "nescafe"


def test_a_merge_can_be_undone_after_a_later_one_moved_its_rows_on(session: Session) -> None:
    teach(session, "Biscuits", "Snackers")
    take_in(session, "coles", listed("a", "Tim Tam Biscuits"))
    take_in(session, "woolworths", listed("b", "Tim Tam"))
    post_process(session, AT)
    take_in(session, "iga", listed("c", "Tim Tam Snackers", barcode=gtin(1)), at=AT + DAY)
    post_process(session, AT)
    assert together(session, ("coles", "a"), ("woolworths", "b"), ("iga", "c"))
    first, *_ = session.scalars(sa.select(MergeEvent.id).order_by(MergeEvent.id))
    undo_merge(session, first, AT)
    homes = [product_of(session, *place) for place in (("coles", "a"), ("woolworths", "b"), ("iga", "c"))]
    assert len(set(homes)) == 2
    assert homes[0] != homes[1]
    for event_id in session.scalars(sa.select(MergeEvent.id).where(MergeEvent.undone_at.is_(None))).all():
        undo_merge(session, event_id, AT)
    assert len({product_of(session, *place) for place in (("coles", "a"), ("woolworths", "b"), ("iga", "c"))}) == 3
    assert session.scalars(sa.select(Product).where(Product.merged_into_id.is_not(None))).all() == []


def test_a_merge_that_is_not_there_cannot_be_undone(session: Session) -> None:
    with pytest.raises(InputError, match="there is no merge 7; splitcart products merges lists them"):
        undo_merge(session, 7, AT)


# Whatever skus there are


names = st.lists(
    st.sampled_from(["Tim", "Tam", "Choc", "Chocolate", "Mint", "Biscuits", "Biscuit", "Light", "Snack", "Box", "2"]),
    min_size=1,
    max_size=4,
).map(" ".join)
shelves = st.lists(
    st.tuples(
        st.sampled_from(["coles", "woolworths", "iga"]),
        names,
        st.sampled_from(["Acme", "ACME Pty Ltd", "Acmee", "Coles", "Best", None]),
        st.sampled_from(["500g", "0.5 kg", "2 x 250g", "2 Pack", None]),
        st.sampled_from([None, *map(gtin, range(6))]),
    ),
    min_size=1,
    max_size=25,
)


def fill(session: Session, shelf: list[tuple[str, str, str | None, str | None, str | None]]) -> None:
    for number, (chain, name, brand, size, barcode) in enumerate(shelf):
        take_in(session, chain, listed(f"s{number:02d}", name, brand, size, barcode=barcode))


@pytest.fixture(scope="module")
def any_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('identity')}/any.db")
    yield engine
    engine.dispose()


@settings(max_examples=25, deadline=None)
@given(shelf=shelves)
def test_a_second_run_changes_nothing_and_all_undone_leaves_no_merge(any_database: sa.Engine, shelf) -> None:
    with any_database.connect() as connection, Session(connection) as session:
        fill(session, shelf)
        post_process(session, AT)
        once = all_rows(session)
        assert post_process(session, AT + DAY) == NOTHING
        assert all_rows(session) == once
        others = aliased(Product)
        believed = ~sa.exists().where(others.gtin == "0" + Sku.barcode, others.id != Sku.product_id)
        for product_id, codes in session.execute(
            sa.select(Sku.product_id, sa.func.count(sa.distinct(Sku.barcode))).where(believed).group_by(Sku.product_id)
        ):
            assert codes <= 1, product_id
        for merge in read_merges(session):
            undo_merge(session, merge["id"], AT)
        assert session.scalar(sa.select(sa.func.count(Product.id)).where(Product.merged_into_id.is_not(None))) == 0
        assert post_process(session, AT).products_merged == 0
        session.rollback()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(shelf=shelves)
def test_both_databases_come_to_the_same(sqlite: sa.Engine, postgres: sa.Engine, shelf) -> None:
    found = []
    for engine in (sqlite, postgres):
        with engine.connect() as connection, Session(connection) as session:
            fill(session, shelf)
            counts = post_process(session, AT)
            found.append((counts, identity_rows(session), merges(session)))
            session.rollback()
    assert found[0] == found[1]
