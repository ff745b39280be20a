"""Every line of the crontabs, run as cron would, twice at the same time."""

import json
import re
import shutil
from importlib.resources import files

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import Settings, get_chain
from splitcart.database import transaction
from splitcart.database.models import GeoCluster, ScrapydJob, Store
from splitcart.ingest.stores import update_stores
from splitcart.measures.clock import system_clock
from splitcart.replica.config import MarketConfig, still
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.server import BackgroundServer, create_app
from splitcart.transfer.records import StoreRecord
from tests.deploy.cron import run_at_once
from tests.deploy.units import DEPLOY, cron_commands, placed
from tests.docs.pages import ROOT
from tests.grouping.factory import BASE, SmallChain, day
from tests.scheduler.scripted_node import ScriptedNode
from tests.server.conftest import KEY

BUSY = re.compile(r"error: another .+ is running; (this one has done nothing|wait for it to end)\n")
STORES = {f"G00{number}": (-31.95 + number / 100, 115.86) for number in range(1, 5)}  # in the middle of Perth


@pytest.fixture
def node():
    scripted = ScriptedNode(spiders=("aldi",))
    yield scripted
    scripted.close()


@pytest.fixture
def installation(tmp_path, engine, node):
    """A folder like /srv/splitcart; three crawled stores with one list, and one that nobody has seen."""
    folder = tmp_path / "srv"
    (folder / "data").mkdir(parents=True)
    env = {
        "SPLITCART_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "SPLITCART_DATA_DIR": folder / "data",
        "SPLITCART_SCRAPYD_NODES": node.url,
        "SPLITCART_CLOCK_START": "2026-03-02T12:00:00Z",
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    chain = SmallChain(engine, STORES, folder=folder / "data")
    with Session(engine) as session, session.begin():
        for store in session.scalars(sa.select(Store)):
            store.latitude, store.longitude = STORES[store.store_id]
    for position, store_id in enumerate(list(STORES)[:3]):
        chain.crawl(store_id, BASE, day(0, position))
    return folder, chain


def test_the_servers_crontab_twice_at_once_does_its_work_once(installation, engine, node, tmp_path):
    """Each command does its work or says in one line who else is at it; the rows are as if all had run once."""
    folder, chain = installation
    lines = cron_commands(DEPLOY / "cron" / "server")
    outcomes = run_at_once([placed(line, folder) for line in lines * 2], {"HOME": str(folder)}, tmp_path)
    done = set()
    for line, outcome in zip(lines * 2, outcomes, strict=True):
        if outcome.exit_code == 0:
            assert outcome.errors == ""
            done.add(line)
        else:
            assert outcome.exit_code == 1
            assert BUSY.fullmatch(outcome.errors), outcome
    groups = {line for line in lines if " group " in line}  # of a chain these are one job
    assert done | groups == set(lines)
    assert done & groups
    assert chain.partition() == {frozenset({"G001", "G002", "G003"})}
    with Session(engine) as session:
        (cluster,) = session.scalars(sa.select(GeoCluster))
        assert set(session.scalars(sa.select(Store.cluster_id))) == {cluster.id}
        assert [job.job_id for job in session.scalars(sa.select(ScrapydJob))] == [job["id"] for job in node.pending]
    assert len(node.pending) == 1
    published = json.loads((folder / "data" / "archive" / "manifest.json").read_bytes())
    assert published
    assert (folder / "data" / "maps" / "aldi_clusters.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def market(engine, tmp_path):
    """A replica of ALDI, a server that knows its stores, and a scraper host's folder; yields the last two."""
    host, data = tmp_path / "host", tmp_path / "server"
    host.mkdir()
    shutil.copy(ROOT / "scrapy.cfg", host)
    packaged = files("splitcart.config").joinpath("chains.toml").read_text(encoding="utf-8")
    (host / "chains.toml").write_text(packaged.replace("delay_seconds = 1.0", "delay_seconds = 0.01"))
    shops = Market(MarketConfig(seed=3, chains={"aldi": still(stores=4, skus=20, roots=2, leaves_per_root=2)}))
    rows = [
        StoreRecord(store_id=store.store_id, name=store.name, state=store.state, is_trading=True)
        for store in shops.stores("aldi")
    ]
    with transaction(engine) as session:
        update_stores(session, get_chain("aldi"), rows, system_clock(), is_whole_sweep=True)
    settings = Settings(data_dir=data, api_secret_key=KEY)
    app = create_app(settings, engine, system_clock)
    with ReplicaServer(shops, system_clock) as replica, BackgroundServer(app) as server:
        env = {
            "API_SERVER_URL": server.url,
            "API_SECRET_KEY": KEY,
            "SPLITCART_CHAINS_FILE": host / "chains.toml",
            "SPLITCART_DATA_DIR": host / "data",
            "SPLITCART_WORKER": "scraper-1",
            **replica.urls,
        }
        (host / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
        yield host, data


def test_a_scraper_hosts_crontab_twice_at_once_sweeps_a_whole_list_and_crawls_each_store_once(market, tmp_path):
    host, data = market
    lines = cron_commands(DEPLOY / "cron" / "scraper") * 2
    outcomes = run_at_once([placed(line, host) for line in lines], {"HOME": str(host)}, tmp_path)
    assert not any("Traceback" in outcome.errors for outcome in outcomes)
    swept = [outcome for outcome in outcomes if outcome.line.endswith("aldi_stores")]
    assert all(outcome.exit_code == 0 for outcome in outcomes if outcome not in swept)
    late = [outcome for outcome in swept if outcome.exit_code]
    for outcome in late:
        assert outcome.exit_code == 1
        (problem,) = re.findall(" ERROR: (.*)", outcome.errors)
        assert problem.startswith("aldi store list: another process is crawling it and holds")
    assert len(late) < len(swept)
    assert len(list((data / "store_inbox").iterdir())) == len(swept) - len(late)
    crawled = sorted(file.name.split("-")[1] for file in (data / "product_inbox").iterdir())
    assert crawled == ["g001", "g036", "g037", "g038"]
