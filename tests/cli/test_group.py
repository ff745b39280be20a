"""``splitcart group``: seeding, running and reading groups from the front door."""

import json
import re

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from splitcart.cli.group import app
from splitcart.config import get_settings
from splitcart.database import open_database, transaction
from splitcart.database.models import Store, StoreGroup
from splitcart.errors import FailedError, InputError
from tests.grouping.factory import BASE, SmallChain, day


@pytest.fixture(autouse=True)
def _chain(monkeypatch: pytest.MonkeyPatch, own_engine: sa.Engine) -> None:
    """Three stores with one list, crawled on the first day; the clock stands at the end of it."""
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-03-02T12:00:00Z")
    get_settings.cache_clear()
    chain = SmallChain(own_engine, ["G001", "G002", "G003"])
    for position, store_id in enumerate(chain.stores):
        chain.crawl(store_id, BASE, day(0, position))


def run(*arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_run_founds_the_groups_that_list_and_show_tell_of():
    assert "no groups" in run("list")
    assert "every store stands alone" in run("seed", "--company", "aldi")
    assert "founded aldi G003 with G001, G002, G003" in run("run")
    assert "nothing else changed" in run("run", "--company", "aldi")
    (line,) = json.loads(run("list", "--json"))
    assert (line["members"], line["ambassador"], line["status"]) == (3, "G003", "HEALTHY")
    assert "aldi G003" in run("list", "--company", "aldi")
    shown = json.loads(run("show", str(line["id"]), "--json"))
    assert [member["store_id"] for member in shown["members"]] == ["G001", "G002", "G003"]
    assert {event["kind"] for event in shown["events"]} == {"founded", "listed"}
    assert "100.00%" in run("show", str(line["id"]))


def test_reports_come_as_json():
    assert [report["how"] for report in json.loads(run("seed", "--json"))] == ["singletons"]
    (report,) = json.loads(run("run", "--json"))
    assert report["founded"] == {"aldi G003": ["G001", "G002", "G003"]}


def test_names_are_shown_as_they_are_whatever_brackets_they_hold():
    run("run")
    engine = open_database(get_settings().resolved_database_url)
    with transaction(engine) as session:
        session.execute(sa.update(Store).values(name="[/red] Shop [x] :cat:"))
    engine.dispose()
    assert run("show", "1").count("[/red] Shop [x] :cat:") == 3


def test_nothing_is_cut_for_a_program_that_reads_or_on_a_narrow_terminal(monkeypatch):
    run("run")
    engine = open_database(get_settings().resolved_database_url)
    with transaction(engine) as session:
        session.execute(sa.update(StoreGroup).values(status="AMBASSADOR_STALE", name="A name of many long words"))
    engine.dispose()
    assert re.search("A name of many long words +3 +G003 +AMBASSADOR_STALE", run("list"))
    monkeypatch.setenv("COLUMNS", "50")
    assert "…" not in run("list")


def test_an_unknown_group_or_company_is_refused():
    with pytest.raises(InputError, match="there is no group 99"):
        run("show", "99")
    with pytest.raises(InputError, match="unknown company"):
        run("list", "--company", "aldo")


def test_reanalyse_shows_the_difference_and_applies_it_when_told():
    shown = run("reanalyse", "--company", "aldi")
    assert "3 stores with 1 different price lists" in shown
    assert "founded aldi G003 with G001, G002, G003" in shown
    assert "--apply does it" in shown
    assert "no groups" in run("list")
    applied = json.loads(run("reanalyse", "--company", "aldi", "--apply", "--json"))
    assert applied["moved"] == {store_id: [None, "aldi G003"] for store_id in ("G001", "G002", "G003")}
    assert "the groups are as the latest coverage has them" in run("reanalyse", "--company", "aldi")


def test_reanalyse_says_when_nobody_is_at_the_address_of_a_cluster(monkeypatch):
    monkeypatch.setattr("grouping.answering.CONNECT_SECONDS", 0.5)
    with pytest.raises(FailedError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        run("reanalyse", "--company", "aldi", "--dask", "tcp://127.0.0.1:1")
