"""Store lists to store rows: created, updated where a value is known, switched off when a whole sweep misses them."""

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import Chain
from splitcart.database.bulk import insert_missing
from splitcart.database.models import Base, Company, Store
from splitcart.ingest.companies import ensure_company, ensure_divisions, lock_store_list
from splitcart.measures.ids import canonical_store_id, clean_postcode, clean_state
from splitcart.transfer.records import StoreRecord

logger = logging.getLogger(__name__)
store_table = Base.metadata.tables["stores"]
TEXTS = ("address", "suburb", "phone", "retailer_store_id")
PLAIN = ("latitude", "longitude", "hours")
MOVED_DEGREES = 0.001  # about a hundred metres
NO_TEXT = frozenset({"", "n/a", "none", "null"})


@dataclass(slots=True)
class StoreCounts:
    """What a store list changed; ``moved``, ``odd_ids`` and ``twins`` name stores that a person may want to look at.

    ``twins`` are the stores on one point, as one text, where the list put one of them there.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    reactivated: int = 0
    moved: list[str] = field(default_factory=list)
    odd_ids: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)

    def add(self, other: "StoreCounts") -> None:
        """Add another list's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def update_stores(
    session: Session, chain: Chain, records: list[StoreRecord], listed_at: datetime, *, is_whole_sweep: bool
) -> StoreCounts:
    """Create or update the chain's stores by their ids; a value that is None leaves what is known.

    A whole sweep switches off the stores that it no longer lists, among the divisions that it speaks of; being listed
    switches a store on again, being listed as not trading switches it off. A list older than what is known of a store
    fills gaps only.
    """
    company = ensure_company(session, chain)
    lock_store_list(session, company)
    divisions = ensure_divisions(session, company, {record.division for record in records if record.division})
    known = {store.store_id: store for store in session.scalars(sa.select(Store).where(Store.company_id == company.id))}
    counts = StoreCounts()
    points = {store.store_id: (store.latitude, store.longitude) for store in known.values()}
    fresh: dict[str, dict[str, Any]] = {}
    listed = {_store_id(chain, record): record for record in reversed(records)}  # of a store listed twice, the first
    for store_id, record in reversed(listed.items()):
        if not chain.is_store_id(store_id):
            counts.odd_ids.append(store_id)
        values = _values(chain, record, divisions)
        is_active = record.is_trading is not False
        if (store := known.get(store_id)) is not None:
            _update(store, values, listed_at, counts, is_active=is_active)
        else:
            fresh[store_id] = _new_row(company, store_id, values, listed_at, is_active=is_active)
    insert_missing(session, store_table, list(fresh.values()))
    counts.created = len(fresh)
    session.flush()
    if is_whole_sweep:
        counts.deactivated += _switch_off(session, company, records, divisions, listed_at)
    counts.twins = _new_twins(session, company, points)
    return counts


def _new_twins(session: Session, company: Company, before: dict[str, tuple[float | None, float | None]]) -> list[str]:
    """Name the active stores that stand on exactly one point, where one of them did not stand there ``before``."""
    at_point: dict[tuple[float | None, float | None], list[str]] = defaultdict(list)
    placed = sa.and_(Store.company_id == company.id, Store.is_active.is_(True), Store.latitude != 0)
    columns = (Store.store_id, Store.latitude, Store.longitude)
    for store_id, latitude, longitude in session.execute(sa.select(*columns).where(placed).order_by(Store.store_id)):
        at_point[latitude, longitude].append(store_id)
    return [
        ", ".join(stores)
        for point, stores in sorted(at_point.items(), key=itemgetter(1))
        if len(stores) > 1 and any(before.get(store_id) != point for store_id in stores)
    ]


def _store_id(chain: Chain, record: StoreRecord) -> str:
    """The id as the chain writes it; one that is not of its form is kept as it came."""
    return canonical_store_id(chain.slug, record.store_id) if chain.is_store_id(record.store_id) else record.store_id


def _values(chain: Chain, record: StoreRecord, divisions: dict[str, int]) -> dict[str, Any]:
    texts = {column: _known_text(getattr(record, column)) for column in TEXTS}
    suburb = texts["suburb"]
    return {
        "name": _known_text(record.name) or (f"{chain.name} {suburb}" if suburb else None),
        "division_id": divisions.get(record.division or ""),
        "state": clean_state(record.state),
        "postcode": clean_postcode(record.postcode),
        **texts,
        **{column: getattr(record, column) for column in PLAIN},
    }


def _known_text(text: str | None) -> str | None:
    plain = " ".join((text or "").split())
    return None if plain.lower() in NO_TEXT else plain


def _new_row(
    company: Company, store_id: str, values: dict[str, Any], listed_at: datetime, *, is_active: bool
) -> dict[str, Any]:
    row = {"company_id": company.id, "store_id": store_id, "is_active": is_active, "listed_at": listed_at} | values
    return row | {"name": values["name"] or f"{company.name} {store_id}"}


def _update(store: Store, values: dict[str, Any], listed_at: datetime, counts: StoreCounts, *, is_active: bool) -> None:
    is_older = store.listed_at is not None and listed_at < store.listed_at
    if not is_older and store.is_active != is_active:
        store.is_active = is_active
        counts.reactivated += is_active
        counts.deactivated += not is_active
    if _has_moved(store, values) and not is_older:
        counts.moved.append(store.store_id)
        logger.warning(
            "store %s moved from %s, %s to %s, %s",
            store.store_id,
            store.latitude,
            store.longitude,
            values["latitude"],
            values["longitude"],
        )
    changed = {
        column: value
        for column, value in values.items()
        if value is not None
        and value != getattr(store, column)
        and not (is_older and getattr(store, column) not in (None, ""))
    }
    for column, value in changed.items():
        setattr(store, column, value)
    counts.updated += bool(changed)
    counts.unchanged += not changed
    if not is_older:
        store.listed_at = listed_at


def _has_moved(store: Store, values: dict[str, Any]) -> bool:
    if store.latitude is None or store.longitude is None or values["latitude"] is None or values["longitude"] is None:
        return False
    apart = max(abs(store.latitude - values["latitude"]), abs(store.longitude - values["longitude"]))
    return bool(apart > MOVED_DEGREES)


def _switch_off(
    session: Session, company: Company, records: list[StoreRecord], divisions: dict[str, int], listed_at: datetime
) -> int:
    spoken_of = {divisions[record.division] if record.division else None for record in records}
    missing = sa.and_(
        Store.company_id == company.id,
        Store.is_active.is_(True),
        sa.or_(Store.listed_at.is_(None), Store.listed_at < listed_at),
        sa.or_(
            Store.division_id.in_([division for division in spoken_of if division is not None]),
            sa.and_(sa.literal(None in spoken_of), Store.division_id.is_(None)),
        ),
    )
    gone = session.scalars(sa.select(Store).where(missing)).all()
    for store in gone:
        store.is_active = False
        store.listed_at = listed_at  # so that a list older than this sweep does not switch it on again
        logger.warning("store %s is no longer listed and was switched off", store.store_id)
    session.flush()
    return len(gone)
