"""The tables (docs/data-model.md). Money is integer cents, time is aware UTC, an open interval has no end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite keeps it as text of fixed width, so that SQL compares it rightly."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an aware instant is needed, got {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own form


class Company(Base):
    __tablename__ = "companies"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))


class Division(Base):
    __tablename__ = "divisions"
    __table_args__ = (UniqueConstraint("company_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    name: Mapped[str] = mapped_column(String(120))


class GeoCluster(Base):
    """A dense area of one company's stores; its id is kept across runs while most of its stores remain."""

    __tablename__ = "geo_clusters"
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    latitude: Mapped[float] = mapped_column(Float)
    longitude: Mapped[float] = mapped_column(Float)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Store(Base):
    __tablename__ = "stores"
    __table_args__ = (UniqueConstraint("company_id", "store_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    store_id: Mapped[str] = mapped_column(String(40))
    division_id: Mapped[int | None] = mapped_column(ForeignKey("divisions.id"))
    cluster_id: Mapped[int | None] = mapped_column(ForeignKey("geo_clusters.id"), index=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    address: Mapped[str | None] = mapped_column(String(255))
    suburb: Mapped[str | None] = mapped_column(String(120))
    state: Mapped[str | None] = mapped_column(String(3))
    postcode: Mapped[str | None] = mapped_column(String(4))
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    phone: Mapped[str | None] = mapped_column(String(40))
    hours: Mapped[list[Any] | None]
    retailer_store_id: Mapped[str | None] = mapped_column(String(40))
    is_active: Mapped[bool] = mapped_column(default=True)
    listed_at: Mapped[datetime | None]
    last_scraped_at: Mapped[datetime | None]


class Category(Base):
    """A node of a company's own tree; ``path`` is the names from the root, joined with `` > ``."""

    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("company_id", "path"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    root_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))  # NULL: this is a root
    name: Mapped[str] = mapped_column(String(255))
    path: Mapped[str] = mapped_column(String(1024))


class Product(Base):
    """The same article across companies; prices never hang on it but on its skus."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(512))
    brand: Mapped[str | None] = mapped_column(String(255))
    gtin: Mapped[str | None] = mapped_column(String(14), unique=True)
    match_key: Mapped[str | None] = mapped_column(String(768), index=True)
    created_at: Mapped[datetime]


class Sku(Base):
    """A company's own article number. ``root_category_id`` is fixed when the sku is first seen."""

    __tablename__ = "skus"
    __table_args__ = (UniqueConstraint("company_id", "code"), Index(None, "root_category_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(512))
    brand: Mapped[str | None] = mapped_column(String(255))
    size: Mapped[str | None] = mapped_column(String(120))
    size_key: Mapped[str | None] = mapped_column(String(120))
    barcode: Mapped[str | None] = mapped_column(String(14), index=True)
    barcode_is_local: Mapped[bool | None]
    description: Mapped[str | None]
    ingredients: Mapped[str | None]
    allergens: Mapped[str | None]
    country_of_origin: Mapped[str | None] = mapped_column(String(255))
    health_star: Mapped[float | None]
    image_url: Mapped[str | None] = mapped_column(String(1024))
    url: Mapped[str | None] = mapped_column(String(1024))
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    root_category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"), index=True)
    details_key: Mapped[str] = mapped_column(String(32))  # fingerprint of the details above
    details_seen_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]


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


class OfferColumns:
    """An offer is atomic: if any of these differs it is another offer."""

    price_cents: Mapped[int]
    was_cents: Mapped[int | None]
    unit_price_cents: Mapped[int | None]
    unit_measure: Mapped[str | None] = mapped_column(String(20))
    special_kind: Mapped[str | None] = mapped_column(String(40))
    multi_buy_quantity: Mapped[int | None]
    multi_buy_cents: Mapped[int | None]
    member_cents: Mapped[int | None]


OFFER_COLUMNS = (
    "price_cents",
    "was_cents",
    "unit_price_cents",
    "unit_measure",
    "special_kind",
    "multi_buy_quantity",
    "multi_buy_cents",
    "member_cents",
)


class Price(OfferColumns, Base):
    """The current offer of a sku at a store as observed; ``left_at`` makes it a tombstone: gone, or price unknown."""

    __tablename__ = "prices"
    __table_args__ = (Index(None, "sku_id"), {"sqlite_with_rowid": False})
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    available: Mapped[bool | None]
    since: Mapped[datetime]
    listed_since: Mapped[datetime]
    left_at: Mapped[datetime | None]
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))  # the crawl that first showed this form


class PriceHistory(OfferColumns, Base):
    """A closed interval ``[since, until)`` of one offer; ``reason`` is ``changed``, ``left`` or ``gap``."""

    __tablename__ = "price_history"
    __table_args__ = ({"sqlite_with_rowid": False},)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(8))
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))


def _only_one_open(name: str, *columns: str, condition: str) -> Index:
    return Index(name, *columns, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))


class StoreGroup(Base):
    __tablename__ = "store_groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    name: Mapped[str] = mapped_column(String(120))
    is_active: Mapped[bool] = mapped_column(default=True)
    status: Mapped[str] = mapped_column(String(20), default="HEALTHY")
    ambassador_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    last_checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Membership(Base):
    """A store's place in a group, or (``category_id`` set) its exception for one root category.

    ``group_id`` NULL with a category: own prices only. ``confirmed_at`` is the instant of the newest crawl that proved
    it; without one nothing is inferred. ``ended_by``: ``moved``, ``ejected``, ``merged``, ``dissolved``, ``inactive``.
    """

    __tablename__ = "store_group_memberships"
    __table_args__ = (
        Index(None, "store_id", "until"),
        Index(None, "group_id", "until"),
        _only_one_open("uq_open_membership", "store_id", condition="until IS NULL AND category_id IS NULL"),
        _only_one_open("uq_open_exception", "store_id", "category_id", condition="until IS NULL"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("store_groups.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(20))


class AmbassadorTenure(Base):
    __tablename__ = "ambassador_tenures"
    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("store_groups.id"), index=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class Candidate(Base):
    """A member's crawl that waits for its verdict; stamped at ingestion."""

    __tablename__ = "store_group_candidates"
    __table_args__ = (UniqueConstraint("group_id", "crawl_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("store_groups.id"), index=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))
    stamped_at: Mapped[datetime]


class GroupPrice(OfferColumns, Base):
    """One line of a group's list: the offer that the group shows now, or (``left_at``) showed last."""

    __tablename__ = "group_prices"
    __table_args__ = ({"sqlite_with_rowid": False},)
    group_id: Mapped[int] = mapped_column(ForeignKey("store_groups.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    changed_at: Mapped[datetime]
    listed_from: Mapped[datetime]
    left_at: Mapped[datetime | None]
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))  # the crawl that the offer was taken from


class GroupPriceHistory(OfferColumns, Base):
    """A closed interval ``[since, until)`` of one line of a group's list."""

    __tablename__ = "group_price_history"
    __table_args__ = ({"sqlite_with_rowid": False},)
    group_id: Mapped[int] = mapped_column(ForeignKey("store_groups.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    listed_from: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(8))
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))


class StoreCategory(Base):
    """For each store and root category: when it was last covered, and the group whose news it takes (or NULL).

    Derived from coverage and memberships; it keeps the view ``effective_prices`` simple and quick.
    """

    __tablename__ = "store_categories"
    __table_args__ = (Index(None, "group_id", "category_id"), {"sqlite_with_rowid": False})
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    covered_at: Mapped[datetime]  # observed_to of the newest coverage
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("store_groups.id"))


class GroupEvent(Base):
    """What a run decided and why. Verdicts are unique per pair of crawls; other kinds leave the pair NULL."""

    __tablename__ = "group_events"
    __table_args__ = (
        UniqueConstraint("group_id", "kind", "candidate_crawl_id", "reference_crawl_id"),
        Index(None, "store_id", "at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("store_groups.id"), index=True)
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    kind: Mapped[str] = mapped_column(String(30))
    verdict: Mapped[str | None] = mapped_column(String(20))
    candidate_crawl_id: Mapped[int | None] = mapped_column(ForeignKey("crawls.id"))
    reference_crawl_id: Mapped[int | None] = mapped_column(ForeignKey("crawls.id"))
    figures: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class PriceEvent(Base):
    """A change of a large part of a group's list between two instants: time, not place."""

    __tablename__ = "price_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("store_groups.id"))
    observed_from: Mapped[datetime]
    observed_to: Mapped[datetime]
    share_changed: Mapped[float]


class InferenceAudit(Base):
    """What had been believed of a grouped store, against what its own crawl then showed.

    Counts are of effective prices in the categories that the crawl completed. ``mismatches`` keeps
    ``[sku_id, observed price_cents or null]`` until the list's next values tell the stale from the deviating.
    """

    __tablename__ = "inference_audits"
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("store_groups.id"), index=True)
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"), unique=True)
    compared: Mapped[int]
    equal: Mapped[int]
    inferred_compared: Mapped[int]
    inferred_equal: Mapped[int]
    stale: Mapped[int | None]
    deviating: Mapped[int | None]
    mismatches: Mapped[list[Any] | None]
    audited_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class Lease(Base):
    """A store handed to a worker for a bounded time; ``released_at`` NULL and ``expires_at`` in the future: held."""

    __tablename__ = "leases"
    __table_args__ = (
        Index(None, "store_id", "released_at"),
        Index(None, "company_id", "leased_at"),
        _only_one_open("uq_held_lease", "store_id", condition="released_at IS NULL"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("store_groups.id"))
    cluster_id: Mapped[int | None] = mapped_column(ForeignKey("geo_clusters.id"))
    worker: Mapped[str] = mapped_column(String(120))
    mode: Mapped[str] = mapped_column(String(20))  # discovery, optimization
    kind: Mapped[str] = mapped_column(String(20))  # the queue's step: target, outside, tie-breaker, ambassador …
    reason: Mapped[str] = mapped_column(String(255))
    leased_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))  # finished, partial, failed, expired
    failure_class: Mapped[str | None] = mapped_column(String(40))


class Upload(Base):
    """A file that the server acknowledged; ``sha256`` of the bytes is the idempotency key."""

    __tablename__ = "uploads"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(255))
    crawl_id: Mapped[str | None] = mapped_column(String(120), index=True)
    size_bytes: Mapped[int]
    received_at: Mapped[datetime]
