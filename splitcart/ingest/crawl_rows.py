"""The rows that a crawl leaves of itself: its own, and one for each root category that it saw completely."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.memberships import open_membership
from splitcart.config import Chain
from splitcart.database.models import Category, Coverage, Crawl, Membership, Store
from splitcart.ingest.catalogue import Catalogue
from splitcart.ingest.completeness import judge_categories
from splitcart.ingest.errors import RefusedFileError
from splitcart.ingest.keeping import kept_name
from splitcart.ingest.reading import ParsedCrawl
from splitcart.transfer.records import CrawlRecord

MIN_NEAR_STORES = 3
CRAWLS_BACK = 5  # to look for what a store claimed of a category before: some crawls are of other categories only
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(hours=26)  # a file that knows only its day may be of today, in any time zone


def check_times(path: Path, parsed: ParsedCrawl, now: datetime) -> None:
    """Raise RefusedFileError for times that cannot be.

    A crawl from the future would make every later one late; one from before the web shops is a broken clock.
    """
    begin, end = (
        min(parsed.observed_from, parsed.closing.started_at),
        max(parsed.observed_to, parsed.closing.finished_at),
    )
    backwards = [name for name, window in parsed.categories.items() if window.observed_to < window.observed_from]
    if begin < EARLIEST or end > now + MAX_AHEAD or parsed.closing.finished_at < parsed.closing.started_at or backwards:
        raise RefusedFileError(
            f"{path.name}: says that it was crawled from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, it is"
            f" {now:%Y-%m-%d %H:%M}; check the clock of host {parsed.closing.host or 'unknown'}"
        )


def is_stored(session: Session, path: Path, closing: CrawlRecord, company_id: int, store_id: int | None = None) -> bool:
    """Tell whether a crawl is known already; raise RefusedFileError where its id is that of another one.

    A copy in other bytes (packed anew) is the same crawl.
    """
    columns = (Crawl.company_id, Crawl.store_id, Crawl.started_at, Crawl.finished_at)
    known = session.execute(sa.select(*columns).where(Crawl.crawl_id == closing.crawl_id)).one_or_none()
    if known is None:
        return False
    if tuple(known) != (company_id, store_id, closing.started_at, closing.finished_at):
        raise RefusedFileError(
            f"{path.name}: another crawl is known by the id {closing.crawl_id}, of another store or time; expected an"
            " id that no other crawl has"
        )
    return True


def crawl_row(parsed: ParsedCrawl, company_id: int, store_id: int, sha256: str, now: datetime) -> Crawl:
    """Return the row of a crawl that is to be stored; scope and counts follow."""
    closing = parsed.closing
    return Crawl(
        crawl_id=closing.crawl_id,
        company_id=company_id,
        store_id=store_id,
        spider=closing.spider,
        host=closing.host,
        started_at=closing.started_at,
        finished_at=closing.finished_at,
        observed_from=parsed.observed_from,
        observed_to=parsed.observed_to,
        complete=closing.complete,
        store_verified=closing.store_verified,
        finish_reason=closing.finish_reason,
        failure_class=closing.failure_class,
        scope=[],
        counts={},
        rows=len(parsed.rows),
        sha256=sha256,
        file=kept_name(closing),
        ingested_at=now,
    )


def _order(crawl: type[Crawl] | Crawl) -> sa.Tuple:
    return sa.tuple_(crawl.observed_from, crawl.observed_to, crawl.crawl_id)


def _values(crawl: Crawl) -> sa.Tuple:
    return sa.tuple_(
        sa.literal(crawl.observed_from, Crawl.observed_from.type),
        sa.literal(crawl.observed_to, Crawl.observed_to.type),
        sa.literal(crawl.crawl_id),
    )


def has_later_crawl(session: Session, crawl: Crawl) -> bool:
    """Tell whether a crawl of the same store that was observed later is stored already."""
    later = sa.select(Crawl.id).where(Crawl.store_id == crawl.store_id, _order(Crawl) > _values(crawl))
    return session.scalar(later.limit(1)) is not None


def near_counts(session: Session, chain: Chain, store: Store, crawl: Crawl) -> dict[str, int]:
    """Return the median rows of each root category at stores like this one, by name, for a store without a past.

    Stores like it are those of its group, or of its state when it has none, that covered the category within
    ``current_pricing_hours`` before the crawl; of each the newest counts. Fewer than ``MIN_NEAR_STORES`` tell nothing.
    """
    begin = crawl.observed_from - timedelta(hours=chain.current_pricing_hours)
    rows = session.execute(
        sa.select(Coverage.store_id, Category.name, Coverage.rows)
        .join(Category, Category.id == Coverage.category_id)
        .where(
            Coverage.store_id.in_(_stores_like(session, store)),
            Coverage.observed_to.between(begin, crawl.observed_from),
        )
        .order_by(Coverage.observed_to, Coverage.rows)
    )
    newest = {(store_id, name): count for store_id, name, count in rows}
    counts: dict[str, list[int]] = defaultdict(list)
    for (_, name), count in newest.items():
        counts[name].append(count)
    return {name: int(median(found)) for name, found in counts.items() if len(found) >= MIN_NEAR_STORES}


def _stores_like(session: Session, store: Store) -> sa.Select[int]:
    place = open_membership(session, store.id)
    if place is not None and place.group_id is not None:
        same_group = sa.select(Membership.store_id).where(
            Membership.group_id == place.group_id, Membership.category_id.is_(None), Membership.until.is_(None)
        )
        return same_group.where(Membership.store_id != store.id)
    same_state = sa.and_(Store.company_id == store.company_id, Store.state == store.state, Store.state.is_not(None))
    return sa.select(Store.id).where(same_state, Store.id != store.id)


@cache
def _last_rows() -> sa.Select[str, int]:
    """The rows of each root category, by name, when ``of_store`` was last seen completely in it; made once."""
    of_store = Coverage.store_id == sa.bindparam("of_store", type_=sa.Integer)
    last = (
        sa.select(Coverage.category_id, sa.func.max(Coverage.observed_to).label("observed_to"))
        .where(of_store)
        .group_by(Coverage.category_id)
        .subquery("last")
    )
    newest = sa.and_(Coverage.category_id == last.c.category_id, Coverage.observed_to == last.c.observed_to)
    return (
        sa.select(Category.name, Coverage.rows)
        .join_from(last, Coverage, newest)
        .join(Category, Category.id == Coverage.category_id)
        .join(Crawl, Crawl.id == Coverage.crawl_id)
        .where(of_store)
        .order_by(Crawl.observed_from, Crawl.observed_to, Crawl.crawl_id)
    )


def cover(
    session: Session, chain: Chain, store: Store, crawl: Crawl, parsed: ParsedCrawl, catalogue: Catalogue
) -> set[int]:
    """Judge the crawl's categories, write its scope and coverage rows; return the completed root categories."""
    reference = dict(session.execute(_last_rows(), {"of_store": store.id}).all())
    scopes = session.scalars(
        sa.select(Crawl.scope)
        .where(Crawl.store_id == store.id, _order(Crawl) < _values(crawl))
        .order_by(Crawl.observed_from.desc(), Crawl.observed_to.desc(), Crawl.crawl_id.desc())
        .limit(CRAWLS_BACK)
    ).all()
    names = catalogue.root_names()
    strange = {root_id for root_id, name in names.items() if name not in parsed.categories}
    first_roots = Counter(catalogue.skus[row.sku].root_id for row in parsed.rows) if strange else Counter()
    elsewhere = {names[root_id]: first_roots[root_id] for root_id in strange & first_roots.keys()}
    near = near_counts(session, chain, store, crawl) if parsed.categories.keys() - reference.keys() else {}
    before = {entry["category"]: entry for scope in reversed(scopes) for entry in scope}
    crawl.scope = judge_categories(parsed, chain, reference, list(before.values()), elsewhere, near)
    completed: set[int] = set()
    for entry in crawl.scope:
        if entry["complete"]:
            root_id = catalogue.category(session, (entry["category"],))[1]
            completed.add(root_id)
            session.add(
                Coverage(
                    store_id=store.id,
                    category_id=root_id,
                    crawl_id=crawl.id,
                    observed_from=datetime.fromisoformat(entry["observed_from"]),
                    observed_to=datetime.fromisoformat(entry["observed_to"]),
                    rows=entry["rows"],
                )
            )
    session.flush()
    return completed
