"""Make the report of a crawl while it goes on, and write it."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from scrapy.statscollectors import StatsCollector

from splitcart.config import Chain
from splitcart.measures.clock import Clock
from splitcart.transfer.records import BarcodeRecord, CategoryRecord, FailureClass, ProductRecord, StoreRecord
from splitcart_scrapy.items import CrawlEndItem, CrawlStartItem
from splitcart_scrapy.watching.findings import findings
from splitcart_scrapy.watching.report import CategoryFigures, CrawlReport

COUNTED = tuple(
    each.name
    for each in fields(ProductRecord)
    if each.name not in {"sku", "name", "category_path", "flags", "listed_in"}
)
FIGURES = (
    "downloader/request_count",
    "downloader/response_status_count/",
    "downloader/exception_count",
    "retry/count",
    "splitcart/dropped/",
    "splitcart/rejected/",
    "splitcart/duplicates",
    "splitcart/rows/",
    "splitcart/sessions",
)
UNVERIFIED = "the site's answers name no store: that the prices are this store's is taken on trust"
STAMP = "%Y%m%dT%H%M%S%fZ"


class CrawlReporter:
    """Sees what a crawl writes, and makes its report at the end."""

    def __init__(self, start: CrawlStartItem, stats: StatsCollector, chain: Chain, clock: Clock, host: str) -> None:
        """Begin to count; ``start`` has been through the write pipeline."""
        self._start = start
        self._stats = stats
        self._chain = chain
        self._clock = clock
        self._host = host
        self._started_at = clock()
        self._before = self._figures()
        self._records: list[CategoryRecord] = list(start.finished_categories.values())
        self._rows = 0
        self._filled = dict.fromkeys(COUNTED, 0)

    def see(self, item: ProductRecord | StoreRecord | BarcodeRecord) -> None:
        """Count a row that was written, and which of its fields are filled."""
        self._rows += 1
        if isinstance(item, ProductRecord):
            filled = self._filled
            for name in COUNTED:
                if getattr(item, name) is not None:
                    filled[name] += 1

    def finish_category(self, record: CategoryRecord) -> None:
        """Note the verdict on a root category."""
        self._records.append(record)

    def report(self, end: CrawlEndItem | None) -> CrawlReport:
        """Return the report; ``end`` None: the spider was told to stop before the crawl came to its end."""
        start, after = self._start, self._figures()
        is_of_products = start.kind == "products"
        verified = end.store_verified if end else start.store_verified
        expected = start.expected_rows
        figures = {name: count - self._before.get(name, 0) for name, count in after.items()}
        report = CrawlReport(
            spider=start.spider,
            company=start.company,
            kind=start.kind,
            store_id=start.store_id,
            host=self._host,
            started_at=self._started_at,
            finished_at=self._clock(),
            outcome=("complete" if end.complete else "partial") if end and end.keep else "nothing",
            finish_reason=end.finish_reason if end else "shutdown",
            failure_class=end.failure_class if end else FailureClass.KILLED,
            problem=end.problem if end else "told to stop; what is finished waits for the next crawl of the store",
            store_verified=verified,
            rows=sum(record.rows for record in self._records) if is_of_products else self._rows,
            expected_rows=sum(expected.values()) if expected else None,
            categories=self._categories(),
            field_coverage=self._coverage() if is_of_products else {},
            figures={name: count for name, count in figures.items() if count},
            doubts=self._doubts(verified) if is_of_products else [],
            files=[path.name for path in end.files] if end else [],
        )
        report.findings = findings(report, self._chain)
        return report

    def _doubts(self, verified: bool | None) -> list[str]:
        if verified or not self._records:
            return []
        suspicion = [self._chain.store_doubt] if self._chain.store_doubt else []
        return suspicion if verified is False else [UNVERIFIED, *suspicion]

    def _categories(self) -> list[CategoryFigures]:
        expected = self._start.expected_rows
        seen = [
            CategoryFigures(
                category=record.category,
                rows=record.rows - record.guests,  # as what is expected was counted
                expected_rows=expected.get(record.category),
                complete=record.complete,
                problem=record.problem,
            )
            for record in self._records
        ]
        missing = expected.keys() - {record.category for record in self._records}
        return seen + [
            CategoryFigures(category=name, rows=0, expected_rows=expected[name], complete=False, problem=None)
            for name in sorted(missing)
        ]

    def _coverage(self) -> dict[str, float]:
        return {name: round(count / self._rows, 4) for name, count in self._filled.items()} if self._rows else {}

    def _figures(self) -> dict[str, int]:
        stats = self._stats.get_stats()
        return {name: value for name, value in stats.items() if name.startswith(FIGURES) and isinstance(value, int)}


def write_report(folder: Path, report: CrawlReport, keep_days: float) -> Path:
    """Write a report below ``folder`` as a whole or not at all, and remove those that are older than ``keep_days``."""
    folder.mkdir(parents=True, exist_ok=True)
    subject = (report.store_id or report.kind).replace(":", "-")
    path = folder / f"{report.company}_{subject}_{report.started_at.astimezone(UTC):{STAMP}}.json"
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    part.replace(path)
    oldest = report.finished_at - timedelta(days=keep_days)
    for other in folder.glob("*.json"):
        if (at := _instant(other)) is not None and at < oldest:
            other.unlink(missing_ok=True)
    return path


def _instant(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.stem.rpartition("_")[2], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
