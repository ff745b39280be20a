"""The same crawl through an ORM, beside the ingestion: what ways to write it used to take.

The ORM gets its rows parsed already and finds all skus known; the ingestion starts from the file::

    python -m benchmarks.orm            # PostgreSQL; --sqlite for SQLite
"""

import argparse
import logging
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from rich.table import Table
from sqlalchemy.orm import Session

from benchmarks.crawl_files import CHANGED, START, Files, clock, database, list_stores, say_machine, seconds
from splitcart.database.models import OFFER_COLUMNS, Price, PriceHistory, Sku, Store
from splitcart.ingest import CrawlIngester
from splitcart.transfer.records import ProductRecord


def _orm_row_by_row(engine: sa.Engine, store: int, rows: list[ProductRecord], at: datetime) -> None:
    """Get or create, one row at a time."""
    with Session(engine) as session, session.begin():
        for row in rows:
            sku = session.scalars(sa.select(Sku).where(Sku.code == row.sku)).one()
            price = session.get(Price, (store, sku.id))
            if price is None:
                session.add(_new_price(store, sku, row, at))
            else:
                _change_price(session, price, row, at)


def _orm_cached(engine: sa.Engine, store: int, rows: list[ProductRecord], at: datetime) -> None:
    """Look-up caches, and bulk writes of 500."""
    with Session(engine) as session, session.begin():
        skus = {sku.code: sku for sku in session.scalars(sa.select(Sku))}
        prices = {price.sku_id: price for price in session.scalars(sa.select(Price).where(Price.store_id == store))}
        fresh = []
        for row in rows:
            sku = skus[row.sku]
            price = prices.get(sku.id)
            if price is None:
                fresh.append(_new_price(store, sku, row, at))
            else:
                _change_price(session, price, row, at)
            if len(fresh) == 500:
                session.bulk_save_objects(fresh)
                fresh.clear()
        session.bulk_save_objects(fresh)


def _new_price(store: int, sku: Sku, row: ProductRecord, at: datetime) -> Price:
    offer = {name: getattr(row, name) for name in OFFER_COLUMNS}
    return Price(
        store_id=store,
        sku_id=sku.id,
        root_category_id=sku.root_category_id,
        available=row.available,
        since=at,
        listed_since=at,
        crawl_id=1,
        **offer,
    )


def _change_price(session: Session, price: Price, row: ProductRecord, at: datetime) -> None:
    if all(getattr(price, name) == getattr(row, name) for name in OFFER_COLUMNS):
        return
    old = {name: getattr(price, name) for name in OFFER_COLUMNS}
    session.add(
        PriceHistory(
            store_id=price.store_id,
            sku_id=price.sku_id,
            since=price.since,
            until=at,
            reason="changed",
            crawl_id=price.crawl_id,
            **old,
        )
    )
    for name in OFFER_COLUMNS:
        setattr(price, name, getattr(row, name))
    price.since = at


def compare(args: argparse.Namespace) -> Table:
    """The same rows through an ORM, parsed already, beside the ingestion from the file."""
    with tempfile.TemporaryDirectory() as name, database(sqlite=args.sqlite, folder=Path(name)) as engine:
        files = Files(Path(name), args.rows)
        stores = list_stores(engine, 4)
        ingester = CrawlIngester(engine, Path(name) / "data", clock)
        ingester.ingest(files.write(stores[0], 0))
        with engine.connect() as connection:
            ids = list(connection.scalars(sa.select(Store.id).order_by(Store.store_id)))
        first, second = list(files.rows), files.write(stores[1], 1)
        files.change(CHANGED)
        changed, later = list(files.rows), files.write(stores[1], 2)
        table = Table("", "first load, ms", "3 % changed, ms", title=f"{args.rows:,} rows, {engine.dialect.name}")
        day = timedelta(days=1)
        took = [seconds(lambda: ingester.ingest(second)), seconds(lambda: ingester.ingest(later))]
        table.add_row("from the file, all of it", *(f"{value * 1000:.0f}" for value in took))
        for what, work, store in (
            ("ORM, look-up caches, bulk of 500", _orm_cached, ids[2]),
            ("ORM, row by row", _orm_row_by_row, ids[3]),
        ):
            slow = [
                seconds(lambda work=work, store=store: work(engine, store, first, START)),
                seconds(lambda work=work, store=store: work(engine, store, changed, START + day)),
            ]
            cells = (f"{value * 1000:.0f} ({value / own:.1f} times)" for value, own in zip(slow, took, strict=True))
            table.add_row(what, *cells)
        return table


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--rows", type=int, default=20_000)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    say_machine().print(compare(args))


if __name__ == "__main__":
    main()
