"""What follows a batch: skus find late barcodes, brands and products that are one become one, products get their facts.

One transaction. A second run on the same rows changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.bulk import insert_missing, reserve_ids
from splitcart.database.locks import lock_company
from splitcart.database.models import Base, BrandAlias, Company, MergeEvent, Product
from splitcart.ingest.matching.aliases import learn_aliases
from splitcart.ingest.matching.alike import alike, blocks
from splitcart.ingest.matching.brands import BrandBook
from splitcart.ingest.matching.enrich import enrich
from splitcart.ingest.matching.finding import are_strangers
from splitcart.ingest.matching.reconcile import (
    BrandFacts,
    BrandReconciler,
    ProductFacts,
    ProductReconciler,
    Proposal,
)
from splitcart.ingest.matching.shelf import ShelfSku, read_shelf, say
from splitcart.ingest.matching.words import Words, learn_words

sku_table = Base.metadata.tables["skus"]
product_table = Base.metadata.tables["products"]
alias_table = Base.metadata.tables["brand_aliases"]


@dataclass(slots=True)
class PostProcessed:
    """What a run changed."""

    brands_created: int = 0
    aliases_learned: int = 0
    brands_merged: int = 0
    products_created: int = 0
    skus_matched: int = 0
    products_merged: int = 0
    products_enriched: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def post_process(session: Session, at: datetime) -> PostProcessed:
    """Run all steps in their order."""
    be_alone(session)
    counts = PostProcessed()
    book = BrandBook(session)
    skus = read_shelf(session, book)
    counts.brands_created = book.create(session, ((sku.company_id, sku.brand_text) for sku in skus), at)
    say(skus, book)
    counts.aliases_learned, counts.brands_merged = _reconcile_brands(session, skus, book, at)
    say(skus, book)
    _keep_keys(session, skus)
    _doubt_barcodes(session, skus)
    counts.products_created, counts.skus_matched = _follow_barcodes(session, skus, at)
    counts.products_merged = _reconcile_products(session, skus, at)
    counts.products_enriched = enrich(session, book)
    session.flush()
    return counts


def be_alone(session: Session) -> None:
    """Wait until no file is being taken in, and keep others from it until the transaction ends."""
    for company_id in session.scalars(sa.select(Company.id).order_by(Company.id)).all():
        lock_company(session, company_id, alone=True)


def _doubt_barcodes(session: Session, skus: list[ShelfSku]) -> None:
    """Take a barcode for none if its sku has nothing in common with any that the product of that GTIN has."""
    owners = _owners(session)
    of_product: dict[int, list[ShelfSku]] = defaultdict(list)
    newcomers: dict[str, list[ShelfSku]] = defaultdict(list)
    for sku in skus:
        of_product[sku.product_id].append(sku)
        if sku.gtin and owners.get(sku.gtin, sku.product_id) != sku.product_id:
            newcomers[sku.gtin].append(sku)
    for gtin, coming in newcomers.items():
        family, strangers = of_product[owners[gtin]], coming
        while known := [
            sku for sku in strangers if not family or not all(_are_strangers(sku, each) for each in family)
        ]:
            family = [*family, *known]
            strangers = [sku for sku in strangers if sku not in known]
        for sku in strangers:
            sku.gtin = None


def _are_strangers(one: ShelfSku, other: ShelfSku) -> bool:
    return are_strangers((one.name, one.brand), (other.name, other.brand))


def _owners(session: Session) -> dict[str | None, int]:
    """Return the products by GTIN."""
    return dict(session.execute(sa.select(Product.gtin, Product.id).where(Product.gtin.is_not(None))).all())


def _reconcile_brands(session: Session, skus: list[ShelfSku], book: BrandBook, at: datetime) -> tuple[int, int]:
    undone = sa.select(MergeEvent.from_id).where(MergeEvent.kind == "brand", MergeEvent.undone_at.is_not(None))
    left_alone = set(session.scalars(undone))
    counts = Counter(sku.raw_brand for sku in skus)
    facts = {
        brand.id: BrandFacts(brand.key, brand.company_id, counts[brand.key], brand.created_at)
        for brand in book.by_id.values()
    }
    learned = [
        alias
        for alias in learn_aliases(skus, book)
        if book.by_key[alias.key].id not in left_alone and alias.key not in book.aliases
    ]
    rows = [
        {
            "key": alias.key,
            "brand_id": book.by_key[alias.means].id,
            "rule": alias.rule,
            "votes": alias.votes,
            "score": alias.score,
            "learned_at": at,
        }
        for alias in learned
    ]
    insert_missing(session, alias_table, rows)
    aliases = session.execute(sa.select(BrandAlias.key, BrandAlias.brand_id, BrandAlias.rule, BrandAlias.score))
    proposals = [
        Proposal(book.by_key[key].id, brand_id, rule, score, 1, (key,))
        for key, brand_id, rule, score in aliases
        if key in book.by_key and book.brand(key) != book.brand(book.by_id[brand_id].key)
    ]
    merged = BrandReconciler(facts).run(session, proposals, at)
    session.flush()
    book.read(session)
    return len(rows), merged


def _keep_keys(session: Session, skus: Iterable[ShelfSku]) -> None:
    changed = [{"b_id": sku.id, "b_key": sku.key} for sku in skus if sku.key != sku.stored_key]
    statement = (
        sa.update(sku_table)
        .where(sku_table.c.id == sa.bindparam("b_id"))
        .values(match_key=sa.bindparam("b_key", type_=sku_table.c.match_key.type))
    )
    if changed:
        session.execute(statement, changed)


def _follow_barcodes(session: Session, skus: list[ShelfSku], at: datetime) -> tuple[int, int]:
    """A sku whose barcode came late goes to the product of that GTIN; its old product may learn the GTIN."""
    owners = _owners(session)
    gtin_of = {product_id: gtin for gtin, product_id in owners.items()}
    created = matched = 0
    for sku in skus:
        if sku.gtin is None or owners.get(sku.gtin) == sku.product_id:
            continue
        if sku.gtin not in owners:
            if sku.product_id in gtin_of:
                sku.product_id = _found(session, sku, at)
                created += 1
            else:
                session.execute(sa.update(Product).where(Product.id == sku.product_id).values(gtin=sku.gtin))
            owners[sku.gtin] = sku.product_id
            gtin_of[sku.product_id] = sku.gtin
        else:
            sku.product_id = owners[sku.gtin]
        session.execute(
            sa.update(sku_table)
            .where(sku_table.c.id == sku.id)
            .values(product_id=sku.product_id, match_rule="gtin", match_score=100.0)
        )
        matched += 1
    return created, matched


def _found(session: Session, sku: ShelfSku, at: datetime) -> int:
    (product_id,) = reserve_ids(session, product_table, 1)
    row = {"id": product_id, "name": sku.name, "gtin": sku.gtin, "created_at": at}
    session.execute(sa.insert(product_table), [row])
    return product_id


def _reconcile_products(session: Session, skus: list[ShelfSku], at: datetime) -> int:
    facts = _product_facts(session, skus)
    groups = list(blocks(skus))
    words = learn_words(skus, groups)
    proposals = [*_same_keys(skus), *_alike(groups, words)]
    return ProductReconciler(facts).run(session, proposals, at)


def _alike(groups: list[list[ShelfSku]], words: Words) -> list[Proposal]:
    return [
        Proposal(pair.one.product_id, pair.other.product_id, "fuzzy", pair.score, 1, (pair.one.order, pair.other.order))
        for pair in alike(groups, words)
        if pair.one.product_id != pair.other.product_id
    ]


def _same_keys(skus: list[ShelfSku]) -> list[Proposal]:
    """Products with skus of one key are one, unless the key has two GTINs: then those without one stay alone."""
    by_key: dict[str, dict[int, ShelfSku]] = defaultdict(dict)
    gtins: dict[str, set[str]] = defaultdict(set)
    for sku in skus:
        if sku.key:
            by_key[sku.key].setdefault(sku.product_id, sku)
            gtins[sku.key] |= {sku.gtin} if sku.gtin else set()
    found = []
    for key, products in by_key.items():
        first, *others = products.values()
        if len(gtins[key]) <= 1:
            found += [
                Proposal(first.product_id, other.product_id, "key", 100.0, 2, (first.order, other.order))
                for other in others
            ]
    return found


def _product_facts(session: Session, skus: list[ShelfSku]) -> dict[int, ProductFacts]:
    companies: dict[int, set[int]] = defaultdict(set)
    first: dict[int, tuple[str, str]] = {}
    for sku in skus:
        companies[sku.product_id].add(sku.company_id)
        first.setdefault(sku.product_id, sku.order)
    rows = session.execute(sa.select(Product.id, Product.gtin, Product.created_at))
    return {
        row.id: ProductFacts(row.gtin, row.created_at, frozenset(companies[row.id]), first[row.id])
        for row in rows
        if row.id in first
    }
