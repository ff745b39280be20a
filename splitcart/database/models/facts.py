"""What was observed: crawls, what they covered, offers and their history. Inferences never overwrite it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from splitcart.database.models.base import Base, OfferColumns


class Crawl(Base):
    """One accepted crawl file. ``scope`` is its list of category records, ``counts`` what merging it changed."""

    __tablename__ = "crawls"
    __table_args__ = (Index(None, "store_id", "observed_from"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    crawl_id: Mapped[str] = mapped_column(String(120), unique=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"), index=True)
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))  # NULL: a sweep of the store list
    spider: Mapped[str] = mapped_column(String(60))
    host: Mapped[str | None] = mapped_column(String(255))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    observed_from: Mapped[datetime]  # earliest and latest instants of its categories
    observed_to: Mapped[datetime]
    complete: Mapped[bool]
    store_verified: Mapped[bool | None]
    finish_reason: Mapped[str] = mapped_column(String(60))
    failure_class: Mapped[str | None] = mapped_column(String(40))
    scope: Mapped[list[Any]]
    counts: Mapped[dict[str, Any]]
    rows: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    file: Mapped[str] = mapped_column(String(512))  # below the data folder
    ingested_at: Mapped[datetime]


class Coverage(Base):
    """A root category that a crawl saw completely; append-only. It confirms, closes and dates everything."""

    __tablename__ = "coverage"
    __table_args__ = (Index(None, "store_id", "category_id", "observed_to"),)
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    observed_from: Mapped[datetime]
    observed_to: Mapped[datetime]
    rows: Mapped[int]


class Price(OfferColumns, Base):
    """The current offer of a sku at a store as observed; ``left_at`` makes it a tombstone: gone, or price unknown.

    No foreign keys, here and in the history: checking four for each row took five sixths of the time of writing it
    (docs/decisions/0018-no-foreign-keys-under-prices.md). ``splitcart db check`` looks for orphans.
    """

    __tablename__ = "prices"
    __table_args__ = (Index(None, "sku_id"), {"sqlite_with_rowid": False})
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root_category_id: Mapped[int]  # under which the store last showed it
    available: Mapped[bool | None]
    since: Mapped[datetime]
    listed_since: Mapped[datetime]
    left_at: Mapped[datetime | None]
    crawl_id: Mapped[int]  # the crawl that first showed this form


class PriceHistory(OfferColumns, Base):
    """A closed interval ``[since, until)`` of one offer; ``reason`` is ``changed``, ``left`` or ``gap``.

    PostgreSQL keeps one partition a month of ``until`` (docs/data-model.md#price_history); with foreign keys none could
    be opened while crawls are taken in.
    """

    __tablename__ = "price_history"
    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (until)"},)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    until: Mapped[datetime] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(8))
    crawl_id: Mapped[int]


class RetiredMonth(Base):
    """A month of the price history that was archived to a file and dropped; history begins after the newest one."""

    __tablename__ = "retired_months"
    month: Mapped[datetime] = mapped_column(primary_key=True)  # its beginning, in UTC
    rows: Mapped[int]
    file: Mapped[str] = mapped_column(String(512))  # below the data folder
    sha256: Mapped[str] = mapped_column(String(64))
    retired_at: Mapped[datetime]
