"""The three processes of a file's way, each of its own: a server, a scraper host's upload, an ingestion worker."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from splitcart.config import Settings
from splitcart.database import create_engine
from splitcart.ingest import CrawlIngester
from splitcart.ingest.updates import update_products
from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.transfer import Client, upload_outbox
from tests.children import children
from tests.faults.steps import Step, die_at

KEY = "sc_secret-key"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SILENCE_SECONDS = 0.3  # of a body, before the server gives it up
CLIENT_SECONDS = 0.8  # for an answer, before the client does
ATTEMPTS = 3
MANY = "1000000/minute"  # damaged keys are no guesses here


@dataclass(frozen=True)
class Place:
    """What the processes share."""

    host_dir: Path  # of the scraper host
    server_dir: Path
    database_url: str
    log: Path


def clock() -> datetime:
    return NOW


def start(work: Callable[..., None], place: Place, *given: Any, step: Step | None, times: int) -> BaseProcess:
    """Start ``work`` (serve, send, take) in a process that dies at ``step``, if there is one."""
    process = children.Process(target=_run, args=(work, place, given, step, times), daemon=True)
    process.start()
    return process


def _run(work: Callable[..., None], place: Place, given: tuple[Any, ...], step: Step | None, times: int) -> None:
    logging.basicConfig(filename=place.log, level=logging.WARNING, force=True)
    if step is not None:
        die_at(step, times)
    try:
        work(place, *given)
    except Exception:
        logging.getLogger(__name__).exception("%s failed", work.__name__)
        raise


def serve(place: Place, port: int) -> None:
    """Answer until killed."""
    settings = Settings(
        data_dir=place.server_dir, api_secret_key=KEY, rate_internal=MANY, rate_anon=MANY, rate_failed=MANY
    )
    app = create_app(settings, create_engine(place.database_url), clock, limits=Limits(silence_seconds=SILENCE_SECONDS))
    with BackgroundServer(app, port=port):
        threading.Event().wait()


def send(place: Place, url: str, seed: int) -> None:
    """Send what waits in the outbox once."""
    client = Client(
        url,
        KEY,
        attempts=ATTEMPTS,
        timeout=(CLIENT_SECONDS, CLIENT_SECONDS),
        rng=random.Random(seed),
        sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
    )
    with client:
        upload_outbox(place.host_dir, ["products"], client, clock, keep_days=365)


def take(place: Place) -> None:
    """Take in what waits in the inbox once."""
    update_products(CrawlIngester(create_engine(place.database_url), place.server_dir, clock))
