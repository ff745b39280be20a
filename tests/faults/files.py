"""What the scraper host has to send: whole crawls, and files that somebody will refuse."""

import gzip
import hashlib
import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord
from tests.faults.processes import NOW
from tests.faults.steps import Load

STORES = 5
ARTICLES = 60
EVERY = timedelta(minutes=10)
# Of a line's description, so that a file is one packet or many pieces. Each is said once: details that are open, or
# that come back in an earlier form, depend on the order of arrival (docs/data-model.md).
NOISE_BYTES = (20, 20, 40, 2000)


@dataclass(frozen=True)
class Sent:
    """One file: ``name`` is that of the compressed one."""

    load: Load
    name: str
    crawl_id: str
    content: bytes  # compressed

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def put(self, outbox: Path) -> None:
        """Lay it into the outbox as the spiders do, or as somebody who has only the plain file."""
        if self.load == "plain":
            partial = outbox / f"{self.name}.tmp"
            partial.write_bytes(gzip.decompress(self.content))
            partial.rename(outbox / self.name.removesuffix(".gz"))
            return
        (outbox / self.name).write_bytes(self.content)


def make(number: int, load: Load, rng: random.Random) -> list[Sent]:
    """Make crawl ``number``; a twin brings its crawl a second time, in other bytes."""
    store = f"G{101 + rng.randrange(STORES)}"
    begin = NOW - timedelta(days=60) + number * EVERY
    noise = rng.choice(NOISE_BYTES)
    lines = [
        encode_line(
            ProductRecord(
                sku=f"a{article}",
                name=f"Article {article}",
                category_path=["A"],
                price_cents=rng.randrange(100, 900),
                description=rng.randbytes(noise // 2).hex(),
            )
        )
        for article in sorted(rng.sample(range(ARTICLES), ARTICLES - rng.randrange(10)))
    ]
    rows, end = len(lines), begin + timedelta(minutes=5)
    closing = CrawlRecord(
        crawl_id=f"aldi-{store.lower()}-{number:05}",
        spider="aldi",
        company="nobody" if load == "unknown" else "aldi",
        store_id=store,
        started_at=begin,
        finished_at=end,
        rows=rows + 1 if load == "untrue" else rows,
        complete=True,
        store_verified=True,
        categories=[CategoryRecord(category="A", rows=rows, complete=True, observed_from=begin, observed_to=end)],
    )
    text = b"".join([*lines, encode_line(closing)])
    half = len(text) // 2
    content = {
        "plain": gzip.compress(text, 6, mtime=0),
        "twin": gzip.compress(text[:half], 6, mtime=0) + gzip.compress(text[half:], 6, mtime=0),
    }.get(load, gzip.compress(text, rng.choice((1, 6, 9)), mtime=0))
    made = [Sent(load, f"{closing.crawl_id}.jsonl.gz", closing.crawl_id, content)]
    if load == "twin":
        made.append(Sent(load, f"{closing.crawl_id}-again.jsonl.gz", closing.crawl_id, gzip.compress(text, 9, mtime=0)))
    return made
