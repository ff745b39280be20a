"""What ``splitcart update`` prints: a table of counts for each kind of file, and a line for each oddity."""

from typing import TYPE_CHECKING

from splitcart.cli.common import console, make_table, print_line, print_refused

if TYPE_CHECKING:
    import sqlalchemy as sa

    from splitcart.ingest.outcomes import BarcodesUpdate, ProductsUpdate, StoresUpdate

COUNTS = {
    "created": "prices created",
    "changed": "prices updated",
    "returned": "prices back on the shelf",
    "left": "prices closed",
    "unchanged": "prices unchanged",
    "gaps": "seen without a usable offer",
    "implausible": "implausible prices set aside",
    "quarantined": "lines quarantined",
    "list_news": "lines of group lists changed",
    "skus_created": "skus created",
    "skus_updated": "skus updated",
    "products_created": "products created",
    "products_matched": "products matched",
    "brands_created": "brands created",
}
POST_PROCESSED = {
    "brands_created": "brands created",
    "aliases_learned": "other names of brands learned",
    "brands_merged": "brands merged",
    "products_created": "products created",
    "skus_matched": "skus matched by a late barcode",
    "products_merged": "products merged",
    "products_enriched": "products with new facts",
}


def show_products(update: "ProductsUpdate") -> None:
    totals = update.totals
    rows = make_table("what", "count", right={"count"}, title="update products")
    rows.add_row("files taken", f"{totals['files'] - totals['duplicate_files']:,}")
    rows.add_row("files known already", f"{totals['duplicate_files']:,}")
    for name, words in COUNTS.items():
        if totals.get(name):
            rows.add_row(words, f"{totals[name]:,}")
    console.print(rows)
    if any(update.post_processed.values()):
        show_post_processed(update.post_processed)
    for crawl in update.crawls:
        if crawl.status == "ingested" and crawl.complete_categories < crawl.categories:
            print_line(
                f"{crawl.company} {crawl.store_id}: {crawl.complete_categories} of {crawl.categories} categories"
                f" complete ({crawl.crawl_id}); the others confirm and close nothing"
            )
    for death in update.deaths:
        print_line(f"{death}; another took its place")
    print_refused(update.problems)


def show_post_processed(counts: dict[str, int]) -> None:
    rows = make_table("what", "count", right={"count"}, title="update post-process")
    for name, words in POST_PROCESSED.items():
        rows.add_row(words, f"{counts[name]:,}")
    console.print(rows)


def show_stores(update: "StoresUpdate") -> None:
    rows = make_table(
        "company", "created", "updated", "unchanged", "switched off", "back again", "moved", title="update stores"
    )
    for company, counts in sorted(update.companies.items()):
        numbers = (
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.deactivated,
            counts.reactivated,
            len(counts.moved),
        )
        rows.add_row(company, *(f"{number:,}" for number in numbers))
    console.print(rows)
    for company, counts in sorted(update.companies.items()):
        if counts.odd_ids:
            ids = ", ".join(counts.odd_ids)
            print_line(f"{company}: ids not of the chain's form, kept but never crawled: {ids}")
        for twins in counts.twins:
            print_line(f"{company}: on exactly one point: {twins}")
    print_refused(update.refused)


def show_unusable_positions(engine: "sa.Engine", companies: list[str]) -> None:
    """Stores that are kept but that no cluster can hold."""
    from scheduler import invalid_stores, store_point
    from splitcart.database import reading
    from splitcart.database.models import Company, Store

    with reading(engine) as session:
        rows = (
            session.query(Company.slug, Store)
            .join(Store)
            .where(Company.slug.in_(companies))
            .order_by(Store.store_id)
            .all()
        )
    for company in companies:
        stores = {store.id: store for slug, store in rows if slug == company}
        for row_id, reason in invalid_stores(map(store_point, stores.values())).items():
            print_line(f"{company} {stores[row_id].store_id}: {reason}; kept, but left out of clustering")


def show_barcodes(update: "BarcodesUpdate") -> None:
    rows = make_table(
        "company",
        "filled",
        "described",
        "known",
        "sku not known",
        "other product",
        "conflicts",
        title="update barcodes",
    )
    for company, counts in sorted(update.companies.items()):
        numbers = (counts.filled, counts.described, counts.unchanged, counts.unknown_skus, counts.rematched)
        rows.add_row(company, *(f"{number:,}" for number in (*numbers, len(counts.conflicts))))
    console.print(rows)
    if any(update.post_processed.values()):
        show_post_processed(update.post_processed)
    for company, counts in sorted(update.companies.items()):
        for conflict in counts.conflicts:
            print_line(f"{company} {conflict}")
    print_refused(update.refused)
