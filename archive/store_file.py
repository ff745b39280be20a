"""``store_data/{company}/{store}.json``: one store's products in its category tree, with all their prices."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.catalogue import Catalogue
from archive.directory import ArchivedCompany, ArchivedStore
from archive.encoding import HashedFile, encode
from archive.manifest import CURRENCY, SCHEMA_VERSION, FileEntry
from archive.membership import store_groups
from archive.shelf import Shelf, read_shelf
from archive.tree import Branch, plant
from splitcart.database.models import StoreCategory


def write_store(
    session: Session, company: ArchivedCompany, store: ArchivedStore, catalogue: Catalogue, file: HashedFile
) -> FileEntry:
    """Write the archive of one store, product by product, and return what the manifest says of it."""
    shelf = read_shelf(session, store.row_id, catalogue, {other.row_id: other.store_id for other in company.stores})
    covered = sa.select(StoreCategory.category_id, StoreCategory.covered_at).where(
        StoreCategory.store_id == store.row_id
    )
    covered_at = {row.category_id: row.covered_at for row in session.execute(covered)}
    entry = FileEntry(
        kind="store",
        company=company.slug,
        store_id=store.store_id,
        as_of=shelf.as_of,
        counts=shelf.counts(),
        oldest_seen_at=shelf.oldest_seen_at,
        newest_seen_at=shelf.newest_seen_at,
    )
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "company_slug": company.slug,
        "company_name": company.name,
        "data_generation_date": entry.as_of,
        "currency": CURRENCY,
        "store": store.facts,
        **store_groups(session, company, store),
        "counts": entry.counts,
        "oldest_seen_at": entry.oldest_seen_at,
        "newest_seen_at": entry.newest_seen_at,
    }
    file.write(b'{"metadata":' + encode(metadata) + b',\n"categories":[')
    for text in _separated(_branch(branch, shelf, covered_at) for branch in plant(shelf.skus, catalogue)):
        file.write(text)
    file.write(b"]}\n")
    return entry


def _branch(branch: Branch, shelf: Shelf, covered_at: dict[int, datetime]) -> Iterator[bytes]:
    """One category: its facts, its own products line by line, then its children."""
    facts: dict[str, Any] = {"name": branch.name}
    if branch.category_id in covered_at:
        facts["covered_at"] = covered_at[branch.category_id]
    facts["total_products"] = branch.total_products
    yield encode(facts)[:-1] + b',"products":['
    yield from _separated(iter((shelf.product(sku_id),)) for sku_id in branch.sku_ids)
    yield b'],"children":['
    yield from _separated(_branch(child, shelf, covered_at) for child in branch.children)
    yield b"]}"


def _separated(values: Iterator[Iterator[bytes]]) -> Iterator[bytes]:
    """Each value on a line of its own, a comma between two."""
    for number, value in enumerate(values):
        yield b",\n" if number else b"\n"
        yield from value
