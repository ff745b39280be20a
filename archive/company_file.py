"""``company_data/{company}.json``: all stores of a company, by division where it has divisions, and by state."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from archive.directory import ArchivedCompany, ArchivedStore
from archive.encoding import known
from archive.manifest import SCHEMA_VERSION
from splitcart.database.models import Crawl
from splitcart.measures.slugs import slug

UNKNOWN = "Unknown"


def company_document(session: Session, company: ArchivedCompany) -> dict[str, Any]:
    """Return the company archive as plain objects, as of the newest instant known of its stores."""
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "company_slug": company.slug,
        "company_name": company.name,
        "data_generation_date": _as_of(session, company),
        "total_stores": len(company.stores),
        "active_stores": sum(store.is_active for store in company.stores),
    }
    if not any(store.division for store in company.stores):
        return {"metadata": metadata, "stores_by_state": _by_state(company.stores)}
    divisions: dict[str, list[ArchivedStore]] = {}
    for store in company.stores:
        divisions.setdefault(slug(store.division or UNKNOWN), []).append(store)
    return {
        "metadata": metadata,
        "stores_by_division": {
            key: {
                "division_name": min(store.division or UNKNOWN for store in stores),
                "total_stores": len(stores),
                "stores_by_state": _by_state(stores),
            }
            for key, stores in sorted(divisions.items())
        },
    }


def _by_state(stores: list[ArchivedStore]) -> dict[str, Any]:
    states: dict[str, list[dict[str, Any]]] = {}
    for store in stores:
        record = store.facts | known({"listed_at": store.listed_at, "last_scraped_at": store.last_scraped_at})
        states.setdefault(store.facts.get("state", UNKNOWN), []).append(record)
    return {state: {"total_stores": len(records), "stores": records} for state, records in sorted(states.items())}


def _as_of(session: Session, company: ArchivedCompany) -> datetime | None:
    swept = session.scalar(
        sa.select(sa.func.max(Crawl.observed_to)).where(Crawl.company_id == company.row_id, Crawl.store_id.is_(None))
    )
    known_at = [swept, *(instant for store in company.stores for instant in (store.listed_at, store.last_scraped_at))]
    return max((instant for instant in known_at if instant is not None), default=None)
