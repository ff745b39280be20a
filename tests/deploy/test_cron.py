"""Every line of the server's crontab, run as cron would, twice at the same time on one database."""

import json
import re

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import GeoCluster, ScrapydJob, Store
from tests.deploy.cron import run_at_once
from tests.deploy.units import DEPLOY, cron_commands, placed
from tests.grouping.factory import BASE, SmallChain, day
from tests.scheduler.scripted_node import ScriptedNode

CRONTAB = DEPLOY / "cron" / "server"
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


def test_the_whole_crontab_twice_at_once_does_its_work_once(installation, engine, node, tmp_path):
    """Each command does its work or says in one line who else is at it; the rows are as if all had run once."""
    folder, chain = installation
    lines = cron_commands(CRONTAB)
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
