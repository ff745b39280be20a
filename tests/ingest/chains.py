"""Skus of several chains in a database, without crawl files."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import get_chains
from splitcart.database.models import Brand, Company, MergeEvent, Product, Sku
from splitcart.ingest.catalogue import Catalogue
from splitcart.ingest.companies import ensure_company
from splitcart.transfer.records import ProductRecord
from tests.ingest.crawl_files import shelf_row

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def gtin(number: int) -> str:
    """Return the ``number``-th valid GTIN-13."""
    digits = f"93{number:010d}"
    return digits + str(-sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits)) % 10)


def listed(code: str, name: str, brand: str | None = "Acme", size: str | None = "500g", **facts: Any) -> ProductRecord:
    return ProductRecord(sku=code, name=name, brand=brand, size=size, category_path=["A"], price_cents=1, **facts)


def take_in(session: Session, chain: str, *rows: ProductRecord, at: datetime = AT) -> None:
    company = ensure_company(session, get_chains()[chain])
    Catalogue(session, company.id).take_in(session, list(map(shelf_row, rows)), at, at)


def teach(session: Session, *words: str, first: int = 900, brand: str = "Acme") -> None:
    """Let two barcodes of each word say that it comes and goes."""
    kinds = ("Rusks", "Wafers", "Bangles", "Spirals")
    for number, (word, kind) in enumerate(zip([word for word in words for _ in range(2)], kinds, strict=False)):
        code = f"teach{first + number}"
        take_in(session, "coles", listed(code, f"{kind} {word}", brand, barcode=gtin(first + number)))
        take_in(session, "woolworths", listed(code, kind, brand, barcode=gtin(first + number)))


def product_of(session: Session, chain: str, code: str) -> int | None:
    return session.scalar(sa.select(Sku.product_id).join(Company).where(Company.slug == chain, Sku.code == code))


def together(session: Session, *places: tuple[str, str]) -> bool:
    """Tell whether skus, named by chain and code, are one product."""
    return len({product_of(session, *place) for place in places}) == 1


def identity_rows(session: Session) -> list[tuple[Any, ...]]:
    """Return what the matching says of every sku, with names in place of row ids."""
    rows = session.execute(
        sa.select(
            Company.slug, Sku.code, Product.gtin, Product.name, Brand.key, Product.size, Product.image_url,
            Sku.match_key, Sku.match_rule, Sku.match_score,
        )
        .join(Company, Company.id == Sku.company_id)
        .join(Product, Product.id == Sku.product_id)
        .outerjoin(Brand, Brand.id == Product.brand_id)
        .order_by(Company.slug, Sku.code)
    )  # fmt: skip
    return [tuple(row) for row in rows]


def merges(session: Session) -> list[tuple[str, str]]:
    return [(event.kind, event.rule) for event in session.scalars(sa.select(MergeEvent).order_by(MergeEvent.id))]
