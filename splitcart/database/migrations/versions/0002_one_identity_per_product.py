"""one identity per product: brands, aliases and merges; what matched a sku stands on the sku

Revision: 0002, after 0001.

Products lose their key to the skus and their brand's text to the table of brands; both are derived from the skus, and
``splitcart update post-process`` fills them in. Columns are added by ALTER TABLE ADD COLUMN, which SQLite knows, too:
no table is copied, so no view is in the way.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from splitcart.database import models

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# ALTER TABLE ADD CONSTRAINT is not SQLite's, but a column may bring its own.
PRODUCT_REFERENCES = {
    "brand_id": "CONSTRAINT fk_products_brand_id_brands REFERENCES brands (id)",
    "merged_into_id": "CONSTRAINT fk_products_merged_into_id_products REFERENCES products (id)",
}


def product_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("size", sa.String(length=120)),
        sa.Column("description", sa.String()),
        sa.Column("ingredients", sa.String()),
        sa.Column("allergens", sa.String()),
        sa.Column("country_of_origin", sa.String(length=255)),
        sa.Column("health_star", sa.Double()),
        sa.Column("image_url", sa.String(length=1024)),
    ]


def sku_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("match_key", sa.String(length=768)),
        sa.Column("match_rule", sa.String(length=20)),
        sa.Column("match_score", sa.Double()),
    ]


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_brands_company_id_companies")),
        sa.ForeignKeyConstraint(["merged_into_id"], ["brands.id"], name=op.f("fk_brands_merged_into_id_brands")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brands")),
        sa.UniqueConstraint("key", name=op.f("uq_brands_key")),
    )
    op.create_table(
        "brand_aliases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("brand_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("learned_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_brand_aliases_brand_id_brands")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brand_aliases")),
        sa.UniqueConstraint("key", name=op.f("uq_brand_aliases_key")),
    )
    op.create_table(
        "merge_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("into_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_events")),
    )
    op.create_index(op.f("ix_merge_events_kind_from_id"), "merge_events", ["kind", "from_id"])
    op.drop_index(op.f("ix_products_match_key"), table_name="products")
    for name, reference in PRODUCT_REFERENCES.items():
        op.execute(f"ALTER TABLE products ADD COLUMN {name} INTEGER {reference}")
    for column in product_columns():
        op.add_column("products", column)
    op.execute("ALTER TABLE products DROP COLUMN match_key")
    op.execute("ALTER TABLE products DROP COLUMN brand")
    op.create_index(op.f("ix_products_brand_id"), "products", ["brand_id"])
    for column in sku_columns():
        op.add_column("skus", column)
    op.create_index(op.f("ix_skus_match_key"), "skus", ["match_key"])


def downgrade() -> None:
    op.drop_index(op.f("ix_skus_match_key"), table_name="skus")
    for column in sku_columns():
        op.drop_column("skus", column.name)
    op.execute("ALTER TABLE products ADD COLUMN brand VARCHAR(255)")
    op.execute("ALTER TABLE products ADD COLUMN match_key VARCHAR(768)")
    op.create_index(op.f("ix_products_match_key"), "products", ["match_key"])
    op.execute("UPDATE products SET brand = (SELECT name FROM brands WHERE brands.id = products.brand_id)")
    op.drop_index(op.f("ix_products_brand_id"), table_name="products")
    for column in product_columns():
        op.drop_column("products", column.name)
    with op.batch_alter_table("products") as batch_op:
        for name in PRODUCT_REFERENCES:
            batch_op.drop_column(name)
    op.drop_index(op.f("ix_merge_events_kind_from_id"), table_name="merge_events")
    for table in ("merge_events", "brand_aliases", "brands"):
        op.drop_table(table)
