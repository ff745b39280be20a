"""Rounds of faults from a seed, and what must be true after each and at the end."""

import math
import random
import shutil
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIGKILL
from typing import Self

import sqlalchemy as sa

from splitcart.database import create_engine, reading, transaction
from splitcart.database.models import Crawl, Upload
from splitcart.ingest import CrawlIngester
from splitcart.ingest.matching import post_process
from splitcart.ingest.updates import update_products
from splitcart.transfer.outbox import SENT_FOLDER
from tests.faults.files import Sent, make
from tests.faults.processes import NOW, Place, clock, send, serve, start, take
from tests.faults.proxy import FAULTS, Fault, Proxy
from tests.faults.steps import STEPS, Step
from tests.ingest.dumps import differences, dump

LOADS = ("crawl", "plain", "twin", "untrue", "unknown")
PROCESS_SECONDS = 120
QUIET_ROUNDS = 10  # at the end, for all that waits to arrive
OF_ARRIVAL = {
    "crawls": {"counts", "sha256", "ingested_at"},
    "skus": {"details_seen_at"},
    "products": {"name", "brand", "created_at"},
}


@dataclass
class Report:
    """What happened, and what was found wrong; the latter is empty where nothing is lost, doubled or changed."""

    rounds: int = 0
    files: int = 0
    acknowledged: int = 0
    ingested: int = 0
    rejected: int = 0
    refused: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, None] = field(default_factory=dict)  # in the order found

    def blame(self, *found: str) -> None:
        self.wrong.update(dict.fromkeys(found))


class Harness:
    """One scraper host, one server, one worker, and the wire between them."""

    def __init__(self, folder: Path, database_url: str, seed: int) -> None:
        self.place = Place(folder / "host", folder / "server", database_url, folder / "log.txt")
        self.report = Report()
        self._rng = random.Random(seed)
        self._outbox = self.place.host_dir / "product_outbox"
        self._outbox.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._proxy = Proxy(self._port, self._rng)
        self._server: BaseProcess | None = None
        self._files: list[Sent] = []
        self._bytes_of_crawl: defaultdict[str, set[bytes]] = defaultdict(set)
        self._transit = _deck(self._rng, [*FAULTS, *(step for step in STEPS if step.side != "worker")])
        self._takes = _deck(self._rng, [None, *(step for step in STEPS if step.side == "worker")])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.close()
        self._stop_server()

    def run(self, rounds: int, seconds: float) -> Report:
        """Run so many rounds, or for so long, and a quiet end, judging all the while."""
        end = time.monotonic() + seconds
        while self.report.rounds < rounds and time.monotonic() < end:
            self._round()
        self._end()
        return self.report

    def _round(self) -> None:
        trouble, taking = next(self._transit), next(self._takes)
        loads = [step.load for step in (trouble, taking) if isinstance(step, Step)]
        for load in (*loads, "crawl", self._rng.choice(LOADS)):
            made = make(len(self._files), load, self._rng)
            self._files += made
            for file in made:
                file.put(self._outbox)
                self._bytes_of_crawl[file.crawl_id].add(file.content)
        if isinstance(trouble, Fault):
            self._proxy.set(trouble, self._rng.choice((1, 1, 2, 5)))
            self.report.faults[f"{trouble.kind} {trouble.region}".strip()] += 1
        killed = trouble if isinstance(trouble, Step) else None
        self._send(killed)
        self._take(taking)
        self.report.rounds += 1
        self._judge()

    def _send(self, step: Step | None) -> None:
        of_server = step if step and step.side == "server" else None
        if of_server:
            self._stop_server()
        self._ensure_server(of_server)
        mine = step if step and step.side == "client" else None
        arguments = (self._proxy.url, self._rng.randrange(1 << 30))
        self._join(start(send, self.place, *arguments, step=mine, times=self._times(mine)), mine)
        self._proxy.set(None)
        self._proxy.settle()
        if of_server and self._server and not self._server.is_alive():
            self._join(self._server, of_server)

    def _take(self, step: Step | None) -> None:
        self._join(start(take, self.place, step=step, times=self._times(step)), step)

    def _times(self, step: Step | None) -> int:
        return self._rng.choice((1, 1, 1, 2)) if step and step.load == "crawl" else 1

    def _join(self, process: BaseProcess, step: Step | None) -> None:
        process.join(PROCESS_SECONDS)
        if process.exitcode == -SIGKILL and step is not None:
            self.report.kills[f"{step.side}: {step.name}"] += 1
        elif process.exitcode != 0:
            self.report.blame(f"a process ended with {process.exitcode}, see {self.place.log}")

    def _ensure_server(self, step: Step | None) -> None:
        if self._server is not None and self._server.is_alive():
            return
        self._server = start(serve, self.place, self._port, step=step, times=self._rng.choice((1, 1, 2)))
        while self._server.is_alive():
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except ConnectionRefusedError:
                time.sleep(0.005)
            else:
                return
        raise AssertionError(f"the server does not start, see {self.place.log}")

    def _stop_server(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.join()

    def _end(self) -> None:
        self._stop_server()
        for _ in range(QUIET_ROUNDS):
            self._send(None)
            self._take(None)
            if not any(self._outbox.glob("*.jsonl*")):
                break
        self._judge()
        left = [path.name for path in self._outbox.glob("*.jsonl*")]
        left += [path.name for path in self.place.server_dir.glob("*_inbox/*")]
        left += [path.name for path in self.place.server_dir.glob("state/arriving/*")]
        left += [path.name for path in self.place.server_dir.glob("ingested/**/*.partial")]
        self.report.blame(*(f"{name} was never brought to its end" for name in left))
        self._judge_database()

    def _judge(self) -> None:
        """Every file is at one place of the host, and what has been acknowledged is at one place of the server."""
        host, server = self.place.host_dir, _Server(self.place.server_dir)
        counts: Counter[str] = Counter()
        for file in self._files:
            waits = [self._outbox / file.name, self._outbox / file.name.removesuffix(".gz")]
            waiting = [path for path in waits if path.exists()]
            sent, refused = host / SENT_FOLDER / file.name, self._outbox / "refused" / file.name
            places = [*waiting[:1], *(path for path in (sent, refused) if path.exists())]
            if len(places) != 1:
                self.report.blame(f"{file.name} lies at {len(places)} places of the host: {places}")
                continue
            if places[0].suffix == ".gz" and file.load != "plain" and places[0].read_bytes() != file.content:
                self.report.blame(f"{places[0]} has changed")
            if refused.exists() and (file.load != "untrue" or not Path(f"{refused}.reason.txt").exists()):
                self.report.blame(f"{file.name} was set aside without a reason")
            counts["refused"] += refused.exists()
            if sent.exists():
                counts["acknowledged"] += 1
                self.report.blame(*server.judge(file, self._bytes_of_crawl[file.crawl_id]))
        self.report.files = len(self._files)
        self.report.acknowledged, self.report.refused = counts["acknowledged"], counts["refused"]
        self.report.ingested, self.report.rejected = len(server.kept), len(server.rejected)

    def _judge_database(self) -> None:
        """The database is what one undisturbed run makes of the same files."""
        good = {file.crawl_id: file for file in reversed(self._files) if file.load not in {"untrue", "unknown"}}
        engine = create_engine(self.place.database_url)
        calm_dir = self.place.host_dir.parent / "calm"
        calm_inbox = calm_dir / "product_inbox"
        calm_inbox.mkdir(parents=True)
        for file in good.values():
            (calm_inbox / file.name).write_bytes(file.content)
        calm = create_engine(f"sqlite:///{calm_dir.with_suffix('.db')}")
        update_products(CrawlIngester(calm, calm_dir, clock))
        with reading(engine) as session:
            uploads = Counter(session.scalars(sa.select(Upload.crawl_id)))
            crawls = Counter(session.scalars(sa.select(Crawl.crawl_id)))
        taken = {file.crawl_id for file in self._files if file.load != "untrue"}
        # A worker may take in what lies in the inbox before a server that was killed there has written it down.
        self.report.blame(
            *(f"{one}: {uploads[one]} uploads" for one in taken if not 1 - crawls[one] <= uploads[one] <= 1)
        )
        if crawls != Counter(good.keys()):
            self.report.blame(f"the crawls of the database are not those that were sent: {crawls}")
        dumps = []
        for one in (calm, engine):
            with transaction(one) as session:
                post_process(session, NOW)
            dumps.append({name: rows for name, rows in dump(one, OF_ARRIVAL).items() if name != "uploads"})
            one.dispose()
        self.report.blame(*differences(*dumps))


class _Server:
    """The files on the server's side."""

    def __init__(self, data_dir: Path) -> None:
        self.inbox = {path.name: path for path in data_dir.glob("product_inbox/*.jsonl.gz")}
        self.kept = {path.name: path for path in data_dir.glob("ingested/*/*/*.jsonl.gz")}
        self.rejected = {path.name: path for path in data_dir.glob("rejected/*.jsonl.gz")}

    def judge(self, file: Sent, bytes_of_crawl: set[bytes]) -> Iterator[str]:
        """Yield what is wrong with an acknowledged file."""
        if file.load == "untrue":
            yield f"{file.name} was acknowledged, and is not whole"
        # What a worker rejects before a killed server has written it down comes once more under its name.
        found = [path for name, path in (self.inbox | self.rejected).items() if file.crawl_id in name]
        kept = self.kept.get(f"{file.crawl_id}.jsonl.gz")
        if kept is None and len(found) != 1:
            yield f"{file.name} was acknowledged, and lies at {len(found)} places of the server"
        for path in (*found, *([kept] if kept else [])):
            content = path.read_bytes()
            if content not in bytes_of_crawl and file.load != "plain":
                yield f"{path} is not what was sent"
            if path in self.rejected.values() and (file.load != "unknown" or not Path(f"{path}.reason.txt").exists()):
                yield f"{path} was rejected without a reason"


def _deck(rng: random.Random, cards: list) -> Iterator:
    """Yield all cards in random order, and again: no fault is rare."""
    while True:
        rng.shuffle(cards)
        yield from cards


def run(folder: Path, database_url: str, template: Path, rounds: int, seed: int, seconds: float = math.inf) -> Report:
    """Run the harness below ``folder``; ``template``: an empty, migrated SQLite database for the undisturbed run."""
    shutil.copyfile(template, folder / "calm.db")
    with Harness(folder, database_url, seed) as harness:
        return harness.run(rounds, seconds)
