"""api keys: who may call the server

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

from splitcart.database import models

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_api_keys_key_id")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
    )


def downgrade() -> None:
    op.drop_table("api_keys")
