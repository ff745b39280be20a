"""``splitcart schedule`` shows the queue and where it stands, and takes stores back."""

import json

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from splitcart.cli.common import console
from splitcart.cli.schedule import app
from splitcart.config import get_chain, get_settings
from splitcart.database.models import Lease
from splitcart.errors import InputError
from tests.scheduler.scripted_node import ScriptedNode
from tests.scheduler.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, own_engine: sa.Engine):
    """ALDI with one cluster that is covered and one that is not; the clock stands where the world's does."""
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-11-20T02:00:00Z")
    monkeypatch.setattr(console, "width", 160)
    get_settings.cache_clear()
    world = World(own_engine, chain=get_chain("aldi"))
    world.crawl(*world.stores_of(world.cluster("Perth", 3)), ago=100)
    world.cluster("Albany", 2)
    return world


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def table(output: str) -> dict[str, list[str]]:
    """The rows of all tables by their first cell."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]
    return {first: rest for first, *rest in rows}


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
    lines = table(run("status"))
    assert lines["Perth"][:6] == ["optimization", "3", "3 (100%)", "0", "0", "4 days"]
    assert lines["Perth"][6:] == ["15 Nov 22:00", "15 Nov 22:00", "0.0 h", "3 of 3 in 48 h"]
    assert lines["Albany"] == ["discovery", "2", "0 (0%)", "0", "2", "none", "", "", "", ""]
    assert lines[str(lease.lease_id)][:2] == [lease.store_id, "host-1"]
    assert any("blocked" in cells for cells in lines.values())


def test_status_of_a_pilot_cluster_tells_how_far_from_one_window_its_discovery_is(world: World) -> None:
    albany = sorted(world.stores_of(2))
    world.crawl(albany[0], ago=75)
    world.crawl(albany[1], ago=3)
    world.crawl(albany[0], ago=2)  # not its discovery
    (cluster,) = json.loads(run("status", "--company", "aldi", "--cluster", "albany", "--json"))["aldi"]["clusters"]
    assert (cluster["name"], cluster["phase"], cluster["covered"]) == ("Albany", "optimization", 2)
    assert (cluster["spread_hours"], cluster["in_window"], cluster["window_hours"]) == (72.0, 1, 48.0)
    assert cluster["discovered_from"] == "2026-11-16T23:00:00Z" or cluster["discovered_from"].startswith(
        "2026-11-16T23"
    )


def test_plan_says_when_each_cluster_is_done_and_what_one_window_holds(world: World) -> None:
    world.cluster("Sydney", 7)
    output = run("plan", "--crawls", "1")
    # While Perth is optimized, half of the crawls are discovery's; the fifth of them is a sample of Albany.
    assert table(output)["Sydney"] == ["7", "7", "22 Nov 02:00", "06 Dec 02:00", "336.0 h", "2 of 7", "7 !"]
    assert table(output)["Albany"][:2] + table(output)["Albany"][3:] == [
        "2",
        "2",
        "08 Dec 02:00",
        "0.0 h",
        "1 of 2",
        "",
    ]
    assert "One window of 48 h holds 0 stores of a target." in output
    assert "Not inside one window: Sydney." in output
    assert "coles: nothing is left to discover" in output
    output = run("plan", "--crawls", "1", "--company", "aldi", "--cluster", "albany")
    assert table(output)["Albany"] == ["2", "2", "21 Nov 02:00", "22 Nov 02:00", "24.0 h", "2 of 2", "1"]
    assert "holds 2 stores" in output
    assert "Not inside" not in output
    plan = json.loads(run("plan", "--crawls", "40", "--json"))["aldi"]
    assert (plan["crawls_a_day"], plan["window_stores"], plan["clusters"][0]["in_window"]) == (40, 32, 7)


def test_lease_hands_stores_to_a_person_and_release_tells_how_it_ended(world: World) -> None:
    (first,) = json.loads(run("lease", "--company", "aldi", "--cluster", "albany", "--worker", "me", "--json"))
    assert first["reason"].startswith("discovery of Albany")
    others = run("lease", "--limit", "9", "--minutes", "300")
    assert others.count("aldi") == 4
    assert "20 Nov 07:00" in others
    assert run("lease").strip() == "all companies: nothing is due now"
    assert run("lease", "--company", "aldi").strip() == "aldi: nothing is due now"
    given = str(first["lease_id"])
    assert (
        run("release", given, "--outcome", "failed", "--reason", "blocked").strip() == f"ended leases {given} as failed"
    )
    with Session(world.engine) as session:
        row = session.get_one(Lease, first["lease_id"])
        assert (row.worker, row.outcome, row.failure_class) == ("me", "failed", "blocked")


@pytest.mark.parametrize(
    "arguments", [["--worker", "me", "--outcome", "failed"], ["1", "--reason", "blocked"], ["1", "--outcome", "great"]]
)
def test_a_release_that_contradicts_itself_is_refused(world: World, arguments: list[str]) -> None:
    world.lease()
    with pytest.raises(InputError, match=r"--outcome is of leases|finished, partial, failed"):
        run("release", *arguments)


def test_release_takes_stores_back_by_number_or_by_worker(world: World) -> None:
    first, second = world.lease(2, worker="dead")
    number = str(first.lease_id)
    assert run("release", number, number).strip() == f"took back leases {first.lease_id}"
    assert run("release", "--worker", "dead").strip() == f"took back leases {second.lease_id}"
    with pytest.raises(InputError, match="worker dead: nothing of it is held"):
        run("release", "--worker", "dead")
    with pytest.raises(InputError, match="either leases by number or one --worker"):
        run("release")


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        ([], {}, "no node is named; use --nodes"),
        (["--nodes", "scraper-1"], {}, "'scraper-1' is not an address"),
        (["--nodes", "http://n:1", "--cluster", "perth"], {}, "name it with --company"),
        (["--nodes", "http://n:1", "--setting", "DOWNLOAD_DELAY"], {}, "not of the form NAME=VALUE"),
        (["--nodes", "http://n:1", "--setting", "=1"], {}, "not of the form NAME=VALUE"),
        (["--nodes", "http://n:1"], {"SPLITCART_SCRAPYD_USERNAME": "me"}, "belong together: set both or none"),
    ],
)
def test_a_dispatch_that_cannot_be_meant_is_refused(monkeypatch, arguments, environment, says) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    with pytest.raises(InputError, match=says):
        run("dispatch", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["dispatch", "--silent-minutes", "1e300"],
        ["dispatch", "--pending-minutes", "inf"],
        ["dispatch", "--silent-minutes", "nan"],
        ["dispatch", "--stores", "99999999999999"],
        ["dispatch", "--slots", "0"],
        ["lease", "--minutes", "99999999999999"],
        ["release", "99999999999999999999"],
        ["release", "-1"],
        ["show", "--limit", "0"],
        ["plan", "--crawls", "-5"],
    ],
    ids=" ".join,
)
def test_a_number_that_nothing_can_be_done_with_is_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (2, True)


def test_a_dispatch_shows_what_it_started_and_what_ended_and_where_nothing_is_started(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = ScriptedNode(spiders=("aldi",))
    try:
        monkeypatch.setenv("SPLITCART_SCRAPYD_NODES", f"{node.url}/, http://127.0.0.2:9")
        monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-11-20T02:00:00Z")
        get_settings.cache_clear()
        output = run("dispatch")
        assert table(output)[node.url][:2] == ["1", "0"]
        assert "does not answer" in table(output)["http://127.0.0.2:9"][2]
        (job,) = node.pending
        assert f"started {job['id']} on {node.url}" in output
        world.release(world.lease(1, worker=f"host/{job['id']}")[0], "failed", "blocked")
        node.pending, node.finished = [], [job]
        output = run("dispatch")
        assert f"blocked {job['id']} on {node.url}: blocked at store G00" in output
        assert "no aldi from 127.0.0.1 before 20 Nov 08:00 UTC: blocked: blocked at store" in output
    finally:
        node.close()
