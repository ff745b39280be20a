"""One market, one database, one clock: days of leases, crawls, ingestion and runs."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic

import sqlalchemy as sa

from benchmarks.policy.crawling import Crawl, crawl
from benchmarks.policy.judging import Judge
from benchmarks.policy.score import Mover, Score
from benchmarks.policy.world import World
from grouping.run import run_groups
from scheduler import lease_stores, release_lease, update_clusters
from splitcart.config import get_chain
from splitcart.database import open_database, reading, transaction
from splitcart.database.models import Base
from splitcart.ingest import CrawlIngester
from splitcart.ingest.stores import update_stores
from splitcart.measures.lease import StoreLease
from splitcart.replica.config import ChainConfig
from splitcart.transfer.records import StoreRecord

FIRST_HOUR, RUN_HOUR = 0.75, 22.0  # hours after midnight between which a scraper host crawls; the evening is looked at
DISCOVERY_BLOCKED = 0.02
MIN_DAYS_AFTER_MOVE = 7
STILL_FROM_DAY = 4  # in a standing market the first runs may still sort out the first crawls


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is simulated. ``budget`` is the share of all stores that is crawled a day, after the first day's discovery.

    ``blocked`` crawls end midway, ``moves`` stores change their list; ``standing``: prices never change after day 0.
    """

    company: str
    days: int
    budget: float
    blocked: float
    moves: int
    market: ChainConfig
    standing: bool = False


def simulate(seed: int, setting: Setting) -> Score:
    """Play one market in a folder of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="policy") as folder:
        return Play(seed, setting, Path(folder)).play()


class Play:
    """The simulation of one seed."""

    def __init__(self, seed: int, setting: Setting, folder: Path) -> None:
        self.setting, self.folder = setting, folder
        self.chain = get_chain(setting.company)
        self.world = World(seed, setting.company, setting.market)
        self.rng = Random(f"{seed}/play")
        self.now = self._midnight(0)
        self.engine = open_database(f"sqlite:///{folder}/policy.sqlite")
        self.ingester = CrawlIngester(self.engine, folder / "data", self.clock)
        self.score = Score(seed)
        self.judge = Judge(self.engine, self.world, self.score)
        first, last = 3, setting.days - MIN_DAYS_AFTER_MOVE
        self.move_days = [self.rng.randint(first, last) for _ in range(setting.moves)]
        self.owed = 0.0  # crawls that the budget allows and that were not made yet
        if setting.standing:
            self.world.stop_time(0)

    def clock(self) -> datetime:
        """The simulation's time."""
        return self.now

    def play(self) -> Score:
        """Play all days."""
        began, crawls = monotonic(), 0.0
        self._list_stores()
        for day in range(self.setting.days):
            for position, move_day in enumerate(self.move_days):
                if move_day == day:
                    self._move(day, ambassador=position % 2 == 0)
            crawls += self._discover() if day == 0 else self._collect(day)
            self.now = self._midnight(day) + timedelta(hours=RUN_HOUR)
            before = self.judge.looking.groups() if day >= STILL_FROM_DAY else None
            run_groups(self.engine, self.chain, self.clock)
            self.judge.look(day, self.now)
            if self.setting.standing and before is not None:
                changed = before != self.judge.looking.groups()
                self.score.stood_still = (self.score.stood_still or 0) + changed
            self.now += timedelta(minutes=1)
            kept = self._kept()
            run_groups(self.engine, self.chain, self.clock)
            self.score.restless += self._kept() != kept
        self.judge.conclude(self.setting.days - 1)
        self.engine.dispose()
        stores = len(self.world.stores)
        self.score.brute_force = (crawls - stores) / (stores * (self.setting.days - 1))
        self.score.seconds = monotonic() - began
        return self.score

    def _midnight(self, day: int) -> datetime:
        return self.world.market.midnight(day, "WA")

    def _list_stores(self) -> None:
        division = self.chain.divisions_kept[0] if self.chain.divisions_kept else None
        market = self.world.market
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
            for store in market.stores(self.setting.company)
            if store.priced
        ]
        with transaction(self.engine) as session:
            update_stores(session, self.chain, rows, self.now, is_whole_sweep=True)
            update_clusters(session, self.chain, self.clock)

    def _move(self, day: int, *, ambassador: bool) -> None:
        """One store changes its list: an Ambassador, or any store that shares its list."""
        standing = sorted(set(self.judge.looking.ambassadors().values()))
        moved = self.score.movers
        free = [name for name in self.world.stores if not self.world.is_solo(name) and name not in moved]
        chosen = [name for name in free if name in standing] if ambassador else free
        store_id = self.rng.choice(chosen or free)
        now = self.world.own_list(store_id, day)
        names = self.world.market.list_names(self.setting.company)
        self.world.move(store_id, day, self.rng.choice([name for name in names if name != now]))
        self.score.movers[store_id] = Mover(day, was_ambassador=store_id in standing)

    def _discover(self) -> int:
        """Crawl every store once on the first day."""
        stores = len(self.world.stores)
        apart, crawls = timedelta(hours=RUN_HOUR - 2) / stores, 0
        while leases := self._lease(min(10, stores - crawls)):
            for lease in leases:
                self.now = self._midnight(0) + crawls * apart
                self._crawl(lease, DISCOVERY_BLOCKED)
                crawls += 1
        return crawls

    def _collect(self, day: int) -> float:
        """Crawl what the scheduler asks for, one store after the other over the day, with a run after each.

        A crawl of some categories costs their share of all. Returns what was spent, in whole crawls.
        """
        self.owed += self.setting.budget * len(self.world.stores)
        apart = (RUN_HOUR - 1 - FIRST_HOUR) / max(int(self.owed), 1)
        at, spent = FIRST_HOUR + 0.5 * apart * self.rng.random(), 0.0
        while self.owed >= 1 and at < RUN_HOUR - 1:
            self.now = max(self.now, self._midnight(day) + timedelta(hours=at))
            leases = self._lease(1)
            for lease in leases:
                cost = len(lease.categories or self.world.roots) / len(self.world.roots)
                self._crawl(lease, self.setting.blocked)
                run_groups(self.engine, self.chain, self.clock)
                self.owed -= cost
                spent += cost
                at += apart * cost * (0.6 + 0.8 * self.rng.random())
            at += 0 if leases else apart / 2
        self.owed %= 1
        return spent

    def _lease(self, limit: int) -> list[StoreLease]:
        with transaction(self.engine) as session:
            return lease_stores(session, self.chain, "policy", limit, self.clock, self.rng, minutes=24 * 60)

    def _crawl(self, lease: StoreLease, blocked: float) -> Crawl:
        made = crawl(self.world, lease.store_id, self.now, self.folder, self.rng, blocked, lease.categories or ())
        self.now += timedelta(minutes=25)
        self.ingester.ingest(made.path)
        made.path.unlink()
        with transaction(self.engine) as session:
            outcome = "finished" if made.complete else "partial"
            release_lease(session, lease.lease_id or 0, outcome, None if made.complete else "blocked", self.clock)
        self.judge.see(made)
        return made

    def _kept(self) -> dict[str, list[sa.Row[tuple[object, ...]]]]:
        with reading(self.engine) as session:
            tables = [table for table in Base.metadata.sorted_tables if "group" in table.name or "tenure" in table.name]
            return {table.name: list(session.execute(sa.select(table))) for table in tables}
