"""What happens, in order: discovery, clusters, crawls, groups, two weeks of market days, archives."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from archive import build_all
from grouping.run import run_groups
from grouping.seed import seed
from scheduler.clusters import update_clusters
from scheduler.map import draw_map
from splitcart.config import get_chain
from splitcart.database import reading, transaction
from splitcart.demo.crawling import SpiderRun, start_spider, wait_for
from splitcart.demo.summary import Played, summarise
from splitcart.demo.truth import check_archives, city_stores, measure
from splitcart.demo.world import CHAINS, CITY, DAYS, STATE, World
from splitcart.errors import FailedError
from splitcart.ingest import CrawlIngester
from splitcart.ingest.updates import update_products, update_stores_inbox
from splitcart.replica.sites.weather import Fault, Rule

DAILY_BUDGET = 3  # crawls a day and chain
BLOCKED_AFTER_REQUESTS = 45
KILLED_AFTER_REQUESTS = 9
STEPS = 6 + DAYS + 2
Tell = Callable[[str], None]
logger = logging.getLogger(__name__)


def _silent(_: str) -> None:
    """Tell nobody."""


class Director:
    """Plays the story on a stage; ``tell`` gets a line for everything worth knowing, ``step`` one call per step."""

    def __init__(self, world: World, tell: Tell, step: Tell) -> None:
        self.world, self._tell, self._step = world, tell, step
        self.ingester = CrawlIngester(world.engine, world.settings.data_dir, world.clock)
        self.played = Played()

    def tell(self, line: str) -> None:
        """Say what happened, to the viewer and to the log."""
        logger.info("%s", line)
        self._tell(line)

    def step(self, name: str) -> None:
        """Say what begins, to the viewer and to the log."""
        logger.info("-- %s, %s", name, f"{self.world.clock():%a %d %b %H:%M} UTC")
        self._step(name)

    def play(self) -> Played:
        """Play everything; the answer holds all figures."""
        began = monotonic()
        self._find_stores()
        self._cluster()
        self._discover()
        self._group()
        for day in range(1, DAYS + 1):
            self._live(day)
        self._publish()
        self.played.seconds = monotonic() - began
        return self.played

    def _find_stores(self) -> None:
        self.step("finding stores")
        self._wait(*(start_spider(self.world, f"{chain}_stores") for chain in CHAINS))
        update = update_stores_inbox(self.world.engine, self.world.settings.data_dir, clock=self.world.clock)
        for company, counts in sorted(update.companies.items()):
            self.tell(f"{_name(company)}: {counts.created} stores found")

    def _cluster(self) -> None:
        self.step("clustering stores and drawing maps")
        for company in CHAINS:
            with transaction(self.world.engine) as session:
                report = update_clusters(session, get_chain(company), self.world.clock)
            path = draw_map(report, self.world.settings.folder("maps") / f"{company}.png")
            self.played.maps.append(path)
            self.played.isolated[company] = len(report.isolated)
            self.played.stores_in_city[company] = len(city_stores(self.world, company))
            self.tell(
                f"{_name(company)}: {len(report.clusters)} clusters, {len(report.isolated)} isolated stores,"
                f" {len(report.invalid)} with unusable coordinates; {self.played.stores_in_city[company]} in {CITY}"
            )

    def _discover(self) -> None:
        self.step(f"discovery: every store of {CITY}, once")
        self._wait(*(start_spider(self.world, chain, cluster=CITY.lower()) for chain in CHAINS))
        self.step("taking in the crawls of the discovery")
        self._take_in()

    def _group(self) -> None:
        self.step("comparing stores: who charges the same?")
        for company in CHAINS:
            chain = get_chain(company)
            seed(self.world.engine, chain, "singletons", self.world.clock)
            self._run_groups(company)
        self.step("measuring against the truth")
        for company in CHAINS:
            score = measure(self.world, company)
            self.tell(
                f"{_name(company)}: {score.effective:,} effective prices after discovery, {score.share_right:.2%} right"
            )

    def _live(self, day: int) -> None:
        self.step(f"market day {day} of {DAYS}")
        self.world.clock.set(self.world.market.midnight(day, STATE) + timedelta(hours=8))
        self._tell_events(day)
        incidents = self.world.incidents
        if day == incidents.blocked_day:
            self._crawl_blocked()
        elif day == incidents.killed_day:
            self._crawl_killed()
        else:
            self._wait(*self._start_all())
        self._take_in()
        for company in CHAINS:
            self._run_groups(company)
        self.world.clock.set(self.world.market.midnight(day, STATE) + timedelta(hours=20))
        for company in CHAINS:
            self.played.scores[company].append(measure(self.world, company))

    def _start_all(self) -> list[SpiderRun]:
        return [start_spider(self.world, chain, cluster=CITY.lower(), max_stores=DAILY_BUDGET) for chain in CHAINS]

    def _crawl_blocked(self) -> None:
        """Woolworths shuts the door in the middle of the second store; what was finished is kept."""
        self.world.replica.weather.add(
            Rule(fault=Fault.BLOCK, chain="woolworths", path="/apis/ui/browse", after=BLOCKED_AFTER_REQUESTS)
        )
        try:
            self._wait(*self._start_all())
        finally:
            self.world.replica.weather.clear()
        self.tell("Woolworths blocked the crawl half-way: finished categories were kept, the store was given back")

    def _crawl_killed(self) -> None:
        """ALDI's spider dies in the middle of a store (SIGKILL); the next one takes up what it had finished."""
        asked_before = self._asked_for_stores("aldi")
        runs = self._start_all()
        victim = next(run for run in runs if run.name == "aldi")
        for _ in wait_for(*runs, may_die=victim):
            if self._asked_for_stores("aldi") >= asked_before + KILLED_AFTER_REQUESTS:
                victim.process.kill()
        self.world.clock.set(self.world.clock() + timedelta(hours=2))  # the dead spider's lease has run out
        self._wait(start_spider(self.world, "aldi", cluster=CITY.lower(), max_stores=DAILY_BUDGET))
        self.tell("the ALDI spider was killed in the middle of a store; the next one took up what it had finished")

    def _asked_for_stores(self, company: str) -> int:
        requests = self.world.replica.requests
        return sum(count for (chain, store), count in requests.items() if chain == company and store)

    def _wait(self, *runs: SpiderRun) -> None:
        for _ in wait_for(*runs):
            pass

    def _take_in(self) -> None:
        update = update_products(self.ingester)
        for crawl in update.crawls:
            self.played.crawls[crawl.company] += 1
            self.played.partial_crawls[crawl.company] += not crawl.whole
        for name, reason in update.refused.items():
            raise FailedError(f"the demo's own file {name} was refused: {reason}")

    def _run_groups(self, company: str) -> None:
        report = run_groups(self.world.engine, get_chain(company), self.world.clock)
        name = _name(company)
        for group, stores in sorted(report.founded.items()):
            self.tell(f"{name}: {len(stores)} stores founded {group}")
        for check in report.groups:
            if check.ejected:
                self.tell(f"{name}: {', '.join(check.ejected)} no longer charges what {check.name} charges: ejected")
        for store, group in sorted(report.joined.items()):
            self.tell(f"{name}: {store} joined {group}")

    def _tell_events(self, day: int) -> None:
        begin = self.world.market.midnight(day, STATE)
        for company in CHAINS:
            around = self.world.market.events(company, begin - timedelta(days=1), begin + timedelta(days=1))
            events = [event for event in around if event.day == day]
            flipped = sum(len(event.codes) for event in events if event.kind == "flip" and len(event.subject) == 1)
            if flipped:
                self.tell(f"{_name(company)}: weekly flip, {flipped} prices of the lists change at midnight")
            for event in events:
                if event.kind == "list_change":
                    share = f"{float(event.detail):.0%}"
                    self.tell(f"{_name(company)}: list {event.subject} changes {share} of its prices unannounced")
                elif event.kind == "move":
                    self.tell(f"{_name(company)}: store {event.subject} moves to price list {event.detail}")

    def _publish(self) -> None:
        self.step("publishing archives")
        folder = self.world.settings.folder("archive")
        with reading(self.world.engine) as session:
            build_all(session, folder)
        self.step("checking every archive entry against the truth")
        self.played.archive = check_archives(self.world, folder)


def run_demo(folder: Path, *, port: int = 0, tell: Tell = _silent, step: Tell = _silent) -> dict[str, Any]:
    """Play the demo in ``folder`` and return its summary (splitcart.demo.summary.summarise).

    Raises InputError for a folder or port that cannot be used.
    """
    with World(folder, port) as world:
        return summarise(world, Director(world, tell, step).play())


def _name(company: str) -> str:
    return get_chain(company).name
