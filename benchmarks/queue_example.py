"""Thirty entries of a queue on a replica market, as docs/scheduling.md#thirty-entries-of-a-queue shows them.

    python -m benchmarks.queue_example

Perth has been discovered and grouped, Adelaide is next. One store of Perth has moved to another price list and was
crawled by chance; the weekly prices have just changed; a store of Adelaide has failed twice. The page is written anew;
a test compares it with what the queue says now.
"""

import re
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import sqlalchemy as sa

from benchmarks.policy.crawling import crawl
from benchmarks.policy.world import World
from grouping.run import run_groups
from scheduler import QueueEntry, ScrapeScheduler, lease_stores, release_lease, update_clusters
from splitcart.config import get_chain
from splitcart.database import open_database, reading, transaction
from splitcart.database.models import GeoCluster, Membership, Store, StoreGroup
from splitcart.ingest import CrawlIngester
from splitcart.ingest.stores import update_stores
from splitcart.replica.config import still
from splitcart.transfer.records import StoreRecord

PAGE = Path(__file__).parents[1] / "docs/scheduling.md"
BEGIN, END = "<!-- example: python -m benchmarks.queue_example -->\n", "<!-- end of the example -->\n"
COMPANY, SEED, ENTRIES = "aldi", 5, 30
MARKET = still(
    stores=48,
    skus=60,
    lists=3,
    cities={"Perth": 26.0, "Adelaide": 12.0},
    isolated_share=0.15,
    solo_share=0.12,
)
CRAWLS_APART = timedelta(minutes=25)


class Example:
    """The chain's short history until the queue is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, Random(SEED)
        self.chain, self.world = get_chain(COMPANY), World(SEED, COMPANY, MARKET)
        self.engine = open_database(f"sqlite:///{folder}/example.sqlite")
        self.ingester = CrawlIngester(self.engine, folder / "data", self.clock)
        self.now = self.at(0, 8)

    def clock(self) -> datetime:
        """The example's time."""
        return self.now

    def at(self, day: int, hour: float) -> datetime:
        """An instant in Perth; day 0 is a Monday."""
        return self.world.market.midnight(day, "WA") + timedelta(hours=hour)

    def play(self) -> tuple[list[QueueEntry], dict[int | None, str]]:
        """Tell the story, and return the queue and the names of the clusters."""
        self._list_stores()
        while leases := self._lease(1, cluster="perth"):
            self._crawl(leases[0][1])
            release(self, leases[0][0], "finished")
        self._run(self.at(0, 22))
        self._crawl_moved(self.at(1, 9))
        self._run(self.at(1, 11))  # the list may have changed since its Ambassador's crawl: no verdict yet
        lease_id, ambassador = self._lease(1, cluster="perth")[0]
        self._crawl(ambassador)
        release(self, lease_id, "finished")
        self._run(self.at(1, 22))
        self.now = self.at(2, 6)
        lease_id, _ = self._lease(1, cluster="adelaide")[0]
        release(self, lease_id, "failed", "timeout")
        self.now = self.at(2, 9)
        with reading(self.engine) as session:
            queue = ScrapeScheduler(session, self.chain, self.clock, self.rng).get_queue(ENTRIES)
            names = {row.id: row.name for row in session.execute(sa.select(GeoCluster.id, GeoCluster.name))}
        return queue, {**names, None: ""}

    def _list_stores(self) -> None:
        rows = [
            StoreRecord(
                store_id=store.store_id,
                name=store.name,
                state=store.state,
                latitude=store.latitude,
                longitude=store.longitude,
                is_trading=True,
            )
            for store in self.world.market.stores(COMPANY)
        ]
        with transaction(self.engine) as session:
            update_stores(session, self.chain, rows, self.now, is_whole_sweep=True)
            update_clusters(session, self.chain, self.clock)

    def _lease(self, limit: int, cluster: str) -> list[tuple[int, str]]:
        with transaction(self.engine) as session:
            leases = lease_stores(session, self.chain, "example", limit, self.clock, self.rng, cluster)
        return [(lease.lease_id or 0, lease.store_id) for lease in leases]

    def _crawl(self, store_id: str) -> None:
        made = crawl(self.world, store_id, self.now, self.folder, self.rng, 0.0, ())
        self.now += CRAWLS_APART
        self.ingester.ingest(made.path)

    def _run(self, at: datetime) -> None:
        self.now = max(at, self.now)
        run_groups(self.engine, self.chain, self.clock)

    def _crawl_moved(self, at: datetime) -> None:
        """A member of the largest group, not its Ambassador, prices by another list since this morning."""
        with reading(self.engine) as session:
            rows = session.execute(
                sa.select(Store.store_id, StoreGroup.id)
                .join(Membership, Membership.store_id == Store.id)
                .join(StoreGroup, StoreGroup.id == Membership.group_id)
                .where(Membership.until.is_(None), StoreGroup.ambassador_id != Store.id)
                .order_by(Store.store_id)
            ).all()
        groups = [group for _, group in rows]
        largest = max(set(groups), key=lambda group: (groups.count(group), -group))
        moved = next(store for store, group in rows if group == largest)
        own = self.world.own_list(moved, 0)
        other = next(name for name in self.world.market.list_names(COMPANY) if name != own)
        self.world.move(moved, 1, other)
        self.now = at
        self._crawl(moved)


def release(example: Example, lease_id: int, outcome: str, failure_class: str | None = None) -> None:
    """Give a store back."""
    with transaction(example.engine) as session:
        release_lease(session, lease_id, outcome, failure_class, example.clock)


def example_table() -> str:
    """Return the table of the page."""
    with tempfile.TemporaryDirectory(prefix="example") as folder:
        queue, clusters = Example(Path(folder)).play()
    return "\n".join(["| # | store | in | step | reason |", "| --- | --- | --- | --- | --- |", *_rows(queue, clusters)])


def _rows(queue: list[QueueEntry], clusters: dict[int | None, str]) -> Iterator[str]:
    for number, entry in enumerate(queue, start=1):
        place = clusters[entry.cluster_id]
        yield f"| {number} | {entry.store_id} | {place} | {entry.kind} | {entry.reason} |"


def page_with(table: str) -> str:
    """Return the page with this table in place of its own."""
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{table}\n\n{END}", text, flags=re.DOTALL
    )


if __name__ == "__main__":
    PAGE.write_text(page_with(example_table()), encoding="utf-8")
