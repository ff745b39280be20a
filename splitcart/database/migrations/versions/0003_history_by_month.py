"""history by month: price_history partitioned by the end of the interval, without foreign keys

Revision: 0003, after 0002.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from splitcart.database import models

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (
    "store_id, sku_id, since, until, reason, crawl_id, price_cents, was_cents, unit_price_cents, unit_measure,"
    " special_kind, multi_buy_quantity, multi_buy_cents, member_cents"
)


def upgrade() -> None:
    _set_aside()
    op.create_table(
        "price_history",
        *_columns(),
        sa.PrimaryKeyConstraint("store_id", "sku_id", "until", name=op.f("pk_price_history")),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (until)",
    )
    if op.get_bind().dialect.name == "postgresql":
        _open_months()
    _move_back()


def downgrade() -> None:
    _set_aside()
    op.create_table(
        "price_history",
        *_columns(),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_price_history_crawl_id_crawls")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_price_history_sku_id_skus")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_price_history_store_id_stores")),
        sa.PrimaryKeyConstraint("store_id", "sku_id", "since", name=op.f("pk_price_history")),
        sqlite_with_rowid=False,
    )
    _move_back()


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("store_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sku_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=8), nullable=False),
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("was_cents", sa.Integer(), nullable=True),
        sa.Column("unit_price_cents", sa.Integer(), nullable=True),
        sa.Column("unit_measure", sa.String(length=20), nullable=True),
        sa.Column("special_kind", sa.String(length=40), nullable=True),
        sa.Column("multi_buy_quantity", sa.Integer(), nullable=True),
        sa.Column("multi_buy_cents", sa.Integer(), nullable=True),
        sa.Column("member_cents", sa.Integer(), nullable=True),
    ]


def _set_aside() -> None:
    op.rename_table("price_history", "earlier_history")
    if op.get_bind().dialect.name == "postgresql":  # where the names of keys are unique in the schema
        op.drop_constraint("pk_price_history", "earlier_history", type_="primary")


def _move_back() -> None:
    op.execute(f"INSERT INTO price_history ({COLUMNS}) SELECT {COLUMNS} FROM earlier_history")  # noqa: S608 - our own names
    op.drop_table("earlier_history")


def _open_months() -> None:
    """A partition for each month that has rows, this month and the next two."""
    op.execute(
        """
        DO $$
        DECLARE month timestamp;
        BEGIN
          FOR month IN
            SELECT date_trunc('month', until AT TIME ZONE 'UTC') FROM earlier_history
            UNION
            SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month' FROM generate_series(0, 2) n
          LOOP
            EXECUTE format(
              'CREATE TABLE %I PARTITION OF price_history FOR VALUES FROM (%L) TO (%L)',
              'price_history_' || to_char(month, 'YYYY_MM'), month || '+00', month + interval '1 month' || '+00'
            );
          END LOOP;
        END $$
        """
    )
