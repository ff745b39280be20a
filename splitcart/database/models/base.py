"""What all tables share: the declarative base, the type of an instant, the columns of an offer."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Index, MetaData, String, TypeDecorator, text
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


def only_one_open(name: str, *columns: str, condition: str) -> Index:
    return Index(name, *columns, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))
