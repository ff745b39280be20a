"""``splitcart generate clusters`` and ``map`` from the front door."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from splitcart.cli.common import console
from splitcart.cli.generate import app
from splitcart.config import get_chain, get_settings
from splitcart.database import BusyError, only_one
from splitcart.errors import InputError
from tests.scheduler.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, own_engine: sa.Engine):
    """ALDI with four stores in Perth, one in Broome, and one nowhere."""
    monkeypatch.setattr(console, "width", 160)
    world = World(own_engine, chain=get_chain("aldi"))
    for number in range(4):
        world.store(None, latitude=-31.95 + number / 100, longitude=115.86)
    world.store(None, name="Broome [north]", latitude=-17.96, longitude=122.24)
    world.store(None, name="Nowhere", latitude=0, longitude=0)
    return world


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_clusters_are_stored_and_what_is_in_none_is_listed(world: World) -> None:
    output = run("clusters", "--company", "aldi")
    assert "ALDI: 4 stores in 1 clusters, 1 isolated, 1 with coordinates that cannot be used" in output
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in output.splitlines() if "│" in line]
    assert ["Perth", "4", "new"] in rows
    assert ["G005", "Broome [north]", "isolated at -17.9600, 122.2400"] in rows
    assert ["G006", "Nowhere", "coordinates are (0, 0)"] in rows
    assert "new" not in run("clusters")


def test_the_map_of_each_chain_lands_in_the_data_folder(world: World) -> None:
    assert "aldi has no clusters; run: splitcart generate clusters" in run("map")
    run("clusters")
    assert "aldi_clusters.png: 4 stores in 1 clusters" in run("map", "--company", "aldi")
    assert (get_settings().folder("maps") / "aldi_clusters.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["clusters", "map"])
def test_a_second_one_at_the_same_time_does_nothing(world: World, command: str) -> None:
    with only_one(world.engine, f"generate {command}"), pytest.raises(BusyError, match=f"another generate {command}"):
        run(command)


def test_without_stores_the_user_is_told_what_to_run() -> None:
    for command in ("clusters", "map"):
        with pytest.raises(InputError, match="no store is stored yet; run: scrapy crawl aldi_stores"):
            run(command)


def test_a_chain_without_stores_in_a_kept_division_does_not_hold_up_the_others(world: World) -> None:
    coles = World(world.engine, chain=get_chain("coles"))
    coles.store(None, store_id="VIN:1", division_id=coles.division("Vintage Cellars"))
    output = run("clusters")
    assert "ALDI: 4 stores in 1 clusters" in output
    assert "coles: left out, no active store of it is in Coles Supermarkets" in output
    assert "coles" not in run("clusters", "--company", "aldi")
    with pytest.raises(InputError, match="no active store of coles in Coles Supermarkets is known"):
        run("clusters", "--company", "coles")


def test_large_clusters_are_cut_to_what_is_crawled_in_a_window(world: World) -> None:
    for number in range(8):
        world.store(None, latitude=-31.9 + number / 100, longitude=115.86)
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in run("clusters", "--crawls", "8").splitlines()]
    assert ["Perth south", "6", "new"] in rows
    assert ["Perth north", "6", "new"] in rows
    report = json.loads(run("clusters", "--json"))["aldi"]
    assert (report["renamed"], report["ended"]) == ({"Perth": "Perth south"}, ["Perth north"])
    assert len(report["clusters"]["Perth"]) == 12
    assert report["invalid"] == [
        [{"store_id": "G006", "name": "Nowhere", "latitude": 0.0, "longitude": 0.0}, "coordinates are (0, 0)"]
    ]
    with pytest.raises(InputError, match="aldi: with 1 crawls a day one window of 48 h holds 0 stores"):
        run("clusters", "--crawls", "1")


def test_maps_go_where_the_user_says_and_are_told_as_json(world: World, tmp_path: Path) -> None:
    run("clusters")
    told = json.loads(run("map", "--out", str(tmp_path / "pictures"), "--json"))
    path = tmp_path / "pictures/aldi_clusters.png"
    assert told == {"aldi": {"path": str(path), "clustered": 4, "clusters": 1, "isolated": 1, "invalid": 1}}
    assert path.read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot write .*file/aldi_clusters.png: .*; expected a folder that can be"):
        run("map", "--out", str(tmp_path / "file"))
