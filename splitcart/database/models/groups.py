"""What is inferred from, and why: groups, memberships, lists, verdicts, audits."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from splitcart.database.models.base import Base, OfferColumns, only_one_open


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
        only_one_open("uq_open_membership", "store_id", condition="until IS NULL AND category_id IS NULL"),
        only_one_open("uq_open_exception", "store_id", "category_id", condition="until IS NULL"),
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
    __table_args__ = (Index(None, "group_id", "listed_from"), {"sqlite_with_rowid": False})
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
    """What had been believed of a store on a group's word, against what its own crawl then showed.

    Counts are of effective prices in those of the categories that the crawl completed in which the store takes the
    group's news. ``mismatches`` keeps
    ``[sku_id, observed price_cents or null]`` until the list's next values tell the stale from the deviating.
    """

    __tablename__ = "inference_audits"
    __table_args__ = (UniqueConstraint("crawl_id", "group_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), index=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("store_groups.id"), index=True)
    crawl_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))
    compared: Mapped[int]
    equal: Mapped[int]
    inferred_compared: Mapped[int]
    inferred_equal: Mapped[int]
    stale: Mapped[int | None]
    deviating: Mapped[int | None]
    mismatches: Mapped[list[Any] | None]
    audited_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
