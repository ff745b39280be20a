"""``splitcart health`` says which chain's data grows old, and why; its exit code is for cron."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from scheduler import read_health
from splitcart.cli.app import app
from splitcart.cli.common import console
from splitcart.config import get_chain, get_settings
from splitcart.database import reading
from tests.notice_takers import webhook
from tests.scheduler.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, own_engine: sa.Engine):
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-11-20T02:00:00Z")
    monkeypatch.setattr(console, "width", 160)
    get_settings.cache_clear()
    return World(own_engine, chain=get_chain("aldi"))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["health", *arguments])
    return result.exit_code, result.output


def health(world: World):
    with reading(world.engine) as session:
        return read_health(session, world.chain, world.clock)


def test_a_chain_that_was_crawled_lately_is_well(world):
    stores = sorted(world.stores_of(world.cluster("Perth", 3)))
    world.crawl(*stores[:2], ago=5)
    world.crawl(stores[2], ago=100, roots=["Dairy"])
    assert run() == (0, run()[1])
    aldi = health(world)
    assert (aldi.stores, aldi.covered, aldi.fresh, aldi.failing, aldi.categories) == (3, 3, 2, 0, 2)
    assert (aldi.newest, aldi.oldest) == (world.now - timedelta(hours=5), world.now - timedelta(hours=100))
    assert [(line.age_hours, line.categories) for line in aldi.lines] == [(5.0, 2), (5.0, 2), (100.0, 1)]
    assert "all chains are well" in run("--company", "aldi")[1]


def test_a_chain_that_fell_silent_is_not_well(world):
    world.crawl(*world.stores_of(world.cluster("Perth", 2)), ago=60)
    exit_code, output = run()
    assert exit_code == 1
    assert "aldi: nothing new for 60 h, expected within 48 h; the newest crawl ended 2026-11-17 14:00 UTC" in output


def test_a_chain_that_was_never_crawled_is_not_well_and_one_without_stores_is(world):
    assert run()[0] == 0
    world.cluster("Perth", 2)
    assert "none of 2 stores has ever been crawled" in run()[1]


def test_a_store_that_keeps_failing_is_named_with_its_reason_and_so_is_the_streak(world):
    good, bad = sorted(world.stores_of(world.cluster("Perth", 2)))
    world.crawl(good, ago=1)
    world.park(bad)
    exit_code, output = run("--company", "aldi")
    assert exit_code == 1
    assert "the last 5 crawls failed, the last one: unknown_store" in output
    assert "stores that failed 5 times or more in a row: G002 (unknown_store)" in output
    (line,) = [line for line in health(world).lines if line.failures]
    assert (line.store_id, line.failures, line.categories) == ("G002", 5, 0)


def test_a_crawl_that_went_well_ends_the_streak(world):
    _, bad = sorted(world.stores_of(world.cluster("Perth", 2)))
    world.park(bad)
    world.wait(1)
    lease = world.lease(1)[0]
    world.release(lease, "finished")
    assert health(world).failure_streak == 0


def test_programs_get_each_store_and_the_same_exit_code(world):
    world.crawl(*world.stores_of(world.cluster("Perth", 2)), ago=60)
    exit_code, output = run("--json")
    told = json.loads(output)
    assert exit_code == 1
    assert set(told) == {"aldi", "coles", "iga", "woolworths"}
    assert [line["store_id"] for line in told["aldi"]["lines"]] == ["G001", "G002"]
    assert (told["aldi"]["problems"] != [], told["iga"]["problems"]) == (True, [])


def test_whoever_is_named_is_told_when_a_chain_is_not_well_and_only_then(world, monkeypatch):
    with webhook() as (url, posted):
        monkeypatch.setenv("SPLITCART_NOTIFY_WEBHOOK", url)
        get_settings.cache_clear()
        assert run("--notify")[0] == 0
        assert posted == []
        world.cluster("Perth", 2)
        assert run("--notify")[0] == 1
    assert [note["lines"] for note in posted] == [["aldi: none of 2 stores has ever been crawled"]]
