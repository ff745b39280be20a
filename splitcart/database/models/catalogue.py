"""What a company sells: its category tree, its skus, and the products that skus of several companies share."""

from datetime import datetime

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
