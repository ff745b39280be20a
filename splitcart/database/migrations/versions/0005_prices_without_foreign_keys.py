"""prices without foreign keys: checking them took most of the time of writing a price

Revision: 0005, after 0004.
"""

from alembic import op

from splitcart.database.views import EFFECTIVE_PRICES

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYS = {"store_id": "stores", "sku_id": "skus", "root_category_id": "categories", "crawl_id": "crawls"}


def upgrade() -> None:
    op.execute("DROP VIEW effective_prices")
    with op.batch_alter_table("prices", table_kwargs={"sqlite_with_rowid": False}) as table:
        for column, other in KEYS.items():
            table.drop_constraint(op.f(f"fk_prices_{column}_{other}"), type_="foreignkey")
    op.execute(EFFECTIVE_PRICES)


def downgrade() -> None:
    op.execute("DROP VIEW effective_prices")
    with op.batch_alter_table("prices", table_kwargs={"sqlite_with_rowid": False}) as table:
        for column, other in KEYS.items():
            table.create_foreign_key(op.f(f"fk_prices_{column}_{other}"), other, [column], ["id"])
    op.execute(EFFECTIVE_PRICES)
