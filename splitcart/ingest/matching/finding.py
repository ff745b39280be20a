"""From a new sku to the product that it is: by GTIN, else by the key of name, brand and pack.

A code of restricted circulation is no GTIN, and a GTIN that comes with another brand and a name that shares no word
with the product's is an error in typing. A key that two products have is no answer. A product that was known by its key
only gets the first GTIN that one of its skus brings, so that a second one does not join it. What is like each other
without being equal is left to post-processing.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.bulk import insert_missing, load, open_scratch, reserve_ids, sqlite_key
from splitcart.database.models import Base
from splitcart.ingest.matching.brands import BrandBook
from splitcart.measures.gtin import parse_gtin
from splitcart.measures.keys import product_key
from splitcart.measures.names import name_words
from splitcart.measures.packs import read_pack

product_table = Base.metadata.tables["products"]
sku_table = Base.metadata.tables["skus"]
CHUNK = 500
wanted_table = sa.Table(
    "wanted_texts", sa.MetaData(), sa.Column("text", sa.Text), sqlite_key("text"), prefixes=["TEMPORARY"]
)
_PRODUCT = [product_table.c[name] for name in ("id", "name", "brand_id", "gtin")]
Product = dict[str, Any]
Sku = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """How many products and brands new skus made, and how many skus matched a product."""

    created: int
    matched: int
    brands_created: int


def find_products(session: Session, skus: list[Sku], at: datetime) -> Found:
    """Set ``product_id`` in each sku's row, with the key, the rule and the score of the match.

    One transaction at a time may do so (``lock_new_skus``). A sku that has a product already comes with a barcode that
    it had not before: it keeps a product without a GTIN, unless the barcode is another product's.
    """
    book = BrandBook(session)
    brands_created = book.create(session, ((sku["company_id"], sku["brand"]) for sku in skus), at)
    brands = [book.brand(book.key(sku["company_id"], sku["brand"])) for sku in skus]
    for sku, brand in zip(skus, brands, strict=True):
        sku["match_key"] = _match_key(sku, brand.key if brand else "", book.words(sku["brand"]))
    gtins = [shared_gtin(sku["barcode"], sku["barcode_is_local"]) for sku in skus]
    shelf = _Shelf(session, [gtin for gtin in gtins if gtin], skus)
    founded: list[Product] = []
    matches: list[tuple[Sku, Product]] = []
    for sku, brand, gtin in zip(skus, brands, gtins, strict=True):
        brand_id = brand.id if brand else None
        if gtin in shelf.by_gtin and are_strangers((sku["name"], brand_id), _known_as(shelf.by_gtin[gtin])):
            gtin = None  # noqa: PLW2901 - it is none
        rule, product = shelf.find(gtin, sku["match_key"], sku.get("product_id"))
        if product is None:
            product = {"name": sku["name"], "brand_id": brand_id, "gtin": None, "created_at": at}
            founded.append(product)
        shelf.put(product, gtin, sku["match_key"])
        matches.append((sku, product))
        sku["match_rule"], sku["match_score"] = rule, None if rule == "new" else 100.0
    _create(session, founded)
    for sku, product in matches:
        sku["product_id"] = product["id"]
    _give_gtins(session, shelf.named)
    return Found(len(founded), len(skus) - len(founded), brands_created)


def _match_key(sku: Sku, brand: str, brand_words: frozenset[str]) -> str | None:
    """Return the key of a sku's name, brand and pack; None where they are too little to match by."""
    pack = read_pack(sku["name"], sku["size"])
    return product_key(name_words(sku["name"]), brand, brand_words, pack)[:768] or None


def shared_gtin(barcode: str | None, is_local: bool | None) -> str | None:
    """Return the 14 digits of a barcode that names a product everywhere."""
    gtin = parse_gtin(barcode) if barcode and not is_local else None
    return gtin.gtin14 if gtin and not gtin.is_local else None


def are_strangers(one: tuple[str, Hashable], other: tuple[str, Hashable]) -> bool:
    """Tell whether two things, each a name and a brand, have nothing in common, so that no barcode makes them one."""
    (name, brand), (other_name, other_brand) = one, other
    if not (brand and other_brand) or brand == other_brand:
        return False
    return bool(name_words(name) and name_words(other_name)) and name_words(name).isdisjoint(name_words(other_name))


def _known_as(product: Product) -> tuple[str, Hashable]:
    return product["name"], product["brand_id"]


class _Shelf:
    """The products that skus of a batch may be: those of the database, and those that the batch has made so far."""

    def __init__(self, session: Session, gtins: list[str], skus: list[Sku]) -> None:
        keys = [key for sku in skus if (key := sku["match_key"])]
        homes = [product_id for sku in skus if (product_id := sku.get("product_id"))]
        self.by_gtin: dict[str, Product] = {product["gtin"]: product for _, product in _of_gtins(session, gtins)}
        self.by_key: dict[str, list[Product]] = defaultdict(list)
        self.named: list[Product] = []  # rows of the database that get a GTIN
        known = {product["id"]: product for product in self.by_gtin.values()}
        self.homes = {row["id"]: known.setdefault(row["id"], row) for row in _of_ids(session, homes)}
        for key, row in _of_keys(session, keys):
            product = known.setdefault(row["id"], row)
            if product not in self.by_key[key]:
                self.by_key[key].append(product)

    def find(self, gtin: str | None, key: str | None, home_id: int | None) -> tuple[str, Product | None]:
        if gtin in self.by_gtin:
            return "gtin", self.by_gtin[gtin]
        home = self.homes.get(home_id or 0)
        if home is not None and home["gtin"] is None:
            return "gtin", home
        candidates = self.by_key.get(key or "", [])
        without = [product for product in candidates if product["gtin"] is None]
        for choice in ([] if gtin else candidates, without):
            if len(choice) == 1:
                return "key", choice[0]
        return "new", None

    def put(self, product: Product, gtin: str | None, key: str | None) -> None:
        if gtin and product["gtin"] is None:
            product["gtin"] = gtin
            self.named += [product] if "id" in product else []
        if gtin:
            self.by_gtin.setdefault(gtin, product)
        if key and all(product is not other for other in self.by_key[key]):
            self.by_key[key].append(product)


def _of_gtins(session: Session, gtins: list[str]) -> Iterator[tuple[str, Product]]:
    _want(session, gtins)
    query = sa.select(*_PRODUCT).join(wanted_table, wanted_table.c.text == product_table.c.gtin)
    for row in session.execute(query).mappings():
        yield row["gtin"], dict(row)


def _of_ids(session: Session, ids: list[int]) -> Iterator[Product]:
    for start in range(0, len(ids), CHUNK):
        chunk = product_table.c.id.in_(ids[start : start + CHUNK])
        for row in session.execute(sa.select(*_PRODUCT).where(chunk)).mappings():
            yield dict(row)


def _of_keys(session: Session, keys: list[str]) -> Iterator[tuple[str, Product]]:
    _want(session, keys)
    query = (
        sa.select(sku_table.c.match_key, *_PRODUCT)
        .join(wanted_table, wanted_table.c.text == sku_table.c.match_key)
        .join(product_table, product_table.c.id == sku_table.c.product_id)
        .distinct()
        .order_by(product_table.c.id)
    )
    for key, *product in session.execute(query):
        yield key, dict(zip(("id", "name", "brand_id", "gtin"), product, strict=True))


def _want(session: Session, texts: list[str]) -> None:
    """Put the texts that are looked for into the scratch table."""
    open_scratch(session, wanted_table)
    load(session, wanted_table, ["text"], [(text,) for text in dict.fromkeys(texts)])


def _create(session: Session, products: list[Product]) -> None:
    if not products:
        return
    for product, product_id in zip(products, reserve_ids(session, product_table, len(products)), strict=True):
        product["id"] = product_id
    insert_missing(session, product_table, products)


def _give_gtins(session: Session, products: list[Product]) -> None:
    columns = product_table.c
    statement = (
        sa.update(product_table)
        .where(columns.id == sa.bindparam("b_id"), columns.gtin.is_(None))
        .values(gtin=sa.bindparam("b_gtin"))
    )
    rows = [{"b_id": product["id"], "b_gtin": product["gtin"]} for product in products]
    if rows:
        session.execute(statement, sorted(rows, key=itemgetter("b_id")))
