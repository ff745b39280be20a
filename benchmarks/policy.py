"""How well the policy of sections 8 and 9 works: scheduler, ingestion and grouping on a market with known truth.

Each day the scheduler chooses stores, their shelves are written as crawl files, ingestion takes them in and grouping
runs; some crawls are cut short by a block, some files come in days late, stores change their list. No HTTP and no
spiders: what is measured is what is decided. One line per seed::

    python -m benchmarks.policy --seeds 4 --days 20

wrong, inferred wrong, false stock: shares of all effective prices at each day's end, from the first day with groups on
(own price of another day, another list's, or of something that is not on the shelf). strangers: places in a group
whose other members price by another list, by day, though the store was crawled since it changed its list. homeless:
covered stores, by day, without a group although one has their list. ejected rightly and falsely: by the truth at that
moment. movers: stores that changed their list, how many of these stand in the right place at the end, and after how
many days the median got there. restless: days on which a second run without new crawls changed something.
"""

import argparse
import gzip
import logging
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import mean, median
from time import monotonic

import msgspec
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from grouping.run import RunReport, run_groups
from scheduler import ScrapeScheduler, update_clusters
from splitcart.config import get_chain
from splitcart.database import open_database, reading, transaction
from splitcart.database.models import Base, GroupEvent, Membership, Sku, Store, StoreCategory
from splitcart.ingest import CrawlIngester
from splitcart.ingest.stores import update_stores
from splitcart.replica.config import ChainConfig, MarketConfig, default_chains
from splitcart.replica.market import Market
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord, StoreRecord

CRAWL_MINUTES = 20
APART_MINUTES = 15  # between the beginnings of two crawls
LATE_DAYS = 3  # a late file comes in after one to so many days
CITIES = {"Perth": 10.0, "Adelaide": 5.0}  # two states, so two produce lists

Key = tuple[str, str]  # the list that prices a store, and the one that prices its produce


@dataclass(frozen=True)
class CrawlFile:
    """One crawl on its way to the inbox."""

    store_id: str
    at: datetime
    path: Path
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is simulated. ``budget`` is in crawls a day, after a first day that may crawl everything."""

    company: str
    days: int
    budget: int
    partial: float
    late: float
    market: ChainConfig


@dataclass
class Score:
    """What came out for one seed."""

    crawls: int = 0
    wrong: list[float] = field(default_factory=list)
    inferred_wrong: list[float] = field(default_factory=list)
    false_stock: list[float] = field(default_factory=list)
    inferred: list[float] = field(default_factory=list)
    strangers: int = 0
    homeless: int = 0
    rightly_ejected: int = 0
    falsely_ejected: int = 0
    movers: dict[str, int] = field(default_factory=dict)  # store: day of its last change of list
    found_after: dict[str, int] = field(default_factory=dict)  # store: days until it stood in the right place
    groups: int = 0
    restless: int = 0
    seconds: float = 0.0


class Policy:
    """One market, one database, one clock."""

    def __init__(self, seed: int, setting: Setting, folder: Path) -> None:
        self.setting, self.folder = setting, folder
        self.chain = get_chain(setting.company)
        self.market = Market(MarketConfig(seed=seed, chains={setting.company: setting.market}))
        self.rng = Random(seed)
        self.now = self.market.midnight(0, "WA") + timedelta(hours=8)
        self.engine = open_database(f"sqlite:///{folder}/policy.sqlite")
        self.ingester = CrawlIngester(self.engine, folder / "data", self.clock)
        self.priced = [store for store in self.market.stores(setting.company) if store.priced]
        self.held: list[tuple[datetime, CrawlFile]] = []  # late files, and when they come in
        self.crawled_at: dict[str, datetime] = {}  # by store, of the complete crawls that came in
        self.score = Score()

    def clock(self) -> datetime:
        """The simulation's time."""
        return self.now

    def play(self) -> Score:
        """Play all days."""
        began = monotonic()
        self._list_stores()
        for day in range(self.setting.days):
            self.now = self.market.midnight(day, "WA") + timedelta(hours=8 + 4 * self.rng.random())
            self._collect(day)
            self.now += timedelta(minutes=30)
            last_event = self._last_event()
            report = run_groups(self.engine, self.chain, self.clock)
            self._judge_ejections(last_event)
            self._look(day, report)
            self.now += timedelta(minutes=1)
            kept = self._kept()
            run_groups(self.engine, self.chain, self.clock)
            self.score.restless += self._kept() != kept
        self.engine.dispose()
        self.score.seconds = monotonic() - began
        return self.score

    def _list_stores(self) -> None:
        division = self.chain.divisions_kept[0] if self.chain.divisions_kept else None
        rows = [
            StoreRecord(
                store_id=store.store_id,
                name=store.store_id,
                state=store.state,
                latitude=store.latitude,
                longitude=store.longitude,
                division=division,
                is_trading=True,
            )
            for store in self.priced
        ]
        with transaction(self.engine) as session:
            update_stores(session, self.chain, rows, self.now, is_whole_sweep=True)
            update_clusters(session, self.chain, self.clock)

    def _collect(self, day: int) -> None:
        """Crawl what the scheduler asks for, and take in what arrives."""
        with reading(self.engine) as session:
            limit = len(self.priced) if day == 0 else self.setting.budget
            queue = ScrapeScheduler(session, self.chain, self.clock, self.rng).get_queue(limit)
        arrived = [file for due, file in self.held if due <= self.now]
        self.held = [(due, file) for due, file in self.held if due > self.now]
        for position, entry in enumerate(queue):
            file = self._crawl(entry.store_id, self.now + timedelta(minutes=APART_MINUTES * position))
            if self.rng.random() < self.setting.late:
                self.held.append((self.now + timedelta(days=self.rng.randint(1, LATE_DAYS)), file))
            else:
                arrived.append(file)
        self.now += timedelta(minutes=APART_MINUTES * len(queue) + CRAWL_MINUTES)
        for file in arrived:
            self.ingester.ingest(file.path)
            if file.complete:
                self.crawled_at[file.store_id] = max(file.at, self.crawled_at.get(file.store_id, file.at))
        self.score.crawls += len(queue)

    def _crawl(self, store_id: str, at: datetime) -> CrawlFile:
        """Write what the shelf shows, root by root; a blocked crawl lacks the later ones."""
        company = self.setting.company
        roots = [root.name for root in self.market.tree(company).roots]
        self.rng.shuffle(roots)
        blocked = self.rng.random() < self.setting.partial
        seen = self.rng.randrange(1, len(roots)) if blocked else len(roots)
        rows: list[ProductRecord] = []
        scope = []
        for position, root in enumerate(roots):
            begin = at + timedelta(minutes=CRAWL_MINUTES * position / len(roots))
            end = begin + timedelta(minutes=CRAWL_MINUTES / len(roots))
            shown = list(self._shelf(store_id, root, end)) if position < seen else []
            rows += shown
            if shown or position >= seen:
                scope.append(
                    CategoryRecord(
                        category=root,
                        rows=len(shown),
                        complete=position < seen,
                        observed_from=begin,
                        observed_to=end,
                        problem=None if position < seen else "blocked",
                    )
                )
        record = CrawlRecord(
            crawl_id=f"{company}-{store_id.lower()}-{at:%Y%m%dT%H%M%SZ}-000000",
            spider=company,
            company=company,
            store_id=store_id,
            started_at=at,
            finished_at=at + timedelta(minutes=CRAWL_MINUTES),
            rows=len(rows),
            complete=all(entry.complete for entry in scope),
            store_verified=True,
            categories=scope,
        )
        lines = b"".join([*(encode_line(row) for row in rows), encode_line(record)])
        path = self.folder / f"{record.crawl_id}.jsonl.gz"
        path.write_bytes(gzip.compress(lines, 1, mtime=0))
        return CrawlFile(store_id, at, path, complete=not blocked)

    def _shelf(self, store_id: str, root: str, at: datetime) -> Iterator[ProductRecord]:
        skus = self.market.skus(self.setting.company)
        for code, offer in self.market.offers(self.setting.company, store_id, at).items():
            sku = skus[code]
            if sku.root == root:
                yield ProductRecord(
                    sku=code,
                    name=sku.name,
                    brand=sku.brand,
                    category_path=list(sku.path),
                    available=True,
                    price_cents=offer.price_cents if offer.price_shown else None,
                    was_cents=offer.was_cents,
                    special_kind=offer.special_kind,
                    multi_buy_quantity=offer.multi_buy_quantity,
                    multi_buy_cents=offer.multi_buy_cents,
                    member_cents=offer.member_cents,
                )

    def _key(self, store_id: str) -> Key:
        """What prices a store now."""
        plan = self.market.plan(self.setting.company, store_id)
        produce = self.market.tree(self.setting.company).roots[0].name
        own = plan.list_on(self.market.day(self.now, plan.store.state))
        return own, plan.roots.get(produce, own)

    def _groups(self) -> dict[int, list[str]]:
        with reading(self.engine) as session:
            rows = session.execute(
                sa.select(Membership.group_id, Store.store_id)
                .join(Store, Store.id == Membership.store_id)
                .where(Membership.until.is_(None), Membership.category_id.is_(None))
            ).all()
        found: dict[int, list[str]] = defaultdict(list)
        for group_id, store_id in rows:
            found[group_id or 0].append(store_id)
        return found

    def _common_keys(self) -> dict[int, Key]:
        """By what list most members of each group are priced."""
        groups = self._groups()
        return {group: Counter(map(self._key, stores)).most_common(1)[0][0] for group, stores in groups.items()}

    def _last_event(self) -> int:
        with reading(self.engine) as session:
            return session.scalar(sa.select(sa.func.max(GroupEvent.id))) or 0

    def _judge_ejections(self, last_event: int) -> None:
        """A store that is priced by the list of most members that are left was ejected falsely."""
        keys = self._common_keys()
        with reading(self.engine) as session:
            rows = session.execute(
                sa.select(GroupEvent.group_id, Store.store_id)
                .join(Store, Store.id == GroupEvent.store_id)
                .where(GroupEvent.id > last_event, GroupEvent.kind == "ejected")
            ).all()
        for group_id, store_id in rows:
            mixed = len(self.market.plan(self.setting.company, store_id).roots) > 1
            if not mixed and keys.get(group_id or 0) == self._key(store_id):
                self.score.falsely_ejected += 1
            else:
                self.score.rightly_ejected += 1

    def _look(self, day: int, report: RunReport) -> None:
        """Compare the partition and all effective prices with the truth."""
        groups, keys = self._groups(), self._common_keys()
        self.score.groups = len(groups)
        place = {store_id: group_id for group_id, stores in groups.items() for store_id in stores}
        with reading(self.engine) as session:
            covered = set(
                session.scalars(sa.select(Store.store_id).join(StoreCategory, StoreCategory.store_id == Store.id))
            )
        for store_id in sorted(covered):
            plan = self.market.plan(self.setting.company, store_id)
            today = self.market.day(self.now, plan.store.state)
            moved = max((moved for moved in plan.days[1:] if moved <= today), default=0)
            known = self.crawled_at.get(store_id)
            late = known is None or self.market.day(known, plan.store.state) < moved
            home = keys.get(place.get(store_id, 0))
            right = home == self._key(store_id) or (home is None and self._key(store_id) not in keys.values())
            self.score.strangers += home is not None and not right and not late
            self.score.homeless += home is None and not right and not late
            if moved and self.score.movers.get(store_id) != moved:
                self.score.movers[store_id] = moved
                self.score.found_after.pop(store_id, None)
            if moved and right:
                self.score.found_after.setdefault(store_id, day - moved)
            elif moved:
                self.score.found_after.pop(store_id, None)
        if groups or report.groups:
            self._look_at_prices()

    def _look_at_prices(self) -> None:
        view = sa.table("effective_prices", *map(sa.column, ("store_id", "sku_id", "price_cents", "source")))
        with reading(self.engine) as session:
            rows = session.execute(
                sa.select(Store.store_id, Sku.code, view.c.price_cents, view.c.source)
                .join(Store, Store.id == view.c.store_id)
                .join(Sku, Sku.id == view.c.sku_id)
                .order_by(Store.store_id)
            ).all()
        counts: Counter[str] = Counter()
        for store_id, code, price, source in rows:
            offer = self.market.offers(self.setting.company, store_id, self.now).get(code)
            wrong = offer is None or offer.price_cents != price
            inferred = source == "inferred_group"
            counts.update(wrong=wrong, ghosts=offer is None, inferred=inferred, inferred_wrong=wrong and inferred)
        total = max(len(rows), 1)
        self.score.wrong.append(counts["wrong"] / total)
        self.score.false_stock.append(counts["ghosts"] / total)
        self.score.inferred.append(counts["inferred"] / total)
        self.score.inferred_wrong.append(counts["inferred_wrong"] / max(counts["inferred"], 1))

    def _kept(self) -> dict[str, list[sa.Row[tuple[object, ...]]]]:
        with reading(self.engine) as session:
            tables = [table for table in Base.metadata.sorted_tables if "group" in table.name or "tenure" in table.name]
            return {table.name: list(session.execute(sa.select(table))) for table in tables}


COLUMNS: dict[str, Callable[[Score], str]] = {
    "crawls": lambda score: str(score.crawls),
    "wrong": lambda score: f"{mean(score.wrong or [0]):.3%}",
    "last day": lambda score: f"{(score.wrong or [0])[-1]:.3%}",
    "inferred": lambda score: f"{mean(score.inferred or [0]):.1%}",
    "inferred wrong": lambda score: f"{mean(score.inferred_wrong or [0]):.3%}",
    "false stock": lambda score: f"{mean(score.false_stock or [0]):.3%}",
    "groups": lambda score: str(score.groups),
    "strangers": lambda score: str(score.strangers),
    "homeless": lambda score: str(score.homeless),
    "ejected rightly": lambda score: str(score.rightly_ejected),
    "falsely": lambda score: str(score.falsely_ejected),
    "movers": lambda score: str(len(score.movers)),
    "found": lambda score: str(len(score.found_after)),
    "after days": lambda score: f"{median(score.found_after.values()):.0f}" if score.found_after else "",
    "restless": lambda score: str(score.restless),
    "seconds": lambda score: f"{score.seconds:.0f}",
}


def simulate(seed: int, setting: Setting) -> Score:
    """Play one market in a folder of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="policy") as folder:
        return Policy(seed, setting, Path(folder)).play()


def main() -> None:
    """Read the options, play every seed, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="how many markets (default 4)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--company", choices=("aldi", "woolworths"), default="aldi")
    parser.add_argument("--stores", type=int, default=36)
    parser.add_argument("--skus", type=int, default=260)
    parser.add_argument("--budget", type=int, default=12, help="crawls a day after the first (default 12)")
    parser.add_argument("--partial", type=float, default=0.08, help="share of crawls that are blocked midway")
    parser.add_argument("--late", type=float, default=0.05, help="share of files that come in days late")
    parser.add_argument("--move-rate", type=float, default=0.004, help="chance of a store to change its list on a day")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    own = default_chains()[options.company]
    market = msgspec.structs.replace(
        own,
        stores=options.stores,
        skus=options.skus,
        roots=8,
        leaves_per_root=2,
        cities=CITIES,
        petrol_share=0.0,
        move_rate=options.move_rate,
    )
    setting = Setting(
        company=options.company,
        days=options.days,
        budget=options.budget,
        partial=options.partial,
        late=options.late,
        market=market,
    )
    table = Table("seed", *COLUMNS, title=f"{options.company}, {options.stores} stores, {options.days} days")
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        score = simulate(seed, setting)
        table.add_row(str(seed), *(show(score) for show in COLUMNS.values()))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
