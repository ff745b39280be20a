"""Which groups real price files come to, day by day, and whether partial files change them.

    python -m benchmarks.real_files FOLDER

The files are of the earlier shape (``splitcart update products --legacy``). Each date is taken in and grouped; the
whole is done twice, the second time without the files that lack root categories, and both must give the same groups.
"""

import argparse
import tempfile
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import sqlalchemy as sa

from grouping.run import run_groups
from splitcart.config import get_chain
from splitcart.database import open_database, reading
from splitcart.database.models import Membership, Store
from splitcart.ingest import CrawlIngester
from splitcart.ingest.crawls import IngestedCrawl
from splitcart.ingest.legacy import LegacyFile, scan_legacy
from splitcart.ingest.updates import update_legacy_products

Partition = set[frozenset[str]]
Done = tuple[dict[date, Partition], dict[str, IngestedCrawl], set[str]]


def main() -> None:
    """Print the groups of each date, and what the partial files changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="files of one company, of the earlier shape")
    files = scan_legacy([parser.parse_args().folder])
    groups, crawls, outcast = group_by_day(files)
    partial = {name for name, crawl in crawls.items() if crawl.complete_categories < crawl.categories}
    rest = [file for file in files if str(file.path) not in partial]
    print("| date | files | partial | stores grouped | groups | the same without the partial files |")
    print("| --- | ---: | ---: | ---: | --- | --- |")
    without, _, outcast_without = group_by_day(rest)
    for day, partition in groups.items():
        of_day = [str(file.path) for file in files if file.day == day]
        sizes = ", ".join(str(len(stores)) for stores in sorted(partition, key=len, reverse=True))
        same = "yes" if without.get(day) == partition else "no"
        grouped = sum(map(len, partition))
        print(f"| {day} | {len(of_day)} | {len(partial.intersection(of_day))} | {grouped} | of {sizes} | {same} |")
    print(f"\nstores that lost a place: {len(outcast)}; without the partial files: {len(outcast_without)}")


def group_by_day(files: Collection[LegacyFile]) -> Done:
    """Take in and group a database of these files date by date; return groups by date, crawls by file, and outcasts."""
    chain = get_chain(next(iter(files)).company)
    found: dict[date, Partition] = {}
    crawls: dict[str, IngestedCrawl] = {}
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/real.sqlite")
        for day in sorted({file.day for file in files}):
            evening = datetime.combine(day, time(), UTC) + timedelta(days=1)
            ingester = CrawlIngester(engine, Path(folder), lambda evening=evening: evening)
            update = update_legacy_products(ingester, [file.path for file in files if file.day == day])
            crawls |= {crawl.file: crawl for crawl in update.crawls}
            run_groups(engine, chain, lambda evening=evening: evening)
            found[day] = read_partition(engine)
        with reading(engine) as session:
            left = sa.select(Store.store_id).join(Membership).where(Membership.until.is_not(None))
            outcast = set(session.scalars(left))
        engine.dispose()
    return found, crawls, outcast


def read_partition(engine: sa.Engine) -> Partition:
    """Return the groups of whole lists as sets of store ids."""
    query = (
        sa.select(Membership.group_id, Store.store_id)
        .join(Store, Store.id == Membership.store_id)
        .where(Membership.until.is_(None), Membership.category_id.is_(None))
    )
    groups: dict[int | None, set[str]] = {}
    with reading(engine) as session:
        for group_id, store_id in session.execute(query):
            groups.setdefault(group_id, set()).add(store_id)
    return {frozenset(stores) for stores in groups.values()}


if __name__ == "__main__":
    main()
