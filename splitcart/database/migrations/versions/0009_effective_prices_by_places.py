"""effective prices of a store read its own groups' lists alone, and of these what is new

Revision: 0009, after 0008.
"""

from alembic import op

from splitcart.database.views import EFFECTIVE_PRICES, EFFECTIVE_PRICES_ON_POSTGRESQL

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_group_prices_group_id_listed_from"), "group_prices", ["group_id", "listed_from"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP VIEW effective_prices")
        op.execute(EFFECTIVE_PRICES_ON_POSTGRESQL)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP VIEW effective_prices")
        op.execute(EFFECTIVE_PRICES)
    op.drop_index(op.f("ix_group_prices_group_id_listed_from"), table_name="group_prices")
