"""The life of one price: all that is known of a sku at a store, as a person asks for it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer, Source, effective_history
from splitcart.database.lookup import find_sku, find_store
from splitcart.database.models import Crawl, Store, StoreGroup


@dataclass(frozen=True, slots=True)
class Chapter:
    """One offer over ``[since, until)`` and how it is known; stores and groups by the names that people use."""

    since: datetime
    until: datetime | None
    offer: Offer
    source: Source
    inferred_from: str | None = None
    group: str | None = None

    @property
    def is_special(self) -> bool:
        """Whether the chain calls it a promotion."""
        return self.offer.special_kind is not None or self.offer.was_cents is not None


@dataclass(frozen=True, slots=True)
class PriceStory:
    """A sku at a store and its chapters, oldest first; what lies between two of them is not known.

    ``as_of`` is the end of the chain's newest crawl: nothing is known of the time after it.
    """

    company: str
    store_id: str
    store: str
    sku: str
    name: str
    brand: str | None
    size: str | None
    as_of: datetime | None
    chapters: list[Chapter]

    @property
    def place(self) -> str:
        """The store, with its name where a store list has told it."""
        return ", ".join(filter(None, (f"{self.company}/{self.store_id}", self.store)))

    def as_dict(self) -> dict[str, Any]:
        """The story as JSON takes it."""
        chapters = [{**asdict(chapter), "offer": chapter.offer._asdict()} for chapter in self.chapters]
        return asdict(self) | {"chapters": chapters}


def read_story(session: Session, store_name: str, code: str) -> PriceStory:
    """Return the story of a sku (the chain's code) at a store (``company/store_id``); raise InputError for others."""
    company, store = find_store(session, store_name)
    sku = find_sku(session, company, code)
    intervals = effective_history(session, store.id, sku.id).get(sku.id, [])
    stores = _names(session, Store.id, Store.store_id, {each.inferred_from for each in intervals})
    groups = _names(session, StoreGroup.id, StoreGroup.name, {each.group_id for each in intervals})
    return PriceStory(
        company=company.slug,
        store_id=store.store_id,
        store=store.name,
        sku=sku.code,
        name=sku.name,
        brand=sku.brand,
        size=sku.size,
        as_of=session.scalar(sa.select(sa.func.max(Crawl.observed_to)).where(Crawl.company_id == company.id)),
        chapters=[
            Chapter(
                each.since,
                each.until,
                each.offer,
                each.source,
                stores.get(each.inferred_from or 0),
                groups.get(each.group_id or 0),
            )
            for each in intervals
        ],
    )


def _names(
    session: Session,
    key: sa.orm.InstrumentedAttribute[int],
    name: sa.orm.InstrumentedAttribute[str],
    row_ids: set[int | None],
) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(sa.select(key, name).where(key.in_(row_ids - {None})))}
