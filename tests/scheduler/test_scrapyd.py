"""Two real scrapyd nodes with passwords, a real server, spiders from the egg that scrapyd-deploy makes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from scheduler import NodeError, ScrapydNode
from splitcart.cli.schedule import app
from splitcart.config import get_chain, get_settings
from splitcart.database import transaction
from splitcart.database.models import Crawl, Lease, ScrapydJob, Store
from splitcart.ingest import CrawlIngester
from splitcart.ingest.stores import update_stores
from splitcart.ingest.updates import update_products
from splitcart.measures.clock import system_clock
from splitcart.replica.config import MarketConfig, still
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.server import BackgroundServer, create_app
from splitcart.transfer.records import StoreRecord
from splitcart_scrapy.settings import SPIDER_MODULES
from tests.server.conftest import KEY

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
USER, PASSWORD = "dispatcher", "a password of this test"
STORES = 5
CONF = """
[scrapyd]
bind_address = {host}
http_port = {port}
username = {user}
password = {password}
poll_interval = 0.2
max_proc = 2
jobstorage = scrapyd.jobstorage.SqliteJobStorage
"""


def free_port(host: str) -> int:
    with socket.socket() as taken:
        taken.bind((host, 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="session")
def egg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What scrapyd-deploy makes of the project, in a copy of it."""
    project = tmp_path_factory.mktemp("project")
    for name in ("splitcart", "splitcart_scrapy", "scheduler", "grouping", "archive"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "scrapy.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    made = project / "splitcart.egg"
    command = [sys.executable, BIN / "scrapyd-deploy", "--build-egg", made]
    subprocess.run(command, cwd=project, env=clean_environment(), check=True, capture_output=True)
    return made


def clean_environment(**more: str) -> dict[str, str]:
    """Nothing of this process leads to the project's own folder."""
    return {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/"), **more}


IMPORTS = """
import sys
sys.path.insert(0, sys.argv[1])
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.misc import load_object
from splitcart.config import get_chains
from splitcart_scrapy import settings
from splitcart_scrapy.sources import LEASED
spiders = SpiderLoader(Settings({"SPIDER_MODULES": settings.SPIDER_MODULES}))
assert {"aldi", "woolworths"} <= {spiders.load(name).company for name in spiders.list()} <= set(get_chains())
for path in (*settings.ITEM_PIPELINES, *settings.EXTENSIONS, *settings.DOWNLOADER_MIDDLEWARES, LEASED):
    load_object(path)
own = [module for name, module in sys.modules.items() if name.split(".")[0] in {"splitcart", "splitcart_scrapy"}]
assert len(own) > 30
print(*sorted({module.__file__ for module in own if not module.__file__.startswith(sys.argv[1])}))
"""


def test_the_egg_holds_all_that_spiders_import(egg: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORTS, egg]
    ran = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, "", "")


class Cluster:
    """Two hosts with a scrapyd each; their spiders lease from one server and send to it."""

    def __init__(self, folder: Path, server: str, replica: ReplicaServer) -> None:
        self.folder = folder
        self.urls: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self._environment = {"API_SERVER_URL": server, "API_SECRET_KEY": KEY, **replica.urls}
        for number in (1, 2):
            host = f"127.0.0.{number}"
            port = free_port(host)
            home = folder / f"host-{number}"
            home.mkdir()
            (home / "scrapyd.conf").write_text(CONF.format(host=host, port=port, user=USER, password=PASSWORD))
            self.urls.append(f"http://{host}:{port}")
            self.processes.append(self._start(number))

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        home = self.folder / f"host-{number}"
        environment = clean_environment(
            SPLITCART_DATA_DIR=str(home / "data"), SPLITCART_WORKER=f"host-{number}", **self._environment
        )
        with (home / "scrapyd.log").open("ab") as log:
            return subprocess.Popen(
                [BIN / "scrapyd"], cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_up(self, *numbers: int) -> None:
        for url in (self.urls[number - 1] for number in numbers):
            node = ScrapydNode(url, (USER, PASSWORD))
            wait_for(lambda node=node: is_up(node), f"{url} to answer", seconds=40)
            node.close()

    def deploy(self, egg: Path) -> None:
        targets = "".join(
            f"[deploy:{number}]\nurl = {url}/\nproject = splitcart\nusername = {USER}\npassword = {PASSWORD}\n"
            for number, url in enumerate(self.urls, start=1)
        )
        (self.folder / "scrapy.cfg").write_text(f"[settings]\ndefault = splitcart_scrapy.settings\n{targets}")
        deploys = [
            subprocess.Popen(
                [BIN / "scrapyd-deploy", str(number), "--egg", egg],
                cwd=self.folder,
                env=clean_environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for number in (1, 2)
        ]
        spiders = len(SpiderLoader(Settings({"SPIDER_MODULES": SPIDER_MODULES})).list())
        for answer in (json.loads(deploy.communicate()[0]) for deploy in deploys):
            assert (answer["status"], answer["spiders"]) == ("ok", spiders)

    def kill(self, number: int) -> None:
        """The host dies: scrapyd and all its jobs."""
        os.killpg(self.processes[number - 1].pid, signal.SIGKILL)
        self.processes[number - 1].wait()

    def restart(self, number: int) -> None:
        """Scrapyd alone dies and comes back: it knows nothing of its jobs, which go on."""
        self.processes[number - 1].kill()
        self.processes[number - 1].wait()
        self.processes.append(self._start(number))

    def stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_up(node: ScrapydNode) -> bool:
    try:
        node.jobs()
    except NodeError:
        return False
    return True


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = 60, pause: float = 0.05) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)


@contextmanager
def two_nodes(folder: Path, engine: sa.Engine, data: Path) -> Iterator[Cluster]:
    market = Market(MarketConfig(seed=3, chains={"aldi": still(stores=STORES, skus=20, roots=2, leaves_per_root=2)}))
    settings = get_settings().model_copy(update={"data_dir": data})
    with ExitStack() as stack:
        replica = stack.enter_context(ReplicaServer(market, system_clock))
        server = stack.enter_context(BackgroundServer(create_app(settings, engine, system_clock)))
        cluster = Cluster(folder, server.url, replica)
        stack.callback(cluster.stop)
        rows = [
            StoreRecord(store_id=store.store_id, name=store.name, state=store.state, is_trading=True)
            for store in market.stores("aldi")
        ]
        with transaction(engine) as session:
            update_stores(session, get_chain("aldi"), rows, system_clock(), is_whole_sweep=True)
        cluster.wait_until_up(1, 2)
        yield cluster


def dispatch(*arguments: str) -> dict:
    result = CliRunner().invoke(app, ["dispatch", "--json", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.output)


def jobs_of(session: Session, url: str) -> list[ScrapydJob]:
    return list(session.scalars(sa.select(ScrapydJob).where(ScrapydJob.node == url).order_by(ScrapydJob.id)))


def test_two_nodes_one_of_which_dies_and_one_forgets_its_job_bring_every_store_exactly_once(
    postgres: sa.Engine, egg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_SECRET_KEY", KEY)
    monkeypatch.setenv("SPLITCART_DATABASE_URL", postgres.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SPLITCART_SCRAPYD_USERNAME", USER)
    data = tmp_path / "server"
    with two_nodes(tmp_path, postgres, data) as nodes:
        monkeypatch.setenv("SPLITCART_SCRAPYD_NODES", ",".join(nodes.urls))
        monkeypatch.setenv("SPLITCART_SCRAPYD_PASSWORD", "another password")
        get_settings.cache_clear()
        with pytest.raises(NodeError, match="does not know us; check SPLITCART_SCRAPYD_USERNAME"):
            dispatch()
        monkeypatch.setenv("SPLITCART_SCRAPYD_PASSWORD", PASSWORD)
        get_settings.cache_clear()
        refused = dispatch()
        assert not refused["started"]
        assert all("project 'splitcart' not found" in node["problem"] for node in refused["nodes"])
        nodes.deploy(egg)
        options = ["--silent-minutes", "0.05", "--setting", "HEARTBEAT_SECONDS=0.5"]
        two_each = [*options, "--stores", "2"]
        # The first host's job is seen to its end; the second's is still at its first store whenever it is killed.
        # The second comes first, so that the first host's is not over before it is looked at.
        for url, delay in reversed([*zip(nodes.urls, (0.3, 5), strict=True)]):
            (job,) = dispatch(*two_each, "--nodes", url, "--setting", f"DOWNLOAD_DELAY={delay}")["started"]
            assert (job["company"], job["node"]) == ("aldi", url)
        assert dispatch(*two_each)["started"] == []  # the site is being visited from both hosts

        def held_by(worker: str) -> list[str]:
            with Session(postgres) as session:
                held = sa.select(Lease.worker).where(Lease.released_at.is_(None), Lease.worker.startswith(worker))
                return list(session.scalars(held))

        wait_for(lambda: bool(held_by("host-1/aldi-")), "the first host to take a store")
        nodes.restart(1)
        nodes.wait_until_up(1)
        assert dispatch(*two_each)["started"] == []  # the job that its node has forgotten keeps its place
        with Session(postgres) as session:
            assert [job.state for job in jobs_of(session, nodes.urls[0])] == ["lost"]
        wait_for(lambda: bool(held_by("host-2/aldi-")), "the second host to take a store")
        nodes.kill(2)
        inbox = data / "product_inbox"
        two_at_once = [*options, "--stores", "3", "--per-site", "2", "--setting", "DOWNLOAD_DELAY=0"]

        def is_over() -> bool:
            report = dispatch(*two_at_once)
            assert "does not answer" in report["nodes"][1]["problem"]
            with Session(postgres) as session:
                jobs = [job for url in nodes.urls for job in jobs_of(session, url)]
            return len(list(inbox.glob("*.jsonl.gz"))) >= STORES and all(job.ended_at for job in jobs)

        wait_for(is_over, "all stores, and the end of all jobs", pause=0.2)
    update = update_products(CrawlIngester(postgres, data, system_clock))
    assert not update.refused
    with Session(postgres) as session:
        crawls = Counter(session.scalars(sa.select(Store.store_id).join(Crawl, Crawl.store_id == Store.id)))
        assert len(crawls) == STORES
        assert set(crawls.values()) == {1}
        outcomes = Counter(session.scalars(sa.select(Lease.outcome)))
        assert outcomes == {"finished": STORES, "expired": 1}
        (dead,) = jobs_of(session, nodes.urls[1])
        assert (dead.state, (dead.problem or "").startswith("its node does not answer")) == ("vanished", True)
        orphan, *later = jobs_of(session, nodes.urls[0])
        assert orphan.state == "finished"
        assert {job.state for job in later} == {"finished"}  # the node got work again
