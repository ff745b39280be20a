"""The items: the records of the crawl file, and those that mark a crawl's way through the pipelines."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from splitcart.transfer.records import BarcodeRecord, CategoryRecord, FailureClass, ProductRecord, StoreRecord

ProductItem = ProductRecord
StoreItem = StoreRecord


@dataclass(slots=True, kw_only=True)
class CrawlStartItem:
    """A crawl begins: pipelines forget the one before. ``store_id`` None: it is of the chain as a whole.

    ``kind`` is that of the file (docs/file-format.md): products of a store, a chain's stores or barcodes.

    The write pipeline fills in what a crashed run of the same store left: the root categories that need not be fetched
    again, the skus that are in the file already, and whether the site named the store (``store_verified``).
    ``not_before``: leftovers from before it are not continued. ``expected_rows``: by root category, those
    of the store's last complete crawl, as far as they were asked for. ``busy_with``: another process crawls
    the store, and this crawl cannot be written.
    """

    company: str
    spider: str
    kind: str
    store_id: str | None = None
    not_before: datetime | None = None
    expected_rows: dict[str, int] = field(default_factory=dict)
    finished_categories: dict[str, CategoryRecord] = field(default_factory=dict)
    seen_skus: set[str] = field(default_factory=set)
    store_verified: bool | None = None
    busy_with: str | None = None


@dataclass(slots=True, kw_only=True)
class GuestItem:
    """A row that names another root category as its own than the one whose listing shows it, its ``listed_in``.

    It goes into the file with the category that is being read, unless a category has it as its own.
    """

    product: ProductRecord


@dataclass(slots=True, kw_only=True)
class CategoryEndItem:
    """All rows of a root category have gone before: they are written now. The pipelines set ``record.rows``."""

    record: CategoryRecord
    store_verified: bool | None = None


@dataclass(slots=True, kw_only=True)
class CrawlEndItem:
    """A crawl is over: its file is committed, or discarded when ``keep`` is False.

    ``complete``: the whole store (or store list) was seen. Rows after the last finished category are dropped.
    ``asked``: the root categories that were to be crawled (None: all).
    ``problem``: what ended it early, in a line.
    ``files``: what lies in the outbox now, filled in by the write pipeline.
    """

    keep: bool
    complete: bool
    finish_reason: str = "finished"
    failure_class: FailureClass | None = None
    problem: str | None = None
    store_verified: bool | None = None
    asked: list[str] | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


Item = ProductRecord | GuestItem | StoreRecord | BarcodeRecord | CrawlStartItem | CategoryEndItem | CrawlEndItem
