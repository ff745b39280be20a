"""Random crawls of a few stores: whole, partial, at the same time, with bad lines, known twice."""

import gzip
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from stdnum import ean

from splitcart.transfer.records import ProductRecord
from tests.ingest.crawl_files import category, product, write_crawl

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = FIRST + timedelta(days=9)
STORES = [("aldi", "G101"), ("aldi", "G102"), ("woolworths", "1147")]
ROOTS = ("A", "B")
SHELF = 24  # enough for one bad line, and for a short category to be told from a small one
TOLD_ANEW_AFTER = timedelta(days=3)  # what the site says of an article changes once, for all stores
BAD_LINES = (
    b'{"product": {"sku": "a1", "name": 5}}\n',
    b'{"product": {"name": "no sku", "category_path": ["A"], "price_cents": 5}}\n',
    b'{"product": {"sku": "b2", "name": "Article b2", "category_path": ["B"], "price_cents": -5}}\n',
    b'{"product": \n',
)


@dataclass(frozen=True)
class Visit:
    """One crawl of one store: what it showed, which roots it says to have seen completely."""

    number: int
    store: tuple[str, str]
    at: datetime
    seed: int
    missing: frozenset[int]
    short: bool
    partial: frozenset[str]
    gaps: frozenset[int]
    odd_price: int | None
    bad_line: bytes | None
    sent_twice: bool
    prices: tuple[int, ...]

    def write(self, folder: Path) -> list[Path]:
        """Write its file, or two of other bytes when it was sent twice; return their paths."""
        company, store_id = self.store
        lines: list[ProductRecord | bytes] = [*self._products()]
        if self.bad_line:
            lines.insert(self.seed % (len(lines) + 1), self.bad_line)
        path = write_crawl(
            folder,
            lines,
            [category(root, self.at, complete=root not in self.partial, minutes=20) for root in ROOTS],
            company=company,
            spider=company,
            store_id=store_id,
            crawl_id=f"{company}-{store_id.lower()}-{self.number:03}",
        )
        if not self.sent_twice:
            return [path]
        copy = folder / f"again-{path.name}"
        copy.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=0))
        return [path, copy]

    def _products(self) -> list[ProductRecord]:
        return [
            product(f"{root.lower()}{number}", root, self._price(number), **self._details(root, number))
            for root in ROOTS
            for number in range(SHELF)
            if number not in self.missing and not (self.short and root == "A" and number % 2)
        ]

    def _price(self, number: int) -> int | None:
        if number in self.gaps:
            return None
        if number == self.odd_price:
            return 100_000
        return 100 + number + (self.prices[number % len(self.prices)] if self.prices else 0)

    def _details(self, root: str, number: int) -> dict[str, Any]:
        barcode = f"931{ord(root)}{number:07}" if number % 3 == 0 else None
        return {
            "name": f"Article {root}{number} 500g",
            "brand": f"Brand {number % 5}",
            "barcode": barcode and barcode + ean.calc_check_digit(barcode),
            "barcode_is_local": barcode and False,
            "description": "Told anew" if self.at - FIRST > TOLD_ANEW_AFTER else "Told",
            "was_cents": 300 if number % 4 == 0 and self.seed % 2 else None,
            "available": self.seed % 3 > 0,
        }


def many_visits(count: int, seed: int) -> list[Visit]:
    """The same crawls for the same seed, in no order."""
    draws = random.Random(seed)
    return [
        Visit(
            number,
            draws.choice(STORES),
            FIRST + timedelta(hours=draws.randrange(0, 120, 4)),
            draws.randrange(6),
            frozenset(draws.sample(range(SHELF), draws.randrange(3))),
            draws.random() < 0.2,
            frozenset(draws.sample(ROOTS, draws.randrange(2))),
            frozenset(draws.sample(range(SHELF), draws.randrange(3))),
            draws.choice((None, draws.randrange(SHELF))),
            draws.choice((None, *BAD_LINES)),
            draws.random() < 0.2,
            tuple(draws.randrange(3) for _ in range(3)),
        )
        for number in range(count)
    ]


numbers = st.integers(0, SHELF - 1)


@st.composite
def visits(draw: st.DrawFn, stores: int = len(STORES), most: int = 7) -> list[Visit]:
    """Crawls in no order; some of one store are hours apart, or of the same instant."""
    return [
        Visit(
            number,
            draw(st.sampled_from(STORES[:stores])),
            FIRST + timedelta(hours=draw(st.sampled_from((0, 0, 1, 3, 5, 24, 48, 50, 72, 96, 120)))),
            draw(st.integers(0, 5)),
            draw(st.frozensets(numbers, max_size=2)),
            draw(st.booleans()) and draw(st.booleans()),
            draw(st.frozensets(st.sampled_from(ROOTS), max_size=1)),
            draw(st.frozensets(numbers, max_size=2)),
            draw(st.none() | numbers),
            draw(st.none() | st.sampled_from(BAD_LINES)),
            draw(st.booleans()) and draw(st.booleans()),
            tuple(draw(st.lists(st.integers(0, 2), max_size=3))),
        )
        for number in range(draw(st.integers(2, most)))
    ]
