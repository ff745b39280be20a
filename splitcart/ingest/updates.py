"""The work of ``splitcart update``: whole inboxes, and files that the user names."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from splitcart.config import get_chain
from splitcart.database import reading, transaction
from splitcart.database.models import Crawl
from splitcart.ingest.barcodes import BarcodeCounts, read_barcodes, update_barcodes
from splitcart.ingest.companies import chain_of, ensure_company, lock_store_list
from splitcart.ingest.crawl_rows import is_stored
from splitcart.ingest.crawls import CrawlIngester
from splitcart.ingest.errors import KeptFileError, RefusedFileError, refusing_what_no_column_holds
from splitcart.ingest.keeping import keep_file, kept_name, write_quarantine
from splitcart.ingest.legacy import References, convert_legacy, scan_legacy
from splitcart.ingest.outcomes import BarcodesUpdate, ProductsUpdate, StoresUpdate
from splitcart.ingest.store_sources import read_store_lists, read_sweep
from splitcart.ingest.stores import StoreCounts, update_stores
from splitcart.measures.clock import Clock, system_clock
from splitcart.stopping import Stop
from splitcart.transfer.crawl_file import CrawlFileError
from splitcart.transfer.inbox import claimed, reject
from splitcart.transfer.records import CrawlRecord

Progress = Callable[[str], None]
REFUSALS = (RefusedFileError, CrawlFileError)


ListUpdate = TypeVar("ListUpdate", StoresUpdate, BarcodesUpdate)


def update_products(
    ingester: CrawlIngester, progress: Progress | None = None, stop: Stop | None = None
) -> ProductsUpdate:
    """Take in every file of the product inbox; a file that cannot be taken goes to ``rejected/`` with its reason."""
    update = ProductsUpdate()
    for taken in inbox_updates(ingester, stop, progress):
        update.add(taken)
    return update


def inbox_updates(
    ingester: CrawlIngester, stop: Stop | None = None, begun: Progress | None = None
) -> Iterator[ProductsUpdate]:
    """Take in the product inbox file by file, until its end or until asked to stop; yield what became of each.

    ``begun`` is called with the name of each file before it is taken.
    """
    for path in claimed(ingester.data_dir, "products"):
        if stop is not None and stop.asked:
            return
        if begun:
            begun(path.name)
        update = ProductsUpdate()
        if take(ingester, path, update):
            path.unlink()
        elif path.name in update.refused:
            reject(ingester.data_dir, path, update.refused[path.name])
        yield update


def update_named_products(
    ingester: CrawlIngester, paths: Iterable[Path], progress: Progress | None = None
) -> ProductsUpdate:
    """Take in crawl files that the user named, which are never touched."""
    update = ProductsUpdate()
    for path in paths:
        if not path.is_file():
            raise RefusedFileError(f"{path}: no such file; expected a .jsonl.gz crawl file")
        take(ingester, path, update, progress, str(path))
    return update


def update_legacy_products(
    ingester: CrawlIngester, paths: list[Path], progress: Progress | None = None
) -> ProductsUpdate:
    """Take in files of the earlier shape, oldest first; the user's files are never touched."""
    files = scan_legacy(paths)
    with reading(ingester.engine) as session:
        references = References(session, files)
    update = ProductsUpdate()
    folder = ingester.data_dir / "state" / "legacy"
    for file in files:
        converted = convert_legacy(file, references, folder)
        take(ingester, converted, update, progress, str(file.path))
        converted.unlink()
    return update


def take(
    ingester: CrawlIngester,
    path: Path,
    update: ProductsUpdate,
    progress: Progress | None = None,
    name: str | None = None,
) -> bool:
    """Take in one file and note in ``update`` what became of it, under ``name``; return whether it was taken."""
    name = name or path.name
    try:
        crawl = ingester.ingest(path)
    except REFUSALS as error:
        update.refused[name] = str(error)
    except KeptFileError as error:
        update.waiting[name] = str(error)
    else:
        crawl.file = name
        update.crawls.append(crawl)
    if progress:
        progress(name)
    return name not in update.problems


def update_stores_inbox(
    engine: sa.Engine,
    data_dir: Path,
    progress: Progress | None = None,
    clock: Clock = system_clock,
    stop: Stop | None = None,
) -> StoresUpdate:
    """Take in every store sweep of the store inbox, one file one transaction."""
    take_file = partial(take_sweep, engine, data_dir, clock=clock)
    return _take_inbox(data_dir, "stores", take_file, StoresUpdate(), progress, stop)


def take_sweep(engine: sa.Engine, data_dir: Path, path: Path, clock: Clock) -> StoresUpdate:
    """Take in one sweep of a store list, in one transaction; the file is kept below ``ingested/``.

    Raises RefusedFileError or CrawlFileError, and stores nothing, if it cannot be taken. A sweep that is known already
    changes nothing.
    """
    closing, records = read_sweep(path)
    chain = chain_of(path, closing)
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    with refusing_what_no_column_holds(path), transaction(engine) as session:
        company = ensure_company(session, chain)
        lock_store_list(session, company)
        counts = StoreCounts()
        if not is_stored(session, path, closing, company.id):
            counts = update_stores(session, chain, records, closing.started_at, is_whole_sweep=closing.complete)
            session.add(_sweep_row(closing, company.id, sha256, asdict(counts), clock()))
            keep_file(path, data_dir, kept_name(closing))
    return StoresUpdate({chain.slug: counts})


def update_barcodes_inbox(
    engine: sa.Engine,
    data_dir: Path,
    progress: Progress | None = None,
    clock: Clock = system_clock,
    stop: Stop | None = None,
) -> BarcodesUpdate:
    """Take in every file of the barcode inbox, one file one transaction."""
    take_file = partial(take_barcodes, engine, data_dir, clock=clock)
    return _take_inbox(data_dir, "barcodes", take_file, BarcodesUpdate(), progress, stop)


def _take_inbox(
    data_dir: Path,
    kind: str,
    take_file: Callable[[Path], ListUpdate],
    update: ListUpdate,
    progress: Progress | None,
    stop: Stop | None,
) -> ListUpdate:
    for path in claimed(data_dir, kind):
        if stop is not None and stop.asked:
            break
        try:
            update.merge(take_file(path))
        except REFUSALS as error:
            update.refused[path.name] = str(error)
            reject(data_dir, path, str(error))
        else:
            path.unlink()
        if progress:
            progress(path.name)
    return update


def take_barcodes(engine: sa.Engine, data_dir: Path, path: Path, clock: Clock) -> BarcodesUpdate:
    """Take in one file of barcodes, in one transaction; the file is kept below ``ingested/``.

    Raises RefusedFileError or CrawlFileError, and stores nothing, if it cannot be taken. A file that is known already
    changes nothing.
    """
    parsed = read_barcodes(path)
    closing = parsed.closing
    chain = chain_of(path, closing)
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    with refusing_what_no_column_holds(path), transaction(engine) as session:
        company = ensure_company(session, chain)
        lock_store_list(session, company)
        counts = BarcodeCounts()
        if not is_stored(session, path, closing, company.id):
            counts = update_barcodes(session, company, parsed, closing.started_at)
            session.add(_sweep_row(closing, company.id, sha256, asdict(counts), clock()))
            keep_file(path, data_dir, kept_name(closing))
            write_quarantine(data_dir, kept_name(closing), parsed.quarantined)
    return BarcodesUpdate({chain.slug: counts})


def _sweep_row(closing: CrawlRecord, company_id: int, sha256: str, counts: dict[str, Any], now: datetime) -> Crawl:
    return Crawl(
        crawl_id=closing.crawl_id,
        company_id=company_id,
        spider=closing.spider,
        host=closing.host,
        started_at=closing.started_at,
        finished_at=closing.finished_at,
        observed_from=closing.started_at,
        observed_to=closing.finished_at,
        complete=closing.complete,
        store_verified=closing.store_verified,
        finish_reason=closing.finish_reason,
        failure_class=closing.failure_class,
        scope=[],
        counts=counts,
        rows=closing.rows,
        sha256=sha256,
        file=kept_name(closing),
        ingested_at=now,
    )


def update_stores_from(engine: sa.Engine, path: Path, clock: Clock) -> StoresUpdate:
    """Take in store lists from a file or folder that the user named; raise RefusedFileError for another shape."""
    found = read_store_lists(path)
    update = StoresUpdate()
    with refusing_what_no_column_holds(path), transaction(engine) as session:
        for company, records in sorted(found.items()):
            update.add(company, update_stores(session, get_chain(company), records, clock(), is_whole_sweep=False))
    return update
