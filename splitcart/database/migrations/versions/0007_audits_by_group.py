"""a crawl is audited once for each group whose news the store takes

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("inference_audits") as table:
        table.drop_constraint(op.f("uq_inference_audits_crawl_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_inference_audits_crawl_id_group_id"), ["crawl_id", "group_id"])


def downgrade() -> None:
    op.execute(
        sa.text("DELETE FROM inference_audits WHERE id NOT IN (SELECT min(id) FROM inference_audits GROUP BY crawl_id)")
    )
    with op.batch_alter_table("inference_audits") as table:
        table.drop_constraint(op.f("uq_inference_audits_crawl_id_group_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_inference_audits_crawl_id"), ["crawl_id"])
