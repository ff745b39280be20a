"""The exporter that writes crawl files: items in, one verified ``.jsonl.gz`` in the outbox out."""

import secrets
from collections import Counter
from pathlib import Path
from typing import Any

from scrapy.exporters import BaseItemExporter

from splitcart.measures.clock import Clock
from splitcart.transfer.crawl_writer import CrawlWriter
from splitcart.transfer.records import BarcodeRecord, ProductRecord, StoreRecord
from splitcart_scrapy.items import CategoryEndItem, CrawlEndItem, CrawlStartItem, GuestItem


class CrawlFileExporter(BaseItemExporter):
    """Writes one crawl; raises WorkingFileBusyError if another process is writing it, OSError if the disk refuses."""

    def __init__(self, outbox: Path, start: CrawlStartItem, clock: Clock, host: str, **options: Any) -> None:
        super().__init__(**options)
        self._writer = CrawlWriter.open(
            outbox,
            start.company,
            start.spider,
            start.store_id,
            clock,
            nonce=secrets.token_hex(3),
            not_before=start.not_before,
            host=host,
        )
        self._is_sweep = start.store_id is None
        self._rows_by_root: Counter[str] = Counter()
        self.committed = list(self._writer.committed_before)
        start.finished_categories.update(self._writer.finished_categories)
        start.seen_skus.update(self._writer.seen_skus)
        start.store_verified = self._writer.store_verified

    def export_item(self, item: ProductRecord | StoreRecord | BarcodeRecord) -> None:
        self._writer.add(item)
        if isinstance(item, ProductRecord):
            self._rows_by_root[item.category_path[0]] += 1

    def export_guest(self, item: GuestItem) -> None:
        """Keep a row of another root category until it is known whether that one shows it."""
        self._writer.add_guest(item.product)

    def finish_category(self, end: CategoryEndItem) -> None:
        """Put the rows of a root category on disk: a crash from now on does not cost them."""
        end.record.rows = self._rows_by_root[end.record.category]
        self._writer.finish_category(end.record, store_verified=end.store_verified)

    def commit(self, end: CrawlEndItem) -> None:
        """Put the crawl into the outbox without the rows of an unfinished category, or remove all of it."""
        if not end.keep:
            self._writer.discard()
            return
        if not self._is_sweep:
            self._writer.drop_category()
        path = self._writer.commit(
            complete=end.complete,
            finish_reason=end.finish_reason,
            failure_class=end.failure_class,
            store_verified=end.store_verified,
            asked=end.asked,
            stats=end.stats,
        )
        self.committed.append(path)

    def finish_exporting(self) -> None:
        """Leave what was not committed to the next crawl of the store."""
        self._writer.close()
