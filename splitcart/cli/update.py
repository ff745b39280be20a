"""``splitcart update``: what waits in the inboxes, or files that you name, into the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, counting, database, make_table, print_json, print_line, print_refused
from splitcart.config import get_settings
from splitcart.errors import FailedError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from splitcart.ingest.updates import ProductsUpdate, StoresUpdate

app = typer.Typer(no_args_is_help=True, help="Take files into the database.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

COUNTS = {
    "created": "prices created",
    "changed": "prices changed",
    "returned": "prices returned",
    "left": "left the shelf",
    "unchanged": "prices unchanged",
    "gaps": "seen without a usable offer",
    "implausible": "implausible prices set aside",
    "quarantined": "lines quarantined",
    "list_news": "lines of group lists changed",
    "skus_created": "skus created",
    "skus_updated": "skus updated",
    "products_created": "products created",
    "products_matched": "products matched",
}


@app.command()
def products(
    paths: Annotated[list[Path] | None, typer.Argument(help="Crawl files to take in place of the inbox.")] = None,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="PATHS are files (or folders) of the earlier shape.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take product files into the database: the inbox, or PATHS, which are never touched."""
    from splitcart.database import only_one
    from splitcart.ingest import CrawlIngester
    from splitcart.ingest.updates import update_legacy_products, update_named_products, update_products

    settings = get_settings()
    engine = database()
    ingester = CrawlIngester(engine, settings.data_dir, settings.clock())
    with only_one(engine, "update products"), counting("files", show=not as_json) as advance:
        if legacy:
            if not paths:
                raise typer.BadParameter("--legacy needs the files or folders to take in")
            update = update_legacy_products(ingester, paths, advance)
        elif paths:
            update = update_named_products(ingester, paths, advance)
        else:
            update = update_products(ingester, advance)
    if as_json:
        print_json(update.as_json())
    else:
        _show_products(update)
    if update.problems:
        raise FailedError(f"{len(update.problems)} of {len(update.problems) + len(update.crawls)} files were not taken")


def _show_products(update: "ProductsUpdate") -> None:
    totals = update.as_json()["totals"]
    rows = make_table("what", "count", right={"count"}, title="update products")
    rows.add_row("files taken", f"{totals['files'] - totals['duplicate_files']:,}")
    rows.add_row("files known already", f"{totals['duplicate_files']:,}")
    for name, words in COUNTS.items():
        if totals.get(name):
            rows.add_row(words, f"{totals[name]:,}")
    console.print(rows)
    for crawl in update.crawls:
        if crawl.status == "ingested" and crawl.complete_categories < crawl.categories:
            print_line(
                f"{crawl.company} {crawl.store_id}: {crawl.complete_categories} of {crawl.categories} categories"
                f" complete ({crawl.crawl_id}); the others confirm and close nothing"
            )
    print_refused(update.problems)


@app.command()
def stores(
    source: Annotated[Path | None, typer.Option("--from", help="A store list to take in place of the inbox.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take store lists into the database: the sweeps of the inbox, or a file or folder.

    A folder may hold one JSON per store, lists of stores, or a fixture set with companies.store.json.
    """
    from splitcart.database import only_one
    from splitcart.ingest.updates import update_stores_from, update_stores_inbox

    settings = get_settings()
    engine = database()
    with only_one(engine, "update stores"), counting("files", show=not as_json) as advance:
        if source is None:
            update = update_stores_inbox(engine, settings.data_dir, advance, settings.clock())
        else:
            update = update_stores_from(engine, source, settings.clock())
    if as_json:
        print_json(update.as_json())
    else:
        _show_stores(update)
        _show_unusable_positions(engine, sorted(update.companies))
    if update.refused:
        raise FailedError(f"{len(update.refused)} files were refused")


def _show_stores(update: "StoresUpdate") -> None:
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
    print_refused(update.refused)


def _show_unusable_positions(engine: "sa.Engine", companies: list[str]) -> None:
    """Stores that are kept but that no cluster can hold."""
    from scheduler.geography import StorePoint, invalid_stores
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
        points = (StorePoint(store.id, store.latitude, store.longitude) for store in stores.values())
        for row_id, reason in invalid_stores(points).items():
            print_line(f"{company} {stores[row_id].store_id}: {reason}; kept, but left out of clustering")
