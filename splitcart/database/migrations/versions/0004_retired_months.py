"""retired months: which months of the price history were archived and dropped

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

from splitcart.database import models

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retired_months",
        sa.Column("month", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=512), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("retired_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_retired_months")),
    )


def downgrade() -> None:
    op.drop_table("retired_months")
