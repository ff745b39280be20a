"""Small crawl files for tests: rows in, a file in the project's own format out."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from splitcart.ingest.shelf_lines import ShelfLines, ShelfRow
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord


def product(sku: str, root: str, price_cents: int | None, **details: Any) -> ProductRecord:
    path = details.pop("path", [root, f"{root} leaf"])
    return ProductRecord(
        **{"sku": sku, "name": f"Article {sku}", "category_path": path, "price_cents": price_cents, **details}
    )


def shelf_row(record: ProductRecord) -> ShelfRow:
    """Return a record's line as the ingestion reads it."""
    rows = ShelfLines().read([encode_line(record)])
    assert rows is not None
    return rows[0]


def category(name: str, begin: datetime, rows: int = 0, *, complete: bool = True, minutes: int = 1) -> CategoryRecord:
    return CategoryRecord(
        category=name, rows=rows, complete=complete, observed_from=begin, observed_to=begin + timedelta(minutes=minutes)
    )


def write_crawl(
    folder: Path,
    products: Sequence[ProductRecord | bytes],
    categories: list[CategoryRecord],
    **closing: Any,
) -> Path:
    """Write one crawl file and return its path; the crawl id names it. Bytes are lines as they are."""
    begin = min((entry.observed_from for entry in categories), default=closing.get("started_at"))
    end = max((entry.observed_to for entry in categories), default=begin)
    store_id = closing.pop("store_id", "G101")
    facts: Mapping[str, Any] = {
        "crawl_id": f"aldi-{store_id.lower()}-{begin:%Y%m%dT%H%M%SZ}-000000",
        "spider": "aldi",
        "company": "aldi",
        "started_at": begin,
        "finished_at": end,
        "rows": len(products),
        "complete": all(entry.complete for entry in categories),
        "store_verified": True,
        **closing,
    }
    record = CrawlRecord(**facts, store_id=store_id, categories=categories)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.crawl_id}.jsonl.gz"
    lines = (line if isinstance(line, bytes) else encode_line(line) for line in (*products, record))
    path.write_bytes(gzip.compress(b"".join(lines), mtime=0))
    return path
