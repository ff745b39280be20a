"""``splitcart update``: what waits in the inboxes, or files that you name, into the database."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, counting, database, make_table, print_json, print_line, print_refused
from splitcart.config import get_settings
from splitcart.errors import FailedError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from splitcart.ingest.stopping import Stop
    from splitcart.ingest.updates import BarcodesUpdate, ProductsUpdate, StoresUpdate

app = typer.Typer(no_args_is_help=True, help="Take files into the database.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Watch = Annotated[bool, typer.Option("--watch", help="Go on with what arrives, until Ctrl-C or SIGTERM.")]
Every = Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks into the inbox.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that share the product inbox.")]
Advance = Callable[[str], None]

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


@app.command()
def products(
    paths: Annotated[list[Path] | None, typer.Argument(help="Crawl files to take in place of the inbox.")] = None,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="PATHS are files (or folders) of the earlier shape.")
    ] = False,
    watch: Watch = False,
    every: Every = 10.0,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Take product files into the database: the inbox, or PATHS, which are never touched.

    Ctrl-C and SIGTERM end it after the file under way; what was not taken stays in the inbox.
    """
    from splitcart.database import only_one
    from splitcart.ingest.updates import ProductsUpdate

    if legacy and not paths:
        raise typer.BadParameter("--legacy needs the files or folders to take in")
    if paths and (watch or workers > 1):
        raise typer.BadParameter("--watch and --workers are for the inbox; name no files with them")
    engine = database()
    update = ProductsUpdate()
    with only_one(engine, "update products"), counting("files", show=not as_json) as advance:
        if paths:
            update = _named_products(engine, paths, advance, legacy=legacy)
            _follow_batch(engine, update, update.totals)
        else:
            _rounds(
                lambda stop: _take_products(engine, workers, stop, advance, update, watch=watch), every, watch=watch
            )
    if as_json:
        print_json(update.as_json())
    else:
        _show_products(update)
    _fail_for_products(update)


def _rounds(work: "Callable[[Stop], object]", every: float, *, watch: bool) -> None:
    """Do the work once, or again and again until asked to stop."""
    from splitcart.ingest.stopping import stopping_at

    with stopping_at(SIGINT, SIGTERM) as stop:
        work(stop)
        while watch and not stop.wait(every):
            work(stop)


def _named_products(engine: "sa.Engine", paths: list[Path], advance: Advance, *, legacy: bool) -> "ProductsUpdate":
    from splitcart.ingest import CrawlIngester
    from splitcart.ingest.updates import update_legacy_products, update_named_products

    settings = get_settings()
    ingester = CrawlIngester(engine, settings.data_dir, settings.clock())
    return (update_legacy_products if legacy else update_named_products)(ingester, paths, advance)


def _take_products(
    engine: "sa.Engine", workers: int, stop: "Stop", advance: Advance, update: "ProductsUpdate", *, watch: bool
) -> None:
    """Take in what the product inbox now holds and add it to ``update``."""
    from splitcart.ingest import CrawlIngester
    from splitcart.ingest.updates import ProductsUpdate, update_products
    from splitcart.ingest.workers import update_products_together
    from splitcart.transfer import inbox_path

    settings = get_settings()
    batch = ProductsUpdate()
    if workers == 1:
        batch = update_products(CrawlIngester(engine, settings.data_dir, settings.clock()), advance, stop)
    elif any(inbox_path(settings.data_dir, "products").glob("*.jsonl.gz")):
        batch = update_products_together(settings.data_dir, workers, stop, advance)
    update.add(batch)
    _follow_batch(engine, update, batch.totals)
    if watch:
        update.forget_files()


def _follow_batch(engine: "sa.Engine", update: "ProductsUpdate", totals: dict[str, int]) -> None:
    """Post-process once after a batch that took any file: a killed one may have left its skus to this one."""
    from splitcart.ingest.updates import added

    if totals["files"] > totals["duplicate_files"]:
        update.post_processed = added(update.post_processed, _post_process(engine))


def _post_process(engine: "sa.Engine") -> dict[str, int]:
    from splitcart.database import transaction
    from splitcart.ingest.matching import post_process

    with transaction(engine) as session:
        return post_process(session, get_settings().clock()()).as_json()


def _fail_for_products(update: "ProductsUpdate") -> None:
    if update.problems:
        files = len(update.problems) + update.totals["files"]
        raise FailedError(f"{len(update.problems)} of {files} files were not taken")


def _show_products(update: "ProductsUpdate") -> None:
    totals = update.totals
    rows = make_table("what", "count", right={"count"}, title="update products")
    rows.add_row("files taken", f"{totals['files'] - totals['duplicate_files']:,}")
    rows.add_row("files known already", f"{totals['duplicate_files']:,}")
    for name, words in COUNTS.items():
        if totals.get(name):
            rows.add_row(words, f"{totals[name]:,}")
    console.print(rows)
    if any(update.post_processed.values()):
        _show_post_processed(update.post_processed)
    for crawl in update.crawls:
        if crawl.status == "ingested" and crawl.complete_categories < crawl.categories:
            print_line(
                f"{crawl.company} {crawl.store_id}: {crawl.complete_categories} of {crawl.categories} categories"
                f" complete ({crawl.crawl_id}); the others confirm and close nothing"
            )
    for death in update.deaths:
        print_line(f"{death}; another took its place")
    print_refused(update.problems)


def _show_post_processed(counts: dict[str, int]) -> None:
    rows = make_table("what", "count", right={"count"}, title="update post-process")
    for name, words in POST_PROCESSED.items():
        rows.add_row(words, f"{counts[name]:,}")
    console.print(rows)


@app.command("post-process")
def update_post_process(as_json: AsJson = False) -> None:
    """Find brands and products that are one, merge them, and fill in what is known of products.

    The other commands do it after each batch; a second run changes nothing.
    """
    counts = _post_process(database())
    if as_json:
        print_json(counts)
    else:
        _show_post_processed(counts)


@app.command()
def stores(
    source: Annotated[Path | None, typer.Option("--from", help="A store list to take in place of the inbox.")] = None,
    watch: Watch = False,
    every: Every = 10.0,
    as_json: AsJson = False,
) -> None:
    """Take store lists into the database: the sweeps of the inbox, or a file or folder.

    A folder may hold one JSON per store, lists of stores, or a fixture set with companies.store.json.
    """
    from splitcart.database import only_one
    from splitcart.ingest.updates import StoresUpdate, update_stores_from

    if source is not None and watch:
        raise typer.BadParameter("--watch is for the inbox; name no --from with it")
    engine = database()
    update = StoresUpdate()
    with only_one(engine, "update stores"), counting("files", show=not as_json) as advance:
        if source is None:
            _rounds(lambda stop: _take_stores(engine, stop, advance, update), every, watch=watch)
        else:
            update = update_stores_from(engine, source, get_settings().clock())
    if as_json:
        print_json(update.as_json())
    else:
        _show_stores(update)
        _show_unusable_positions(engine, sorted(update.companies))
    _fail_for_refused(update.refused)


def _take_stores(engine: "sa.Engine", stop: "Stop", advance: Advance, update: "StoresUpdate") -> None:
    """Take in what the store inbox now holds and add it to ``update``."""
    from splitcart.ingest.updates import update_stores_inbox

    settings = get_settings()
    update.merge(update_stores_inbox(engine, settings.data_dir, advance, settings.clock(), stop))


def _fail_for_refused(refused: dict[str, str]) -> None:
    if refused:
        raise FailedError(f"{len(refused)} files were refused")


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
        for twins in counts.twins:
            print_line(f"{company}: on exactly one point: {twins}")
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


@app.command()
def barcodes(watch: Watch = False, every: Every = 10.0, as_json: AsJson = False) -> None:
    """Take the files of the barcode inbox into the database: barcodes for skus that have none.

    A sku that gets a barcode is matched to products anew; one that has another valid barcode keeps it, and is listed.
    """
    from splitcart.database import only_one
    from splitcart.ingest.updates import BarcodesUpdate

    engine = database()
    update = BarcodesUpdate()
    with only_one(engine, "update barcodes"), counting("files", show=not as_json) as advance:
        _rounds(lambda stop: _take_barcodes(engine, stop, advance, update), every, watch=watch)
    if as_json:
        print_json(update.as_json())
    else:
        _show_barcodes(update)
    _fail_for_refused(update.refused)


def _take_barcodes(engine: "sa.Engine", stop: "Stop", advance: Advance, update: "BarcodesUpdate") -> None:
    """Take in what the barcode inbox now holds and add it to ``update``."""
    from splitcart.ingest.updates import added, update_barcodes_inbox

    settings = get_settings()
    batch = update_barcodes_inbox(engine, settings.data_dir, advance, settings.clock(), stop)
    update.merge(batch)
    if batch.filled:
        update.post_processed = added(update.post_processed, _post_process(engine))


def _show_barcodes(update: "BarcodesUpdate") -> None:
    rows = make_table(
        "company", "filled", "known", "sku not known", "other product", "conflicts", title="update barcodes"
    )
    for company, counts in sorted(update.companies.items()):
        numbers = (counts.filled, counts.unchanged, counts.unknown_skus, counts.rematched, len(counts.conflicts))
        rows.add_row(company, *(f"{number:,}" for number in numbers))
    console.print(rows)
    if any(update.post_processed.values()):
        _show_post_processed(update.post_processed)
    for company, counts in sorted(update.companies.items()):
        for conflict in counts.conflicts:
            print_line(f"{company} {conflict}")
    print_refused(update.refused)


@app.command("all")
def update_all(
    watch: Watch = False,
    every: Every = 10.0,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Take everything that waits in the inboxes into the database: store lists, product files, barcodes.

    Ctrl-C and SIGTERM end it after the file under way; what was not taken stays in the inboxes.
    """
    from splitcart.database import only_one
    from splitcart.ingest.updates import BarcodesUpdate, ProductsUpdate, StoresUpdate

    engine = database()
    of_stores, of_products, of_barcodes = StoresUpdate(), ProductsUpdate(), BarcodesUpdate()
    with (
        only_one(engine, "update stores"),
        only_one(engine, "update products"),
        only_one(engine, "update barcodes"),
        counting("files", show=not as_json) as advance,
    ):

        def once(stop: "Stop") -> None:
            _take_stores(engine, stop, advance, of_stores)
            _take_products(engine, workers, stop, advance, of_products, watch=watch)
            _take_barcodes(engine, stop, advance, of_barcodes)

        _rounds(once, every, watch=watch)
    if as_json:
        print_json(
            {"stores": of_stores.as_json(), "products": of_products.as_json(), "barcodes": of_barcodes.as_json()}
        )
    else:
        _show_stores(of_stores)
        _show_products(of_products)
        _show_barcodes(of_barcodes)
    _fail_for_products(of_products)
    _fail_for_refused(of_stores.refused | of_barcodes.refused)
