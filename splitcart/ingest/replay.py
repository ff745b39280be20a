"""Rebuilding from the kept files: one store, all of them, or a whole database from nothing but ``ingested/``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from splitcart.database import reading
from splitcart.database.lookup import find_store
from splitcart.database.models import Company, Crawl, Store
from splitcart.ingest.crawls import CrawlIngester
from splitcart.ingest.errors import KeptFileError
from splitcart.ingest.outcomes import ProductsUpdate
from splitcart.ingest.updates import REFUSALS, Progress, take, take_barcodes, take_sweep
from splitcart.transfer.crawl_file import CrawlFileError, read_ends
from splitcart.transfer.records import CrawlRecord

Dated = list[tuple[datetime, Path]]


@dataclass(slots=True)
class Replay:
    """What a replay did: files that the database did not know, and stores rebuilt from the files that it knew."""

    recovered: ProductsUpdate = field(default_factory=ProductsUpdate)
    stores: int = 0
    crawls: int = 0


def replay_stores(ingester: CrawlIngester, named: Iterable[str], progress: Progress | None = None) -> Replay:
    """Rebuild stores that the user named as ``company/store_id`` or by a store id that only one company uses."""
    replay = Replay()
    for company, store_id in [_find(ingester.engine, name) for name in named]:
        _rebuild(ingester, company, store_id, replay, progress)
    return replay


def replay_all(ingester: CrawlIngester, progress: Progress | None = None) -> Replay:
    """Rebuild every store; kept files that the database does not know are taken in afterwards, in observed order.

    On an empty database this is the disaster recovery: store sweeps first, then every crawl, then barcodes.
    """
    replay = Replay()
    for company, store_id in _stores_with_crawls(ingester.engine):
        _rebuild(ingester, company, store_id, replay, progress)
    files = _kept_files(ingester.data_dir, _known_crawls(ingester.engine), replay.recovered.refused)
    for path in files["store"]:
        _recover(path, replay, lambda path: take_sweep(ingester.engine, ingester.data_dir, path, ingester.clock))
    for path in files["product"]:
        take(ingester, path, replay.recovered, progress)
    for path in files["barcode"]:
        _recover(path, replay, lambda path: take_barcodes(ingester.engine, ingester.data_dir, path, ingester.clock))
    return replay


def _recover(path: Path, replay: Replay, take_file: Callable[[Path], object]) -> None:
    try:
        take_file(path)
    except REFUSALS as error:
        replay.recovered.refused[path.name] = str(error)


def _rebuild(ingester: CrawlIngester, company: str, store_id: str, replay: Replay, progress: Progress | None) -> None:
    try:
        replay.crawls += ingester.rebuild(company, store_id)
    except KeptFileError as error:  # this store stays as it was; the others are rebuilt all the same
        replay.recovered.waiting[f"{company}/{store_id}"] = str(error)
    else:
        replay.stores += 1
    if progress:
        progress(f"{company} {store_id}")


def _find(engine: sa.Engine, name: str) -> tuple[str, str]:
    with reading(engine) as session:
        company, store = find_store(session, name)
    return company.slug, store.store_id


def _stores_with_crawls(engine: sa.Engine) -> list[tuple[str, str]]:
    with reading(engine) as session:
        rows = session.execute(
            sa.select(Company.slug, Store.store_id)
            .join_from(Store, Company)
            .where(Store.id.in_(sa.select(Crawl.store_id)))
            .order_by(Company.slug, Store.store_id)
        )
        return [(row.slug, row.store_id) for row in rows]


def _known_crawls(engine: sa.Engine) -> set[str]:
    with reading(engine) as session:
        return set(session.scalars(sa.select(Crawl.crawl_id)))


def _kept_files(data_dir: Path, known: set[str], refused: dict[str, str]) -> dict[str, list[Path]]:
    """Return the files that are not known, oldest first, by what they hold; a damaged one is noted in ``refused``."""
    found: dict[str, Dated] = {"store": [], "product": [], "barcode": []}
    for path in sorted((data_dir / "ingested").glob("*/*/*.jsonl.gz")):
        if path.name.removesuffix(".jsonl.gz") in known:
            continue
        try:
            key, closing = read_ends(path)
        except CrawlFileError as error:
            refused[path.name] = str(error)
            continue
        if isinstance(closing, CrawlRecord) and closing.crawl_id not in known:
            found[key or ("product" if closing.store_id else "store")].append((closing.started_at, path))
    return {key: [path for _, path in sorted(files)] for key, files in found.items()}
