"""One product file, one transaction: the crawl of one store becomes prices, history, coverage and a crawl row."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from grouping.audit import audit_crawl
from grouping.candidates import stamp_candidates
from grouping.memberships import refresh_store_categories
from grouping.news import take_ambassador_news
from splitcart.config import Chain, get_chain
from splitcart.database import transaction
from splitcart.database.locks import lock_company
from splitcart.database.models import Coverage, Crawl, Price, PriceHistory, Store, StoreCategory
from splitcart.database.retention import retire_store
from splitcart.errors import InputError
from splitcart.ingest import facts
from splitcart.ingest.catalogue import Catalogue, CatalogueCounts
from splitcart.ingest.companies import chain_of, ensure_company, lock_store
from splitcart.ingest.crawl_rows import check_times, cover, crawl_row, has_later_crawl, is_stored
from splitcart.ingest.errors import KeptFileError, refusing_what_no_column_holds
from splitcart.ingest.keeping import keep_file, write_quarantine
from splitcart.ingest.reading import ParsedCrawl, read_crawl
from splitcart.ingest.shelf_lines import ShelfLines
from splitcart.measures.clock import Clock

Status = Literal["ingested", "duplicate"]
TRIES = 4
COLLISIONS = frozenset({"40P01", "40001", "23505"})  # PostgreSQL: deadlock, serialization failure, taken unique key


@dataclass(slots=True)
class IngestedCrawl:
    """What became of one product file.

    ``whole``: the crawl saw all that it was to see. ``late``: it was older than what was stored, so the store's rows
    were rebuilt. ``counts`` are those of facts.merge and of the catalogue.
    """

    file: str
    status: Status
    crawl_id: str
    company: str
    store_id: str
    rows: int = 0
    quarantined: int = 0
    complete_categories: int = 0
    categories: int = 0
    whole: bool = False
    late: bool = False
    counts: dict[str, int] = field(default_factory=dict)


class CrawlIngester:
    """Takes product files into one database; remembers ``lines``, and each company's catalogue, between files."""

    def __init__(self, engine: sa.Engine, data_dir: Path, clock: Clock, lines: ShelfLines | None = None) -> None:
        self.engine = engine
        self.data_dir = data_dir
        self.clock = clock
        self._lines = lines or ShelfLines()
        self._catalogues: dict[str, Catalogue] = {}

    def ingest(self, path: Path) -> IngestedCrawl:
        """Take in one file; raise RefusedFileError or CrawlFileError, and store nothing, if it cannot be taken.

        The file itself stays where it is; a copy is kept below ``ingested/``. A crawl that is known already changes
        nothing. One that is older than what is stored has the store's rows rebuilt in observed order.
        """
        parsed = read_crawl(path, self._lines)
        check_times(path, parsed, self.clock())
        chain = chain_of(path, parsed.closing)
        with path.open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
        for attempt in Retrying(retry=retry_if_exception(_is_collision), stop=stop_after_attempt(TRIES), reraise=True):
            with attempt, refusing_what_no_column_holds(path):
                result = self._try(chain, parsed, path, sha256)
        return result

    def _try(self, chain: Chain, parsed: ParsedCrawl, path: Path, sha256: str) -> IngestedCrawl:
        try:
            with transaction(self.engine) as session:
                return self._ingest(session, chain, parsed, path, sha256)
        except BaseException:
            self._catalogues.pop(chain.slug, None)  # it may remember rows that were rolled back
            raise

    def rebuild(self, company: str, store_id: str) -> int:
        """Rebuild one store's rows from its kept files, in one transaction; return how many crawls were replayed."""
        chain = get_chain(company)
        with transaction(self.engine) as session:
            row = ensure_company(session, chain)
            lock_company(session, row.id, alone=False)
            store = lock_store(session, chain, row, store_id)
            return self._rebuild(session, chain, store, self._catalogue(session, chain, row.id))

    def _catalogue(self, session: Session, chain: Chain, company_id: int) -> Catalogue:
        if chain.slug not in self._catalogues:
            self._catalogues[chain.slug] = Catalogue(session, company_id)
        return self._catalogues[chain.slug]

    def _ingest(self, session: Session, chain: Chain, parsed: ParsedCrawl, path: Path, sha256: str) -> IngestedCrawl:
        closing = parsed.closing
        company = ensure_company(session, chain)
        lock_company(session, company.id, alone=False)
        store = lock_store(session, chain, company, closing.store_id or "")
        result = IngestedCrawl(path.name, "ingested", closing.crawl_id, chain.slug, store.store_id, len(parsed.rows))
        if is_stored(session, path, closing, company.id, store.id):
            result.status = "duplicate"
            return result
        catalogue = self._catalogue(session, chain, company.id)
        catalogue.prepare(session, parsed)
        found = catalogue.take_in(session, parsed.rows, parsed.observed_from, parsed.observed_to)
        crawl = crawl_row(parsed, company.id, store.id, sha256, self.clock())
        session.add(crawl)
        session.flush()
        result.late = has_later_crawl(session, crawl)
        if result.late:
            keep_file(path, self.data_dir, crawl.file)
            self._rebuild(session, chain, store, catalogue)
            counts = dict(crawl.counts)
        else:
            with ThreadPoolExecutor(1) as beside:  # the disk and the database need not wait for each other
                kept = beside.submit(keep_file, path, self.data_dir, crawl.file)
                counts = self._merge_newest(session, chain, store, crawl, parsed, catalogue)
            kept.result()
        _finish(session, store, crawl, result, parsed, counts, found)
        write_quarantine(self.data_dir, crawl.file, parsed.quarantined)
        return result

    def _merge_newest(
        self, session: Session, chain: Chain, store: Store, crawl: Crawl, parsed: ParsedCrawl, catalogue: Catalogue
    ) -> dict[str, int]:
        """Merge the newest crawl of a store: audit first, then the facts, then what its group makes of them."""
        before = sa.select(StoreCategory.category_id, StoreCategory.covered_at).where(
            StoreCategory.store_id == store.id
        )
        seen_before = dict(session.execute(before).all())
        complete = cover(session, chain, store, crawl, parsed, catalogue)
        observed = partial(_observed, parsed, catalogue)
        audit_crawl(session, store.id, crawl.id, observed, complete, crawl.observed_to)
        counts = facts.merge(session, store.id, crawl.id, parsed, catalogue)
        refresh_store_categories(session, [store.id])
        changes = partial(facts.merged_changes, session, crawl.id)
        counts["list_news"] = take_ambassador_news(session, chain, store, crawl, changes, seen_before)
        stamp_candidates(session, store.id, crawl.id, complete, self.clock())
        return counts

    def _rebuild(self, session: Session, chain: Chain, store: Store, catalogue: Catalogue) -> int:
        for model in (Coverage, Price, PriceHistory):
            session.execute(sa.delete(model).where(model.store_id == store.id))
        crawls = session.scalars(
            sa.select(Crawl)
            .where(Crawl.store_id == store.id)
            .order_by(Crawl.observed_from, Crawl.observed_to, Crawl.crawl_id)
        ).all()
        for crawl in crawls:
            parsed = _read_kept(self.data_dir / crawl.file, self._lines)
            catalogue.prepare(session, parsed)
            catalogue.take_in(session, parsed.rows, parsed.observed_from, parsed.observed_to)
            cover(session, chain, store, crawl, parsed, catalogue)
            crawl.counts = {**crawl.counts, **facts.merge(session, store.id, crawl.id, parsed, catalogue)}
        retire_store(session, store.id)
        refresh_store_categories(session, [store.id])
        return len(crawls)


def _observed(parsed: ParsedCrawl, catalogue: Catalogue) -> dict[int, int | None]:
    prices: dict[int, int | None] = {catalogue.skus[row.sku].id: row.price_cents for row in parsed.rows}
    return prices | {catalogue.skus[code].id: None for code in parsed.gaps if code in catalogue.skus}


def _read_kept(path: Path, lines: ShelfLines) -> ParsedCrawl:
    try:
        return read_crawl(path, lines)
    except (InputError, OSError) as error:
        raise KeptFileError(
            f"{path}: this kept file is needed to put the store's crawls in order, and cannot be read ({error});"
            " restore it from a backup"
        ) from error


def _is_collision(error: BaseException) -> bool:
    """Two workers wanted the same rows at the same time and the database sent one of them back to start again."""
    return isinstance(error, sa.exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in COLLISIONS


def _finish(
    session: Session,
    store: Store,
    crawl: Crawl,
    result: IngestedCrawl,
    parsed: ParsedCrawl,
    counts: dict[str, int],
    found: CatalogueCounts,
) -> None:
    crawl.counts = counts | asdict(found) | {"quarantined": len(parsed.quarantined), "duplicates": parsed.duplicates}
    store.last_scraped_at = max(store.last_scraped_at or crawl.observed_to, crawl.observed_to)
    result.counts = crawl.counts
    result.quarantined = len(parsed.quarantined)
    result.categories = len(crawl.scope)
    result.complete_categories = sum(entry["complete"] for entry in crawl.scope)
    completed = {entry["category"] for entry in crawl.scope if entry["complete"]}
    asked = parsed.closing.asked
    all_of_it = crawl.complete if asked is None else completed.issuperset(asked)
    result.whole = all_of_it and result.complete_categories == result.categories
    session.flush()


def summed(results: Iterable[IngestedCrawl]) -> dict[str, Any]:
    """Add up what a batch of files changed."""
    totals: dict[str, Any] = {"files": 0, "duplicate_files": 0, "rows": 0}
    for result in results:
        totals["files"] += 1
        totals["duplicate_files"] += result.status == "duplicate"
        totals["rows"] += result.rows
        for name, count in result.counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals
