"""Small store sweeps for tests: stores in, a file in the project's own format out."""

import gzip
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CrawlRecord, StoreRecord


def shop(store_id: str, **facts: Any) -> StoreRecord:
    return StoreRecord(**{"store_id": store_id, "name": f"Shop {store_id}", **facts})


def write_sweep(folder: Path, at: datetime, stores: list[StoreRecord], **closing: Any) -> Path:
    """Write one sweep and return its path; the crawl id names it."""
    facts: dict[str, Any] = {
        "crawl_id": f"aldi-stores-{at:%Y%m%dT%H%M%SZ}-000000",
        "spider": "aldi_stores",
        "company": "aldi",
        "started_at": at,
        "finished_at": at + timedelta(minutes=5),
        "rows": len(stores),
        "complete": True,
        **closing,
    }
    record = CrawlRecord(**facts)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.crawl_id}.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(map(encode_line, [*stores, record])), mtime=0))
    return path
