"""Who crawls what now, and what was received."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from splitcart.database.models.base import Base, only_one_open


class Lease(Base):
    """A store handed to a worker for a bounded time; ``released_at`` NULL and ``expires_at`` in the future: held."""

    __tablename__ = "leases"
    __table_args__ = (
        Index(None, "store_id", "released_at"),
        Index(None, "company_id", "leased_at"),
        only_one_open("uq_held_lease", "store_id", condition="released_at IS NULL"),
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


class ScrapydJob(Base):
    """A spider that ``splitcart schedule dispatch`` started on a node; its leases end in ``/job_id`` (``worker``)."""

    __tablename__ = "scrapyd_jobs"
    __table_args__ = (Index(None, "ended_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(String(80), unique=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    node: Mapped[str] = mapped_column(String(255))
    stores: Mapped[int]  # how many it may lease
    state: Mapped[str] = mapped_column(String(12))  # pending, running, lost; ended: finished, failed, blocked …
    problem: Mapped[str | None] = mapped_column(String(255))
    scheduled_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


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


class ApiKey(Base):
    """Somebody who may call the server; ``key_id`` names the key, ``sha256`` is all that is kept of its secret."""

    __tablename__ = "api_keys"
    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16), unique=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    scopes: Mapped[list[Any]]  # of upload, export, schedule, admin
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
