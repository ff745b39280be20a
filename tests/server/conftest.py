"""A real server on loopback, and what one sends to it."""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from splitcart.config import Settings
from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CrawlRecord, ProductRecord

KEY = "sc_secret-key"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def fixed_clock() -> datetime:
    return NOON


def crawl_file(rows: int = 3, level: int = 6, **changes) -> bytes:
    """A whole file with so many products; keywords change its closing line."""
    lines = [
        encode_line(ProductRecord(sku=str(number), name="Milk", category_path=["Dairy"], price_cents=100 + number))
        for number in range(rows)
    ]
    closing = CrawlRecord(
        crawl_id="aldi-g102-20261120T110000Z-3f9a1c",
        spider="aldi",
        company="aldi",
        store_id="G102",
        started_at=NOON - timedelta(hours=1),
        finished_at=NOON,
        rows=rows,
        complete=True,
    )
    return gzip.compress(b"".join([*lines, encode_line(replace(closing, **changes))]), level, mtime=0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", api_secret_key=KEY)


@pytest.fixture
def server(settings, engine) -> Iterator[BackgroundServer]:
    limits = Limits(max_bytes=2_000_000, max_inflated_bytes=8_000_000, max_ratio=200, silence_seconds=5)
    with BackgroundServer(create_app(settings, engine, fixed_clock, limits=limits)) as running:
        yield running


@pytest.fixture
def inbox(settings) -> Callable[[], list[Path]]:
    """Everything that lies in the inboxes or arrives, by name."""

    def look() -> list[Path]:
        folders = ("product_inbox", "store_inbox", "state/arriving")
        return sorted(path for folder in folders for path in settings.data_dir.glob(f"{folder}/*"))

    return look


@pytest.fixture
def send(server) -> Iterator[Callable[..., requests.Response]]:
    """POST a body to an upload endpoint with all headers right but those given (None: left out)."""
    with requests.Session() as session:

        def post(body: bytes, kind: str = "products", **headers) -> requests.Response:
            right = {
                "X-API-Key": KEY,
                "X-Content-SHA256": hashlib.sha256(body).hexdigest(),
                "Content-Type": "application/gzip",
            }
            changed = {name.replace("_", "-"): value for name, value in headers.items()}
            return session.post(f"{server.url}/api/upload/{kind}/", data=body, headers=right | changed, timeout=20)

        yield post
