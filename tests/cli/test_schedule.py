"""``splitcart schedule`` shows the queue and where it stands, and takes stores back."""

import json

import pytest
from typer.testing import CliRunner

from splitcart.cli.common import console
from splitcart.cli.schedule import app
from splitcart.config import get_chain, get_settings
from splitcart.database import open_database
from splitcart.errors import InputError
from tests.scheduler.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch):
    """ALDI with one cluster that is covered and one that is not; the clock stands where the world's does."""
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-11-20T02:00:00Z")
    monkeypatch.setattr(console, "width", 160)
    get_settings.cache_clear()
    engine = open_database(get_settings().resolved_database_url)
    world = World(engine, chain=get_chain("aldi"))
    world.crawl(*world.stores_of(world.cluster("Perth", 3)), ago=100)
    world.cluster("Albany", 2)
    yield world
    engine.dispose()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_show_gives_stores_with_their_reasons_and_leases_nothing(world: World) -> None:
    output = run("show", "--company", "aldi")
    assert "discovery of Albany: 2 of 2 stores unscraped" in output
    assert "outlier with the oldest data, 4.2 days old" in output
    assert output.count("G00") == 5
    assert len(world.lease(10)) == 5


def test_show_can_be_limited_to_a_cluster_and_a_number(world: World) -> None:
    (queue,) = json.loads(run("show", "--company", "aldi", "--cluster", "perth", "--limit", "2", "--json")).values()
    assert [entry["kind"] for entry in queue] == ["outlier", "outlier"]
    with pytest.raises(InputError, match="name it with --company"):
        run("show", "--cluster", "perth")


def test_a_company_without_stores_and_a_queue_without_work_are_said_plainly(world: World) -> None:
    assert "coles: no active store is stored" in run("show")
    assert "coles: no active store is stored" in run("status")
    world.lease(10)
    assert "aldi: nothing is due now" in run("show", "--company", "aldi")


def test_status_tells_phase_coverage_and_what_is_out(world: World) -> None:
    (lease,) = world.lease(worker="host-1", cluster="albany")
    world.lease(cluster="albany")
    world.release(world.lease(cluster="perth")[0], "failed", "blocked")
    lines = {line.split("│")[1].strip(): line.split("│")[2:] for line in run("status").splitlines() if "│" in line}
    assert [cell.strip() for cell in lines["Perth"][:6]] == ["optimization", "3", "3", "0", "0", "4 days"]
    assert [cell.strip() for cell in lines["Albany"][:6]] == ["discovery", "2", "0", "0", "2", "none"]
    assert [cell.strip() for cell in lines[str(lease.lease_id)][:2]] == [lease.store_id, "host-1"]
    assert any("blocked" in "".join(cells) for cells in lines.values())


def test_release_takes_stores_back_by_number_or_by_worker(world: World) -> None:
    first, second = world.lease(2, worker="dead")
    assert run("release", str(first.lease_id)).strip() == f"took back leases {first.lease_id}"
    assert run("release", "--worker", "dead").strip() == f"took back leases {second.lease_id}"
    with pytest.raises(InputError, match="worker dead: nothing of it is held"):
        run("release", "--worker", "dead")
    with pytest.raises(InputError, match="either leases by number or one --worker"):
        run("release")
