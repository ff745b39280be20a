"""What is known of a product: of each fact, what the best of its skus says that says anything.

The order of skus: first those whose own barcode is the product's GTIN, then the one seen earliest, then company and
code. So a gap is filled by whoever can, and what a better sku says is never replaced by a worse one.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Base, Company, Sku
from splitcart.ingest.matching.brands import BrandBook
from splitcart.ingest.matching.finding import CHUNK, shared_gtin

product_table = Base.metadata.tables["products"]
FACTS = (
    "name",
    "size",
    "description",
    "ingredients",
    "allergens",
    "country_of_origin",
    "health_star",
    "image_url",
)


def enrich(session: Session, book: BrandBook, products: Iterable[int] | None = None) -> int:
    """Fill in the facts and the brand of the products that have skus (all, or those named); return how many changed."""
    changed = [row for row in _derived(session, book, products) if row is not None]
    columns = ("brand_id", *FACTS)
    statement = (
        sa.update(product_table)
        .where(product_table.c.id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(f"b_{name}", type_=product_table.c[name].type) for name in columns})
    )
    if changed:
        session.execute(statement, changed)
    return len(changed)


def _derived(session: Session, book: BrandBook, products: Iterable[int] | None) -> Iterator[dict[str, Any] | None]:
    query = (
        sa.select(
            product_table.c.id.label("product"),
            product_table.c.brand_id,
            product_table.c.gtin,
            *(product_table.c[name].label(f"known_{name}") for name in FACTS),
            *(Sku.__table__.c[name] for name in FACTS),
            Sku.company_id, Sku.brand, Sku.barcode, Sku.barcode_is_local, Sku.first_seen_at, Sku.code, Company.slug,
        )
        .join(Sku, Sku.product_id == product_table.c.id)
        .join(Company, Company.id == Sku.company_id)
        .order_by(product_table.c.id)
    )  # fmt: skip
    if products is not None:
        query = query.where(product_table.c.id.in_(list(products)))
    rows = session.execute(query.execution_options(yield_per=CHUNK))
    for product_id, skus in groupby(rows, key=lambda row: row.product):
        yield _changed(product_id, sorted(skus, key=_rank), book)


def _changed(product_id: int, skus: list[Any], book: BrandBook) -> dict[str, Any] | None:
    """Return the update of a product, None when it holds already what its skus, the best first, say."""
    brands = (book.brand(book.key(sku.company_id, sku.brand)) for sku in skus)
    derived = {"brand_id": next((brand.id for brand in brands if brand), None)}
    for name in FACTS:
        derived[name] = next((value for sku in skus if (value := getattr(sku, name)) not in {None, ""}), None)
    known = {"brand_id": skus[0].brand_id} | {name: getattr(skus[0], f"known_{name}") for name in FACTS}
    if derived == known:
        return None
    return {"b_id": product_id} | {f"b_{name}": value for name, value in derived.items()}


def _rank(sku: Any) -> tuple[Any, ...]:
    is_the_gtin = sku.gtin is not None and shared_gtin(sku.barcode, sku.barcode_is_local) == sku.gtin
    return not is_the_gtin, sku.first_seen_at, sku.slug, sku.code
