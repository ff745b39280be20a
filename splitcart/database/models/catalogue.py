"""What a company sells: its category tree, its skus, and the products that skus of several companies share."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from splitcart.database.models.base import Base


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


class Brand(Base):
    """A brand under its normalised key; an own brand belongs to one company. A merged one names what it became."""

    __tablename__ = "brands"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(300), unique=True)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("companies.id"))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("brands.id"))
    created_at: Mapped[datetime]


class BrandAlias(Base):
    """Another key of a brand, with the products that spoke for it (``votes``) and their share (``score``)."""

    __tablename__ = "brand_aliases"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(300), unique=True)
    brand_id: Mapped[int] = mapped_column(ForeignKey("brands.id"))
    rule: Mapped[str] = mapped_column(String(20))
    votes: Mapped[int]
    score: Mapped[float]
    learned_at: Mapped[datetime]


class Product(Base):
    """The same article across companies; prices never hang on it but on its skus, and its facts are theirs.

    A merged product has no skus and names the one that has them.
    """

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(512))
    brand_id: Mapped[int | None] = mapped_column(ForeignKey("brands.id"), index=True)
    size: Mapped[str | None] = mapped_column(String(120))
    gtin: Mapped[str | None] = mapped_column(String(14), unique=True)
    description: Mapped[str | None]
    ingredients: Mapped[str | None]
    allergens: Mapped[str | None]
    country_of_origin: Mapped[str | None] = mapped_column(String(255))
    health_star: Mapped[float | None]
    image_url: Mapped[str | None] = mapped_column(String(1024))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"))
    created_at: Mapped[datetime]


class MergeEvent(Base):
    """Two products or brands became one: which rows were moved, and how they had been matched before."""

    __tablename__ = "merge_events"
    __table_args__ = (Index(None, "kind", "from_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # product, brand
    from_id: Mapped[int]
    into_id: Mapped[int]
    rule: Mapped[str] = mapped_column(String(20))
    score: Mapped[float]
    moved: Mapped[list[Any]]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class Sku(Base):
    """A company's own article number. ``root_category_id`` is the root of its earliest sight in any store."""

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
    match_key: Mapped[str | None] = mapped_column(String(768), index=True)
    match_rule: Mapped[str | None] = mapped_column(String(20))  # what found product_id: new, gtin, key, fuzzy
    match_score: Mapped[float | None]
    details_key: Mapped[str] = mapped_column(String(32))  # fingerprint of the details above
    details_seen_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]


# What describes a sku and may be refreshed by a newer sight of it.
SKU_DETAILS = (
    "name",
    "brand",
    "size",
    "barcode",
    "barcode_is_local",
    "description",
    "ingredients",
    "allergens",
    "country_of_origin",
    "health_star",
    "image_url",
    "url",
)
