"""From a crawl file to rows that may be stored: validation, quarantine, one row per sku."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from splitcart.ingest.errors import RefusedFileError
from splitcart.measures.sizes import total_size
from splitcart.measures.unit_prices import UnitPrice, measures_bought
from splitcart.transfer.crawl_file import BadLine, ProductRow, read_crawl_file
from splitcart.transfer.lines import KEYS
from splitcart.transfer.records import CategoryRecord, CrawlRecord, FailureClass, StoreRecord

MAX_BAD_SHARE = 0.05
MAX_STORE_LENGTHS = {"store_id": 40, "name": 255, "division": 120, "address": 255, "suburb": 120, "phone": 40}
MAX_STORE_LENGTHS |= {"retailer_store_id": 40}
MAX_CLOSING_LENGTHS = {"spider": 60, "host": 255, "finish_reason": 60}
MAX_CATEGORY_LENGTH = 255
MAX_PATH_LENGTH = 1024
# Real rows are up to ten times off where the site prints a wrong measure, and a multipack's size may be that of one.
MAX_UNIT_PRICE_RATIO = 60
USUAL_MEASURES = (0.02, 15.0)  # 20 g to 15 kg: what a price buys; reading a size takes longer than all other checks
WEIGHED_MEASURES = frozenset({"1 kg", "1 l"})
UNCATEGORISED = "Uncategorised"
PATH_SEPARATOR = " > "


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that is not stored, and why."""

    number: int
    reason: str
    line: str


@dataclass(slots=True)
class ParsedCrawl:
    """One store crawl, read and checked.

    ``rows`` holds one row per sku, its category path as it is kept; ``gaps`` the skus that were seen but whose offer
    cannot be used. ``categories`` are the root categories by name, made incomplete where a line could not be
    attributed.
    """

    closing: CrawlRecord
    rows: list[ProductRow] = field(default_factory=list)
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
        """Count the rows of each root category."""
        return Counter([row.category_path[0] for row in self.rows])


def category_name(text: str) -> str:
    """Return a category's name as it is kept: single spaces, and no character that separates the names of a path."""
    return " ".join(text.replace(PATH_SEPARATOR.strip(), " ").split())


def read_crawl(path: Path) -> ParsedCrawl:
    """Read a product file.

    Raises CrawlFileError for a file that is not whole, RefusedFileError for one that is whole but cannot be taken: no
    store, answered for another store, more than 5 % bad lines, or a closing line that no database holds.
    """
    closing: CrawlRecord | None = None
    rows: list[tuple[int, ProductRow]] = []
    bad: list[BadLine] = []
    for number, record in read_crawl_file(path):
        if isinstance(record, ProductRow):
            rows.append((number, record))
        elif isinstance(record, BadLine):
            bad.append(record)
        elif isinstance(record, CrawlRecord):
            closing = record
        else:
            raise RefusedFileError(
                f"{path.name}: line {number} is a {KEYS[type(record)]}, expected products of one store"
            )
    if closing is None or closing.store_id is None:
        raise RefusedFileError(f"{path.name}: names no store; expected the crawl of one store")
    if closing.store_verified is False or closing.failure_class is FailureClass.WRONG_STORE:
        raise RefusedFileError(
            f"{path.name}: the site answered for another store than {closing.store_id}; crawl it again"
        )
    check_closing(path, closing)
    parsed = ParsedCrawl(closing, categories=_categories(path, closing))
    _sort_out(parsed, rows, bad)
    total = len(rows) + len(bad)
    if len(parsed.quarantined) > MAX_BAD_SHARE * total:
        first = parsed.quarantined[0]
        raise RefusedFileError(
            f"{path.name}: {len(parsed.quarantined)} of {total} lines are bad (line {first.number}: {first.reason});"
            f" at most {MAX_BAD_SHARE:.0%} may be"
        )
    return parsed


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
        record.category = name
        found[name] = record
    return found


def _sort_out(parsed: ParsedCrawl, rows: Iterable[tuple[int, ProductRow]], bad: Iterable[BadLine]) -> None:
    seen: set[str] = set()
    paths: dict[tuple[str, ...], tuple[tuple[str, ...], str | None]] = {}  # as written → as kept, and what is wrong
    for number, row in rows:
        if (found := paths.get(row.category_path)) is None:
            path = tuple(name for text in row.category_path if (name := category_name(text))) or (UNCATEGORISED,)
            found = paths[row.category_path] = (path, _path_problem(path))
        row.category_path, path_problem = found
        if problem := path_problem or _problem(row):
            parsed.quarantined.append(Quarantined(number, problem, repr(row)))
            parsed.gaps.add(row.sku)
        elif row.sku in seen:
            parsed.duplicates += 1
        else:
            seen.add(row.sku)
            parsed.rows.append(row)
    for root in {row.category_path[0] for row in parsed.rows}:
        _ensure_category(parsed, root)
    for line in bad:
        parsed.quarantined.append(Quarantined(line.number, line.reason, line.text))
        if line.sku is not None:
            parsed.gaps.add(line.sku)
        else:
            _mark_incomplete(parsed, category_name(line.category or ""), f"line {line.number} cannot be read")
    parsed.gaps -= seen


def _problem(row: ProductRow) -> str | None:
    if not row.sku.strip() or not row.name.strip():
        return "sku and name must not be empty"
    return _contradiction(row)


def _contradiction(row: ProductRow) -> str | None:
    """A price that its own unit price contradicts beyond any multipack was misread: dollars for cents, say."""
    if row.price_cents is None or row.unit_price_cents is None or row.unit_measure not in WEIGHED_MEASURES:
        return None
    least, most = USUAL_MEASURES
    if least < row.price_cents / row.unit_price_cents < most:
        return None
    unit_price = UnitPrice(row.unit_price_cents, row.unit_measure)
    measures = measures_bought(unit_price, total_size(row.name, row.size))
    if not measures:
        return None
    expected = unit_price.cents * measures
    if row.price_cents < expected * MAX_UNIT_PRICE_RATIO and expected < row.price_cents * MAX_UNIT_PRICE_RATIO:
        return None
    return (
        f"price_cents is {row.price_cents}, {unit_price.cents} per {unit_price.measure} make {expected:.0f} cents of it"
    )


def _path_problem(names: tuple[str, ...]) -> str | None:
    if len(PATH_SEPARATOR.join(names)) > MAX_PATH_LENGTH:
        return f"the category path is longer than {MAX_PATH_LENGTH} characters"
    return None


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
