"""scrapyd jobs: which spiders were started on which nodes, and what became of them

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

from splitcart.database import models

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scrapyd_jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=80), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("stores", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("problem", sa.String(length=255), nullable=True),
        sa.Column("scheduled_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_scrapyd_jobs_company_id_companies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scrapyd_jobs")),
        sa.UniqueConstraint("job_id", name=op.f("uq_scrapyd_jobs_job_id")),
    )
    op.create_index(op.f("ix_scrapyd_jobs_ended_at"), "scrapyd_jobs", ["ended_at"], unique=False)


def downgrade() -> None:
    op.drop_table("scrapyd_jobs")
