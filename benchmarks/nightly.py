"""A nightly run: 400 new crawls in 200 groups of one chain, on PostgreSQL; and one candidate up to its verdict.

    python -m benchmarks.nightly

200 price lists that differ in an eighth of their prices, four stores each, in twelve root categories. Everything was
crawled and grouped the day before; now two members of each group are crawled. They show 1 % of their list changed, and
0.3 % local clearances. Ingestion is not measured. **Run**: ``run_groups``, all of it. **Candidate**: a new step for
each, nothing at hand but the catalogue of skus; its crawl and those it is measured against are read, and judged.
"""

import argparse
import gzip
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import sqlalchemy as sa

from benchmarks.leases import fresh_database
from grouping.crawl_verdict import judge_crawl
from grouping.references import Step, references
from grouping.run import run_groups
from grouping.snapshots import read_catalogue
from splitcart.config import Chain, get_chain
from splitcart.database import reading, upgrade
from splitcart.database.models import Candidate, Company, StoreGroup
from splitcart.ingest import CrawlIngester
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord
from tests.postgres import postgres_server

COMPANY, ROOTS, MEMBERS, CRAWLED = "aldi", 12, 4, 2
YESTERDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
TODAY = YESTERDAY + timedelta(days=1)

# Price of a sku in a list, in cents: one of eight in each category costs something else than in any other list.
PRICE = "200 + sku * 7 % 900 + CASE WHEN (sku / 12 + grp) % 8 = 0 THEN 10 + grp % 50 ELSE 0 END"
BASELINE = """
INSERT INTO companies (slug, name) VALUES ('{company}', 'ALDI');
INSERT INTO categories (company_id, name, path) SELECT 1, 'Root ' || n, 'Root ' || n FROM generate_series(1,
    {roots}) n;
INSERT INTO skus (company_id, code, name, category_id, root_category_id, details_key, details_seen_at,
    first_seen_at) SELECT 1, n::text, 'Article ' || n, 1 + n % {roots}, 1 + n % {roots}, '', :at, :at FROM
    generate_series(1, {skus}) n;
INSERT INTO stores (company_id, store_id, name, state, is_active)
    SELECT 1, 'G' || lpad(n::text, 3, '0'), 'Store ' || n, 'WA', true FROM generate_series(1, {stores}) n;
INSERT INTO crawls (crawl_id, company_id, store_id, spider, started_at, finished_at, observed_from, observed_to,
    complete, finish_reason, scope, counts, rows, sha256, file, ingested_at) SELECT 'first-' || id, 1, id, 'aldi',
    :at, :at, :at, :at, true, 'finished', '[]', '{{}}', {skus}, '', '', :at FROM stores ORDER BY id;
INSERT INTO store_groups (company_id, name, is_active, status, ambassador_id, last_checked_at, created_at)
    SELECT 1, 'aldi group ' || n, true, 'HEALTHY', 1 + (n - 1) * {members}, :at, :at FROM generate_series(1,
    {groups}) n;
INSERT INTO store_group_memberships (store_id, group_id, since, confirmed_at) SELECT id, 1 + (id - 1) /
    {members}, :at, :at FROM stores;
INSERT INTO ambassador_tenures (group_id, store_id, since) SELECT id, ambassador_id, :at FROM store_groups;
INSERT INTO coverage (crawl_id, category_id, store_id, observed_from, observed_to, rows) SELECT crawls.id,
    categories.id, store_id, :at, :at, 0 FROM crawls, categories;
INSERT INTO store_categories (store_id, category_id, covered_at, crawl_id, group_id) SELECT store_id,
    category_id, :at, crawl_id, 1 + (store_id - 1) / {members} FROM coverage;
INSERT INTO prices (store_id, sku_id, root_category_id, since, listed_since, crawl_id, price_cents) SELECT
    store, sku, 1 + sku % {roots}, :at, :at, store, {price} FROM generate_series(1, {stores}) store, LATERAL (SELECT
    1 + (store - 1) / {members} AS grp) g, generate_series(1, {skus}) sku;
INSERT INTO group_prices (group_id, sku_id, changed_at, listed_from, crawl_id, price_cents) SELECT grp, sku,
    '1970-01-01Z', '1970-01-01Z', 1 + (grp - 1) * {members}, {price} FROM generate_series(1, {groups}) grp,
    generate_series(1, {skus}) sku;
INSERT INTO group_events (company_id, kind, figures, at) VALUES (1, 'run', '{{"newest_crawl": {stores}}}', :at)
"""


@contextmanager
def yesterday(groups: int, skus: int) -> Iterator[sa.Engine]:
    """A database in which all stores were crawled and grouped."""
    sizes = {"company": COMPANY, "roots": ROOTS, "members": MEMBERS, "price": PRICE}
    sizes |= {"groups": str(groups), "skus": str(skus), "stores": str(groups * MEMBERS)}
    with postgres_server({}) as server, fresh_database(server, "nightly") as engine:
        upgrade(engine)
        with engine.begin() as connection:
            for statement in BASELINE.split(";"):
                connection.execute(sa.text(statement.format(**sizes)), {"at": YESTERDAY})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        yield engine


def price_of(group: int, sku: int) -> int:
    """The same price as in the baseline, in cents."""
    other = (sku // 12 + group) % 8 == 0
    return 200 + sku * 7 % 900 + (10 + group % 50 if other else 0)


def crawl_members(engine: sa.Engine, folder: Path, groups: int, skus: int) -> None:
    """Take in today's crawls through the real ingestion."""
    ingester = CrawlIngester(engine, folder, lambda: TODAY + timedelta(hours=2))
    for group in range(1, groups + 1):
        news = set(Random(group).sample(range(1, skus + 1), skus // 100))
        for member in range(CRAWLED):
            store = 2 + member + (group - 1) * MEMBERS
            cleared = set(Random(f"{store}").sample(range(1, skus + 1), 3 * skus // 1000))
            lines = [
                encode_line(
                    ProductRecord(
                        sku=str(sku),
                        name=f"Article {sku}",
                        category_path=[f"Root {1 + sku % ROOTS}"],
                        available=True,
                        price_cents=price_of(group, sku) + 20 * (sku in news) - 30 * (sku in cleared),
                    )
                )
                for sku in range(1, skus + 1)
            ]
            path = folder / f"{store}.jsonl.gz"
            lines.append(encode_line(_closing(f"G{store:03}", skus)))
            path.write_bytes(gzip.compress(b"".join(lines), 1, mtime=0))
            ingester.ingest(path)


def _closing(store_id: str, rows: int) -> CrawlRecord:
    end = TODAY + timedelta(minutes=20)
    names = [f"Root {number}" for number in range(1, ROOTS + 1)]
    scope = [
        CategoryRecord(category=name, rows=rows // ROOTS, complete=True, observed_from=TODAY, observed_to=end)
        for name in names
    ]
    return CrawlRecord(
        crawl_id=f"{COMPANY}-{store_id.lower()}-{TODAY:%Y%m%dT%H%M%SZ}-000000",
        spider=COMPANY,
        company=COMPANY,
        store_id=store_id,
        started_at=TODAY,
        finished_at=end,
        rows=rows,
        complete=True,
        store_verified=True,
        categories=scope,
    )


def verdict_times(engine: sa.Engine, chain: Chain, count: int) -> list[float]:
    """Seconds from the database to the verdict, for each of some candidates; nothing is written."""
    found = []
    with reading(engine) as session:
        company_id = session.scalars(sa.select(Company.id)).one()
        catalogue = read_catalogue(session, company_id)
        waiting = session.execute(sa.select(Candidate.group_id, Candidate.crawl_id).order_by(Candidate.id)).all()
    for group_id, crawl_id in waiting[:count]:
        began = time.perf_counter()
        with reading(engine) as session:
            step = Step(session, chain, company_id, catalogue, TODAY + timedelta(hours=3))
            group = session.get_one(StoreGroup, group_id)
            candidate = step.snapshots.of_crawl(crawl_id)
            moments = references(step, group, candidate.observed_from - step.bracket)
            verdict = judge_crawl(step, group_id, candidate, moments)
        found.append(time.perf_counter() - began)
        if verdict.kind != "confirmed":
            raise RuntimeError(f"crawl {crawl_id} was to be confirmed, and is {verdict.kind}")
    return found


def main() -> None:
    """Measure, and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--skus", type=int, default=2600, help="articles in each list (default 2600, as at ALDI)")
    options = parser.parse_args()
    chain = get_chain(COMPANY)
    with tempfile.TemporaryDirectory() as folder, yesterday(options.groups, options.skus) as engine:
        crawl_members(engine, Path(folder), options.groups, options.skus)
        times = verdict_times(engine, chain, 50)
        began = time.perf_counter()
        report = run_groups(engine, chain, lambda: TODAY + timedelta(hours=3))
        seconds = time.perf_counter() - began
    with_news = sum(check.news > 0 for check in report.groups)
    confirmed = sum(len(check.confirmed_matches) for check in report.groups)
    print(
        f"candidate to verdict: median {1000 * median(times):.1f} ms, most {1000 * max(times):.1f} ms of {len(times)}"
    )
    print(
        f"run: {seconds:.1f} s; {confirmed} crawls confirmed, {with_news} lists with news, {report.lines_shared} shared"
    )


if __name__ == "__main__":
    main()
