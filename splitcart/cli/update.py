"""``splitcart update``: what waits in the inboxes, or files that you name, into the database."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import counting, database, print_json
from splitcart.cli.update_shown import (
    show_barcodes,
    show_post_processed,
    show_products,
    show_stores,
    show_unusable_positions,
)
from splitcart.config import get_settings
from splitcart.errors import FailedError
from splitcart.stopping import rounds

if TYPE_CHECKING:
    import sqlalchemy as sa

    from splitcart.ingest.outcomes import BarcodesUpdate, ProductsUpdate, StoresUpdate
    from splitcart.stopping import Stop

app = typer.Typer(no_args_is_help=True, help="Take files into the database.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Watch = Annotated[bool, typer.Option("--watch", help="Go on with what arrives, until Ctrl-C or SIGTERM.")]
Every = Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks into the inbox.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that share the product inbox.")]
Advance = Callable[[str], None]


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
    from splitcart.ingest.outcomes import ProductsUpdate

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
            rounds(lambda stop: _take_products(engine, workers, stop, advance, update, watch=watch), every, watch=watch)
    if as_json:
        print_json(update.as_json())
    else:
        show_products(update)
    _fail_for_products(update)


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
    from splitcart.ingest.outcomes import ProductsUpdate
    from splitcart.ingest.updates import update_products
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
    from splitcart.ingest.outcomes import added

    if totals["files"] > totals["duplicate_files"]:
        update.post_processed = added(update.post_processed, post_process_now(engine))


def post_process_now(engine: "sa.Engine") -> dict[str, int]:
    """Post-process what the database holds, in one transaction; return what it changed."""
    from splitcart.database import transaction
    from splitcart.ingest.matching import post_process

    with transaction(engine) as session:
        return post_process(session, get_settings().clock()()).as_json()


def _fail_for_products(update: "ProductsUpdate") -> None:
    if update.problems:
        files = len(update.problems) + update.totals["files"]
        raise FailedError(f"{len(update.problems)} of {files} files were not taken")


@app.command("post-process")
def update_post_process(as_json: AsJson = False) -> None:
    """Find brands and products that are one, merge them, and fill in what is known of products.

    The other commands do it after each batch; a second run changes nothing.
    """
    counts = post_process_now(database())
    if as_json:
        print_json(counts)
    else:
        show_post_processed(counts)


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
    from splitcart.ingest.outcomes import StoresUpdate
    from splitcart.ingest.updates import update_stores_from

    if source is not None and watch:
        raise typer.BadParameter("--watch is for the inbox; name no --from with it")
    engine = database()
    update = StoresUpdate()
    with only_one(engine, "update stores"), counting("files", show=not as_json) as advance:
        if source is None:
            rounds(lambda stop: _take_stores(engine, stop, advance, update), every, watch=watch)
        else:
            update = update_stores_from(engine, source, get_settings().clock())
    if as_json:
        print_json(update.as_json())
    else:
        show_stores(update)
        show_unusable_positions(engine, sorted(update.companies))
    _fail_for_refused(update.refused)


def _take_stores(engine: "sa.Engine", stop: "Stop", advance: Advance, update: "StoresUpdate") -> None:
    """Take in what the store inbox now holds and add it to ``update``."""
    from splitcart.ingest.updates import update_stores_inbox

    settings = get_settings()
    update.merge(update_stores_inbox(engine, settings.data_dir, advance, settings.clock(), stop))


def _fail_for_refused(refused: dict[str, str]) -> None:
    if refused:
        raise FailedError(f"{len(refused)} files were refused")


@app.command()
def barcodes(watch: Watch = False, every: Every = 10.0, as_json: AsJson = False) -> None:
    """Take the files of the barcode inbox into the database: barcodes for skus that have none.

    A sku that gets a barcode is matched to products anew; one that has another valid barcode keeps it, and is listed.
    """
    from splitcart.database import only_one
    from splitcart.ingest.outcomes import BarcodesUpdate

    engine = database()
    update = BarcodesUpdate()
    with only_one(engine, "update barcodes"), counting("files", show=not as_json) as advance:
        rounds(lambda stop: _take_barcodes(engine, stop, advance, update), every, watch=watch)
    if as_json:
        print_json(update.as_json())
    else:
        show_barcodes(update)
    _fail_for_refused(update.refused)


def _take_barcodes(engine: "sa.Engine", stop: "Stop", advance: Advance, update: "BarcodesUpdate") -> None:
    """Take in what the barcode inbox now holds and add it to ``update``."""
    from splitcart.ingest.outcomes import added
    from splitcart.ingest.updates import update_barcodes_inbox

    settings = get_settings()
    batch = update_barcodes_inbox(engine, settings.data_dir, advance, settings.clock(), stop)
    update.merge(batch)
    if batch.filled:
        update.post_processed = added(update.post_processed, post_process_now(engine))


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
    from splitcart.ingest.outcomes import BarcodesUpdate, ProductsUpdate, StoresUpdate

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

        rounds(once, every, watch=watch)
    if as_json:
        print_json(
            {"stores": of_stores.as_json(), "products": of_products.as_json(), "barcodes": of_barcodes.as_json()}
        )
    else:
        show_stores(of_stores)
        show_products(of_products)
        show_barcodes(of_barcodes)
    _fail_for_products(of_products)
    _fail_for_refused(of_stores.refused | of_barcodes.refused)
