"""From a crawl file to rows that may be stored: validation, quarantine, one row per sku."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from splitcart.ingest.errors import RefusedFileError
from splitcart.ingest.shelf_lines import ShelfLines, ShelfRow, category_name
from splitcart.transfer.crawl_file import BadLine, read_runs
from splitcart.transfer.lines import KEYS
from splitcart.transfer.records import CategoryRecord, CrawlRecord, FailureClass, StoreRecord

MAX_BAD_SHARE = 0.05
MAX_LINES, MAX_CATEGORIES = 500_000, 1_000  # no store has a tenth of these
MAX_STORE_LENGTHS = {"store_id": 40, "name": 255, "division": 120, "address": 255, "suburb": 120, "phone": 40}
MAX_STORE_LENGTHS |= {"retailer_store_id": 40}
MAX_CLOSING_LENGTHS = {"spider": 60, "host": 255, "finish_reason": 60}
MAX_CATEGORY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that is not stored, and why."""

    number: int
    reason: str
    line: str


@dataclass(slots=True)
class ParsedCrawl:
    """One store crawl, read and checked.

    ``rows`` holds one row per sku; ``gaps`` the skus that were seen but whose offer
    cannot be used. ``categories`` are the root categories by name, made incomplete where a line could not be
    attributed.
    """

    closing: CrawlRecord
    rows: list[ShelfRow] = field(default_factory=list)
    gaps: set[str] = field(default_factory=set)
    categories: dict[str, CategoryRecord] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    duplicates: int = 0

    @property
    def observed_from(self) -> datetime:
        """The earliest instant of its categories."""
        return min((category.observed_from for category in self.categories.values()), default=self.closing.started_at)

    @property
    def observed_to(self) -> datetime:
        """The latest instant of its categories."""
        return max((category.observed_to for category in self.categories.values()), default=self.closing.finished_at)

    def rows_by_root(self) -> Counter[str]:
        """Count the rows that each root category showed."""
        return Counter([row.root for row in self.rows])


def read_crawl(path: Path, lines: ShelfLines | None = None) -> ParsedCrawl:
    """Read a product file, with what ``lines`` remembers of earlier ones.

    Raises CrawlFileError for a file that is not whole, RefusedFileError for one that is whole but cannot be taken: no
    store, answered for another store, more than 5 % bad lines, or a closing line that no database holds.
    """
    closing: CrawlRecord | None = None
    runs: list[tuple[int, list[ShelfRow]]] = []
    bad: list[BadLine] = []
    total = 0
    for first, records in read_runs(path, (lines or ShelfLines()).read):
        record = records[0]
        if isinstance(record, ShelfRow):
            runs.append((first, cast("list[ShelfRow]", records)))
            total += len(records)
        elif isinstance(record, BadLine):
            bad.append(record)
            total += 1
        elif isinstance(record, CrawlRecord):
            closing = record
        else:
            raise RefusedFileError(
                f"{path.name}: line {first} is a {KEYS[type(record)]}, expected products of one store"
            )
        _check_size(path, total, bad)
    if closing is None or closing.store_id is None:
        raise RefusedFileError(f"{path.name}: names no store; expected the crawl of one store")
    if closing.store_verified is False or closing.failure_class is FailureClass.WRONG_STORE:
        raise RefusedFileError(
            f"{path.name}: the site answered for another store than {closing.store_id}; crawl it again"
        )
    check_closing(path, closing)
    parsed = ParsedCrawl(closing, categories=_categories(path, closing))
    _sort_out(parsed, runs, bad)
    if len(parsed.quarantined) > MAX_BAD_SHARE * total:
        worst = parsed.quarantined[0]
        raise RefusedFileError(
            f"{path.name}: {len(parsed.quarantined)} of {total} lines are bad (line {worst.number}: {worst.reason});"
            f" at most {MAX_BAD_SHARE:.0%} may be"
        )
    return parsed


def _check_size(path: Path, total: int, bad: list[BadLine]) -> None:
    """Stop reading what cannot be the crawl of a store, before it fills the memory."""
    if total > MAX_LINES:
        raise RefusedFileError(f"{path.name}: has more than {MAX_LINES:,} lines; expected the crawl of one store")
    if len(bad) > MAX_BAD_SHARE * MAX_LINES:
        raise RefusedFileError(
            f"{path.name}: {len(bad):,} of its first {total:,} lines are bad (line {bad[0].number}: {bad[0].reason});"
            f" at most {MAX_BAD_SHARE:.0%} may be"
        )


def check_closing(path: Path, closing: CrawlRecord) -> None:
    """Raise RefusedFileError where a text of the closing line is longer than what is stored of it."""
    for name, limit in MAX_CLOSING_LENGTHS.items():
        if problem := _text_problem(name, getattr(closing, name), limit):
            raise RefusedFileError(f"{path.name}: closing line: {problem}")


def store_problem(record: StoreRecord) -> str | None:
    """Say what of a store record no database holds; None when all of it can be stored."""
    for name, limit in MAX_STORE_LENGTHS.items():
        if problem := _text_problem(name, getattr(record, name), limit):
            return problem
    return None


def _text_problem(name: str, text: str | None, limit: int) -> str | None:
    if text and len(text) > limit:
        return f"{name} is longer than {limit} characters"
    return f"{name} holds a NUL character" if text and "\0" in text else None


def _categories(path: Path, closing: CrawlRecord) -> dict[str, CategoryRecord]:
    """Root categories by the name that is kept; two records of one category count as one."""
    found: dict[str, CategoryRecord] = {}
    if len(closing.categories) > MAX_CATEGORIES:
        raise RefusedFileError(
            f"{path.name}: closing line: {len(closing.categories):,} root categories; expected at most"
            f" {MAX_CATEGORIES:,}"
        )
    for record in closing.categories:
        name = category_name(record.category)
        problem = _text_problem("its name", name, MAX_CATEGORY_LENGTH)
        if problem or not name:
            raise RefusedFileError(
                f"{path.name}: closing line: category {record.category[:40]!r}: {problem or 'it has no name'}"
            )
        before = found.get(name)
        if before is not None:
            record.complete = record.complete and before.complete
            record.problem = before.problem or record.problem
            record.observed_from = min(record.observed_from, before.observed_from)
            record.observed_to = max(record.observed_to, before.observed_to)
            record.guests += before.guests
        record.category = name
        found[name] = record
    return found


def _sort_out(parsed: ParsedCrawl, runs: Iterable[tuple[int, Sequence[ShelfRow]]], bad: Iterable[BadLine]) -> None:
    good: list[ShelfRow] = []
    for first, rows in runs:
        false = [(number, row) for number, row in enumerate(rows, start=first) if row.problem is not None]
        for number, row in false:
            parsed.quarantined.append(Quarantined(number, row.problem or "", repr(row.product())))
            parsed.gaps.add(row.sku)
        good += [row for row in rows if row.problem is None] if false else rows
    seen = {row.sku for row in good}
    if len(seen) < len(good):
        by_sku: dict[str, ShelfRow] = {}
        for row in good:
            by_sku.setdefault(row.sku, row)
        parsed.duplicates = len(good) - len(by_sku)
        good = list(by_sku.values())
    parsed.rows = good
    for root in {row.root for row in good}:
        _ensure_category(parsed, root)
    for line in bad:
        parsed.quarantined.append(Quarantined(line.number, line.reason, line.text))
        if line.sku is not None:
            parsed.gaps.add(line.sku)
        else:
            _mark_incomplete(parsed, category_name(line.category or ""), f"line {line.number} cannot be read")
    parsed.gaps -= seen


def _ensure_category(parsed: ParsedCrawl, name: str) -> None:
    """A root that the closing line does not list was not crawled as such: it is not complete."""
    if name not in parsed.categories:
        closing = parsed.closing
        parsed.categories[name] = CategoryRecord(
            category=name,
            rows=0,
            complete=False,
            observed_from=closing.started_at,
            observed_to=closing.finished_at,
            problem="not listed in the crawl's closing line",
        )


def _mark_incomplete(parsed: ParsedCrawl, name: str, problem: str) -> None:
    """The category that lost a line is not complete; where that is not known, none is."""
    lost = [parsed.categories[name]] if name in parsed.categories else parsed.categories.values()
    for category in lost:
        category.complete, category.problem = False, problem
