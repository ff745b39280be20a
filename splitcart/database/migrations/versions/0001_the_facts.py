"""the facts

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

from splitcart.database import models
from splitcart.database.views import EFFECTIVE_PRICES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
        sa.UniqueConstraint("slug", name=op.f("uq_companies_slug")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("brand", sa.String(length=255), nullable=True),
        sa.Column("gtin", sa.String(length=14), nullable=True),
        sa.Column("match_key", sa.String(length=768), nullable=True),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("gtin", name=op.f("uq_products_gtin")),
    )
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_products_match_key"), ["match_key"], unique=False)

    op.create_table(
        "uploads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("crawl_id", sa.String(length=120), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("received_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("sha256", name=op.f("uq_uploads_sha256")),
    )
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploads_crawl_id"), ["crawl_id"], unique=False)

    op.create_table(
        "categories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("root_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_categories_company_id_companies")),
        sa.ForeignKeyConstraint(["parent_id"], ["categories.id"], name=op.f("fk_categories_parent_id_categories")),
        sa.ForeignKeyConstraint(["root_id"], ["categories.id"], name=op.f("fk_categories_root_id_categories")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("company_id", "path", name=op.f("uq_categories_company_id_path")),
    )
    op.create_table(
        "divisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_divisions_company_id_companies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_divisions")),
        sa.UniqueConstraint("company_id", "name", name=op.f("uq_divisions_company_id_name")),
    )
    op.create_table(
        "geo_clusters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_geo_clusters_company_id_companies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_geo_clusters")),
    )
    with op.batch_alter_table("geo_clusters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_geo_clusters_company_id"), ["company_id"], unique=False)

    op.create_table(
        "skus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("brand", sa.String(length=255), nullable=True),
        sa.Column("size", sa.String(length=120), nullable=True),
        sa.Column("size_key", sa.String(length=120), nullable=True),
        sa.Column("barcode", sa.String(length=14), nullable=True),
        sa.Column("barcode_is_local", sa.Boolean(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("ingredients", sa.String(), nullable=True),
        sa.Column("allergens", sa.String(), nullable=True),
        sa.Column("country_of_origin", sa.String(length=255), nullable=True),
        sa.Column("health_star", sa.Double(), nullable=True),
        sa.Column("image_url", sa.String(length=1024), nullable=True),
        sa.Column("url", sa.String(length=1024), nullable=True),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("root_category_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("details_key", sa.String(length=32), nullable=False),
        sa.Column("details_seen_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("first_seen_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_skus_category_id_categories")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_skus_company_id_companies")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_skus_product_id_products")),
        sa.ForeignKeyConstraint(
            ["root_category_id"], ["categories.id"], name=op.f("fk_skus_root_category_id_categories")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skus")),
        sa.UniqueConstraint("company_id", "code", name=op.f("uq_skus_company_id_code")),
    )
    with op.batch_alter_table("skus", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skus_barcode"), ["barcode"], unique=False)
        batch_op.create_index(batch_op.f("ix_skus_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_skus_root_category_id"), ["root_category_id"], unique=False)

    op.create_table(
        "stores",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.String(length=40), nullable=False),
        sa.Column("division_id", sa.Integer(), nullable=True),
        sa.Column("cluster_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=True),
        sa.Column("suburb", sa.String(length=120), nullable=True),
        sa.Column("state", sa.String(length=3), nullable=True),
        sa.Column("postcode", sa.String(length=4), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("hours", sa.JSON(), nullable=True),
        sa.Column("retailer_store_id", sa.String(length=40), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("listed_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_scraped_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cluster_id"], ["geo_clusters.id"], name=op.f("fk_stores_cluster_id_geo_clusters")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_stores_company_id_companies")),
        sa.ForeignKeyConstraint(["division_id"], ["divisions.id"], name=op.f("fk_stores_division_id_divisions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stores")),
        sa.UniqueConstraint("company_id", "store_id", name=op.f("uq_stores_company_id_store_id")),
    )
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stores_cluster_id"), ["cluster_id"], unique=False)

    op.create_table(
        "crawls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("crawl_id", sa.String(length=120), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("spider", sa.String(length=60), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=True),
        sa.Column("started_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("observed_from", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("observed_to", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("store_verified", sa.Boolean(), nullable=True),
        sa.Column("finish_reason", sa.String(length=60), nullable=False),
        sa.Column("failure_class", sa.String(length=40), nullable=True),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(length=512), nullable=False),
        sa.Column("ingested_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_crawls_company_id_companies")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_crawls_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawls")),
        sa.UniqueConstraint("crawl_id", name=op.f("uq_crawls_crawl_id")),
    )
    with op.batch_alter_table("crawls", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_crawls_company_id"), ["company_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_crawls_sha256"), ["sha256"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_crawls_store_id_observed_from"), ["store_id", "observed_from"], unique=False
        )

    op.create_table(
        "store_groups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("ambassador_id", sa.Integer(), nullable=True),
        sa.Column("last_checked_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ambassador_id"], ["stores.id"], name=op.f("fk_store_groups_ambassador_id_stores")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_store_groups_category_id_categories")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_store_groups_company_id_companies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_groups")),
    )
    with op.batch_alter_table("store_groups", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_store_groups_company_id"), ["company_id"], unique=False)

    op.create_table(
        "ambassador_tenures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until", models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["store_groups.id"], name=op.f("fk_ambassador_tenures_group_id_store_groups")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_ambassador_tenures_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ambassador_tenures")),
    )
    with op.batch_alter_table("ambassador_tenures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ambassador_tenures_group_id"), ["group_id"], unique=False)

    op.create_table(
        "coverage",
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("observed_from", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("observed_to", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_coverage_category_id_categories")),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_coverage_crawl_id_crawls")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_coverage_store_id_stores")),
        sa.PrimaryKeyConstraint("crawl_id", "category_id", name=op.f("pk_coverage")),
    )
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_coverage_store_id_category_id_observed_to"),
            ["store_id", "category_id", "observed_to"],
            unique=False,
        )

    op.create_table(
        "group_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("candidate_crawl_id", sa.Integer(), nullable=True),
        sa.Column("reference_crawl_id", sa.Integer(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_crawl_id"], ["crawls.id"], name=op.f("fk_group_events_candidate_crawl_id_crawls")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_group_events_company_id_companies")),
        sa.ForeignKeyConstraint(["group_id"], ["store_groups.id"], name=op.f("fk_group_events_group_id_store_groups")),
        sa.ForeignKeyConstraint(
            ["reference_crawl_id"], ["crawls.id"], name=op.f("fk_group_events_reference_crawl_id_crawls")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_group_events_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_events")),
        sa.UniqueConstraint(
            "group_id",
            "kind",
            "candidate_crawl_id",
            "reference_crawl_id",
            name=op.f("uq_group_events_group_id_kind_candidate_crawl_id_reference_crawl_id"),
        ),
    )
    with op.batch_alter_table("group_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_events_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_group_events_store_id_at"), ["store_id", "at"], unique=False)

    op.create_table(
        "group_price_history",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Integer(), nullable=False),
        sa.Column("since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("listed_from", models.UtcDateTime(timezone=True), nullable=False),
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
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_group_price_history_crawl_id_crawls")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["store_groups.id"], name=op.f("fk_group_price_history_group_id_store_groups")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_group_price_history_sku_id_skus")),
        sa.PrimaryKeyConstraint("group_id", "sku_id", "since", name=op.f("pk_group_price_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "group_prices",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("listed_from", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("left_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("was_cents", sa.Integer(), nullable=True),
        sa.Column("unit_price_cents", sa.Integer(), nullable=True),
        sa.Column("unit_measure", sa.String(length=20), nullable=True),
        sa.Column("special_kind", sa.String(length=40), nullable=True),
        sa.Column("multi_buy_quantity", sa.Integer(), nullable=True),
        sa.Column("multi_buy_cents", sa.Integer(), nullable=True),
        sa.Column("member_cents", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_group_prices_crawl_id_crawls")),
        sa.ForeignKeyConstraint(["group_id"], ["store_groups.id"], name=op.f("fk_group_prices_group_id_store_groups")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_group_prices_sku_id_skus")),
        sa.PrimaryKeyConstraint("group_id", "sku_id", name=op.f("pk_group_prices")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inference_audits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("equal", sa.Integer(), nullable=False),
        sa.Column("inferred_compared", sa.Integer(), nullable=False),
        sa.Column("inferred_equal", sa.Integer(), nullable=False),
        sa.Column("stale", sa.Integer(), nullable=True),
        sa.Column("deviating", sa.Integer(), nullable=True),
        sa.Column("mismatches", sa.JSON(), nullable=True),
        sa.Column("audited_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_inference_audits_crawl_id_crawls")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["store_groups.id"], name=op.f("fk_inference_audits_group_id_store_groups")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_inference_audits_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inference_audits")),
        sa.UniqueConstraint("crawl_id", name=op.f("uq_inference_audits_crawl_id")),
    )
    with op.batch_alter_table("inference_audits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inference_audits_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_inference_audits_store_id"), ["store_id"], unique=False)

    op.create_table(
        "leases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("cluster_id", sa.Integer(), nullable=True),
        sa.Column("worker", sa.String(length=120), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("leased_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("released_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("failure_class", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["cluster_id"], ["geo_clusters.id"], name=op.f("fk_leases_cluster_id_geo_clusters")),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_leases_company_id_companies")),
        sa.ForeignKeyConstraint(["group_id"], ["store_groups.id"], name=op.f("fk_leases_group_id_store_groups")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_leases_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leases_company_id_leased_at"), ["company_id", "leased_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_leases_store_id_released_at"), ["store_id", "released_at"], unique=False)
        batch_op.create_index(
            "uq_held_lease",
            ["store_id"],
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )

    op.create_table(
        "price_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("observed_from", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("observed_to", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("share_changed", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_price_events_company_id_companies")),
        sa.ForeignKeyConstraint(["group_id"], ["store_groups.id"], name=op.f("fk_price_events_group_id_store_groups")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_events")),
    )
    with op.batch_alter_table("price_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_price_events_company_id"), ["company_id"], unique=False)

    op.create_table(
        "price_history",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Integer(), nullable=False),
        sa.Column("since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until", models.UtcDateTime(timezone=True), nullable=False),
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
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_price_history_crawl_id_crawls")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_price_history_sku_id_skus")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_price_history_store_id_stores")),
        sa.PrimaryKeyConstraint("store_id", "sku_id", "since", name=op.f("pk_price_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "prices",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Integer(), nullable=False),
        sa.Column("root_category_id", sa.Integer(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=True),
        sa.Column("since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("listed_since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("left_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("was_cents", sa.Integer(), nullable=True),
        sa.Column("unit_price_cents", sa.Integer(), nullable=True),
        sa.Column("unit_measure", sa.String(length=20), nullable=True),
        sa.Column("special_kind", sa.String(length=40), nullable=True),
        sa.Column("multi_buy_quantity", sa.Integer(), nullable=True),
        sa.Column("multi_buy_cents", sa.Integer(), nullable=True),
        sa.Column("member_cents", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_prices_crawl_id_crawls")),
        sa.ForeignKeyConstraint(
            ["root_category_id"], ["categories.id"], name=op.f("fk_prices_root_category_id_categories")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_prices_sku_id_skus")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_prices_store_id_stores")),
        sa.PrimaryKeyConstraint("store_id", "sku_id", name=op.f("pk_prices")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("prices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_prices_sku_id"), ["sku_id"], unique=False)

    op.create_table(
        "store_categories",
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("covered_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_store_categories_category_id_categories")
        ),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_store_categories_crawl_id_crawls")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["store_groups.id"], name=op.f("fk_store_categories_group_id_store_groups")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_categories_store_id_stores")),
        sa.PrimaryKeyConstraint("store_id", "category_id", name=op.f("pk_store_categories")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("store_categories", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_store_categories_group_id_category_id"), ["group_id", "category_id"], unique=False
        )

    op.create_table(
        "store_group_candidates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("crawl_id", sa.Integer(), nullable=False),
        sa.Column("stamped_at", models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_store_group_candidates_crawl_id_crawls")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["store_groups.id"], name=op.f("fk_store_group_candidates_group_id_store_groups")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_group_candidates_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_group_candidates")),
        sa.UniqueConstraint("group_id", "crawl_id", name=op.f("uq_store_group_candidates_group_id_crawl_id")),
    )
    with op.batch_alter_table("store_group_candidates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_store_group_candidates_group_id"), ["group_id"], unique=False)

    op.create_table(
        "store_group_memberships",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("since", models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_store_group_memberships_category_id_categories")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["store_groups.id"], name=op.f("fk_store_group_memberships_group_id_store_groups")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_group_memberships_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_group_memberships")),
    )
    with op.batch_alter_table("store_group_memberships", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_store_group_memberships_group_id_until"), ["group_id", "until"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_store_group_memberships_store_id_until"), ["store_id", "until"], unique=False
        )
        batch_op.create_index(
            "uq_open_exception",
            ["store_id", "category_id"],
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )
        batch_op.create_index(
            "uq_open_membership",
            ["store_id"],
            unique=True,
            sqlite_where=sa.text("until IS NULL AND category_id IS NULL"),
            postgresql_where=sa.text("until IS NULL AND category_id IS NULL"),
        )

    op.execute(EFFECTIVE_PRICES)


def downgrade() -> None:
    op.execute("DROP VIEW effective_prices")
    with op.batch_alter_table("store_group_memberships", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_open_membership",
            sqlite_where=sa.text("until IS NULL AND category_id IS NULL"),
            postgresql_where=sa.text("until IS NULL AND category_id IS NULL"),
        )
        batch_op.drop_index(
            "uq_open_exception", sqlite_where=sa.text("until IS NULL"), postgresql_where=sa.text("until IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_store_group_memberships_store_id_until"))
        batch_op.drop_index(batch_op.f("ix_store_group_memberships_group_id_until"))

    op.drop_table("store_group_memberships")
    with op.batch_alter_table("store_group_candidates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_store_group_candidates_group_id"))

    op.drop_table("store_group_candidates")
    with op.batch_alter_table("store_categories", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_store_categories_group_id_category_id"))

    op.drop_table("store_categories")
    with op.batch_alter_table("prices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_prices_sku_id"))

    op.drop_table("prices")
    op.drop_table("price_history")
    with op.batch_alter_table("price_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_price_events_company_id"))

    op.drop_table("price_events")
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_held_lease",
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_leases_store_id_released_at"))
        batch_op.drop_index(batch_op.f("ix_leases_company_id_leased_at"))

    op.drop_table("leases")
    with op.batch_alter_table("inference_audits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inference_audits_store_id"))
        batch_op.drop_index(batch_op.f("ix_inference_audits_group_id"))

    op.drop_table("inference_audits")
    op.drop_table("group_prices")
    op.drop_table("group_price_history")
    with op.batch_alter_table("group_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_events_store_id_at"))
        batch_op.drop_index(batch_op.f("ix_group_events_group_id"))

    op.drop_table("group_events")
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coverage_store_id_category_id_observed_to"))

    op.drop_table("coverage")
    with op.batch_alter_table("ambassador_tenures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ambassador_tenures_group_id"))

    op.drop_table("ambassador_tenures")
    with op.batch_alter_table("store_groups", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_store_groups_company_id"))

    op.drop_table("store_groups")
    with op.batch_alter_table("crawls", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_crawls_store_id_observed_from"))
        batch_op.drop_index(batch_op.f("ix_crawls_sha256"))
        batch_op.drop_index(batch_op.f("ix_crawls_company_id"))

    op.drop_table("crawls")
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stores_cluster_id"))

    op.drop_table("stores")
    with op.batch_alter_table("skus", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skus_root_category_id"))
        batch_op.drop_index(batch_op.f("ix_skus_product_id"))
        batch_op.drop_index(batch_op.f("ix_skus_barcode"))

    op.drop_table("skus")
    with op.batch_alter_table("geo_clusters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_geo_clusters_company_id"))

    op.drop_table("geo_clusters")
    op.drop_table("divisions")
    op.drop_table("categories")
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_uploads_crawl_id"))

    op.drop_table("uploads")
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_products_match_key"))

    op.drop_table("products")
    op.drop_table("companies")
