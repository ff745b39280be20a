"""Which companies and stores there are, and the facts of each that are published."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.encoding import known
from archive.errors import ArchiveError, ArchiveInputError
from splitcart.database.models import Company, Division, Store, StoreCategory
from splitcart.measures.ids import store_slug

FACTS = (
    "store_id",
    "name",
    "address",
    "suburb",
    "state",
    "postcode",
    "latitude",
    "longitude",
    "phone",
    "hours",
    "retailer_store_id",
    "is_active",
)


@dataclass(frozen=True, slots=True)
class ArchivedStore:
    """One store; ``row_id`` is its id in the database, ``slug`` names its file, ``facts`` is what is published of it.

    ``is_covered`` says that a crawl completed at least one of its categories; without that it has no effective prices.
    Only a store without prices may lack a slug: its id has no letter or digit, or is another's in other characters.
    """

    row_id: int
    store_id: str
    slug: str | None
    division: str | None
    is_active: bool
    is_covered: bool
    facts: dict[str, Any]
    listed_at: datetime | None
    last_scraped_at: datetime | None


@dataclass(frozen=True, slots=True)
class ArchivedCompany:
    """One company with all its stores, ordered by slug and id."""

    row_id: int
    slug: str
    name: str
    stores: list[ArchivedStore]


def read_companies(session: Session, slug: str | None = None) -> list[ArchivedCompany]:
    """Return the company ``slug`` (or all), ordered by slug; raise ArchiveInputError for one that is not known."""
    rows = session.execute(sa.select(Company.id, Company.slug, Company.name)).all()
    slugs = sorted(row.slug for row in rows)
    if slug is not None and slug not in slugs:
        raise ArchiveInputError(f"unknown company {slug!r}; in the database: {', '.join(slugs) or 'none yet'}")
    wanted = sorted((row for row in rows if slug in (None, row.slug)), key=lambda row: row.slug)
    return [ArchivedCompany(row.id, row.slug, row.name, _read_stores(session, row.id, row.slug)) for row in wanted]


def _read_stores(session: Session, company_id: int, company_slug: str) -> list[ArchivedStore]:
    covered = sa.exists().where(StoreCategory.store_id == Store.id).label("is_covered")
    columns = (Store.id, *(getattr(Store, name) for name in FACTS), Store.listed_at, Store.last_scraped_at, covered)
    found = session.execute(
        sa.select(*columns, Division.name.label("division"))
        .outerjoin(Division, Division.id == Store.division_id)
        .where(Store.company_id == company_id)
    )
    rows = found.mappings().all()
    slugs = _slugs(rows, company_slug)
    stores = (_store(row, slugs.get(row["id"])) for row in rows)
    return sorted(stores, key=lambda store: (store.slug or "", store.store_id))


def _slugs(rows: Sequence[sa.RowMapping], company_slug: str) -> dict[int, str]:
    """The slugs by row id; one that several stores would have is that one's which has prices."""
    claims: defaultdict[str, list[sa.RowMapping]] = defaultdict(list)
    for row in rows:
        with suppress(ValueError):
            claims[store_slug(row["store_id"])].append(row)
    slugs: dict[int, str] = {}
    for slug, claimed in claims.items():
        owners = claimed if len(claimed) == 1 else [row for row in claimed if row["is_covered"]]
        if len(owners) > 1:
            ids = " and ".join(sorted(repr(row["store_id"]) for row in owners))
            raise ArchiveError(
                f"stores {ids} of {company_slug} would share the file {slug}.json; correct one of the ids"
            )
        slugs |= {row["id"]: slug for row in owners}
    return slugs


def _store(row: sa.RowMapping, slug: str | None) -> ArchivedStore:
    facts = known(
        {"store_id": row["store_id"], "slug": slug, "division": row["division"], **{name: row[name] for name in FACTS}}
    )
    return ArchivedStore(
        row_id=row["id"],
        store_id=row["store_id"],
        slug=slug,
        division=row["division"],
        is_active=row["is_active"],
        is_covered=bool(row["is_covered"]),
        facts=facts,
        listed_at=row["listed_at"],
        last_scraped_at=row["last_scraped_at"],
    )
