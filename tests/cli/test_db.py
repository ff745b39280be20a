"""``splitcart db``: the schema, and rebuilding from the kept files."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.config import get_settings
from splitcart.database import create_engine, open_database
from splitcart.database.models import Price
from tests.cli.front_door import splitcart
from tests.ingest.chains import gtin
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.store_lists import shop, write_sweep

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def kept(own_engine: sa.Engine) -> Path:
    """Two stores with two crawls each and one sweep, taken in; the answer is where their files are kept."""
    own_engine.dispose()  # the commands have their own
    settings = get_settings()
    write_sweep(settings.folder("store_inbox"), AT, [shop("G101"), shop("G102")])
    for day in range(2):
        for store_id in ("G101", "G102"):
            at = AT + timedelta(days=day)
            shelf = [product("a1", "A", 100 + day)]
            write_crawl(settings.folder("product_inbox"), shelf, [category("A", at)], store_id=store_id)
    assert splitcart("update", "stores").exit_code == 0
    assert splitcart("update", "products").exit_code == 0
    return settings.folder("ingested") / "aldi" / "2026-03"


def prices() -> list[tuple[int, ...]]:
    engine = open_database(get_settings().resolved_database_url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sa.select(Price.price_cents).order_by(Price.store_id))]
    engine.dispose()
    return found


def spoil() -> None:
    engine = open_database(get_settings().resolved_database_url)
    with engine.begin() as connection:
        connection.execute(sa.update(Price).values(price_cents=1))
    engine.dispose()


def test_upgrade_makes_the_schema_and_may_be_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPLITCART_DATABASE_URL", f"sqlite:///{tmp_path}/deep/new.db")
    get_settings.cache_clear()
    for _ in range(2):
        done = splitcart("db", "upgrade")
        assert (done.exit_code, done.error) == (0, "")
        assert done.output == f"the schema of sqlite:///{tmp_path}/deep/new.db is current\n"
    engine = create_engine(f"sqlite:///{tmp_path}/deep/new.db")
    assert "effective_prices" in sa.inspect(engine).get_view_names()
    engine.dispose()


def test_upgrade_makes_the_schema_on_postgresql_and_hides_the_password(
    postgres_server: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE cli_upgrade")
    url = postgres_server.set(database="cli_upgrade", password="secret", drivername="postgresql")
    monkeypatch.setenv("SPLITCART_DATABASE_URL", url.render_as_string(hide_password=False))
    get_settings.cache_clear()
    refused = splitcart("update", "products")
    assert (refused.exit_code, refused.error[-26:]) == (1, "run: splitcart db upgrade\n")
    done = splitcart("db", "upgrade")
    assert done.exit_code == 0
    assert "secret" not in done.output
    assert splitcart("update", "products").exit_code == 0
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE cli_upgrade WITH (FORCE)")
    admin.dispose()


@pytest.mark.parametrize("stores", [["aldi/G101", "aldi/G102"], ["G101", "G102"], ["--all"]])
def test_replay_rebuilds_what_was_spoilt(kept: Path, stores: list[str]) -> None:
    spoil()
    done = splitcart("db", "replay", *stores)
    assert (done.exit_code, done.error) == (0, "")
    assert done.output == "2 stores rebuilt from 4 crawls; 0 files recovered\n"
    assert prices() == [(101,), (101,)]


def test_replay_rebuilds_only_the_named_store(kept: Path) -> None:
    spoil()
    assert splitcart("db", "replay", "aldi/G102").output == "1 stores rebuilt from 2 crawls; 0 files recovered\n"
    assert prices() == [(1,), (101,)]


def test_a_lost_database_comes_back_from_the_kept_files(kept: Path) -> None:
    for file in get_settings().data_dir.glob("splitcart.db*"):
        file.unlink()
    done = splitcart("db", "replay", "--all")
    assert done.output == "0 stores rebuilt from 0 crawls; 4 files recovered\n"
    assert prices() == [(101,), (101,)]


def test_a_lost_database_comes_back_with_what_was_merged() -> None:
    """Once the products of two chains stayed apart until the next file came."""
    settings = get_settings()
    for chain, store_id, more in (("coles", "COL:0404", ""), ("woolworths", "1147", " Biscuits")):
        shelf = [
            product(name, "A", 100, name=name + more, brand="Acme", size="500g", barcode=barcode)
            for name, barcode in (("Rusks", gtin(0)), ("Wafers", gtin(1)), ("Tim Tam", None))
        ]
        facts = {"company": chain, "store_id": store_id, "crawl_id": chain}
        write_crawl(settings.folder("product_inbox"), shelf, [category("A", AT)], **facts)
    splitcart("update", "products")
    for file in settings.data_dir.glob("splitcart.db*"):
        file.unlink()
    done = json.loads(splitcart("db", "replay", "--all", "--json").output)
    assert (done["stores"], done["crawls"], done["recovered"]["totals"]["files"]) == (0, 0, 2)
    assert done["recovered"]["post_processed"]["products_merged"] == 1
    (merge,) = json.loads(splitcart("products", "merges", "--json").output)
    assert (merge["from"]["name"], merge["into"]["name"]) == ("Tim Tam Biscuits", "Tim Tam")


def test_a_damaged_kept_file_is_one_line_and_exit_code_1(kept: Path) -> None:
    for file in get_settings().data_dir.glob("splitcart.db*"):
        file.unlink()
    damaged = min(kept.glob("aldi-g101-*"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    done = splitcart("db", "replay", "--all")
    assert done.exit_code == 1
    assert "3 files recovered" in done.output
    assert f"refused {damaged.name}: {damaged.name}: the gzip stream is truncated" in done.output
    assert done.error == "error: 1 stores or kept files could not be replayed\n"


def test_a_lost_kept_file_stops_its_store_and_changes_nothing(kept: Path) -> None:
    spoil()
    shutil.rmtree(kept)
    done = splitcart("db", "replay", "aldi/G101")
    assert (done.exit_code, done.error.count("\n")) == (1, 1)
    assert "No such file or directory); restore it from a backup" in done.output
    assert prices() == [(1,), (1,)]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "name stores as company/store_id, or give --all"),
        (["aldi/G101", "--all"], "name stores as company/store_id, or give --all"),
        (["aldi/G999"], "error: store 'aldi/G999' is not known; expected a known store, as company/store_id\n"),
    ],
)
def test_replay_of_nothing_or_of_the_unknown_is_exit_code_2(arguments: list[str], line: str) -> None:
    done = splitcart("db", "replay", *arguments)
    assert done.exit_code == 2
    assert line in done.error


def test_an_id_that_two_chains_use_must_be_named_with_its_chain() -> None:
    settings = get_settings()
    for company in ("iga", "woolworths"):
        at = category("A", AT)
        write_crawl(settings.folder("product_inbox"), [], [at], company=company, store_id="1147", crawl_id=company)
    assert splitcart("update", "products").exit_code == 0
    done = splitcart("db", "replay", "1147")
    assert (done.exit_code, done.error) == (
        2,
        "error: store '1147' is used by iga, woolworths; expected a known store, as company/store_id\n",
    )
    assert splitcart("db", "replay", "iga/1147").exit_code == 0


def test_check_says_that_all_is_well(kept: Path) -> None:
    done = splitcart("db", "check")
    assert (done.exit_code, done.error) == (0, "")
    assert "ok every crawl's file is kept" in done.output
    assert "wrong" not in done.output


def test_check_names_what_is_wrong_and_what_to_run(kept: Path) -> None:
    lost = min(kept.glob("aldi-g101-*"))
    lost.unlink()
    done = splitcart("db", "check")
    assert done.exit_code == 1
    assert f"wrong every crawl's file is kept: 1 found (ingested/aldi/2026-03/{lost.name}: missing)" in done.output
    assert "\n  restore ingested/ from a backup\n" in done.output
    assert done.error == "error: 1 of 10 checks found something; what to run stands with each\n"
    assert splitcart("db", "check", "--no-files").exit_code == 0
    found = [each for each in json.loads(splitcart("db", "check", "--json").output) if each["problems"]]
    assert [(each["problems"], each["run"]) for each in found] == [(1, "restore ingested/ from a backup")]


def test_stats_shows_tables_and_chains(kept: Path) -> None:
    done = splitcart("db", "stats", "--json")
    shown = json.loads(done.output)
    assert {table["name"]: table["rows"] for table in shown["tables"]}["crawls"] == 5
    assert [(chain["company"], chain["covered_stores"]) for chain in shown["chains"]] == [("aldi", 2)]
    text = splitcart("db", "stats").output
    assert "price_history" in text
    assert "2026-03-03" in text


def test_vacuum_says_what_the_database_takes(kept: Path) -> None:
    assert json.loads(splitcart("db", "vacuum", "--json").output)["size_bytes"] > 0
    assert splitcart("db", "vacuum", "--full").output.startswith("vacuumed and analysed; the database takes ")


def test_upgrade_tells_the_revision(kept: Path) -> None:
    assert json.loads(splitcart("db", "upgrade", "--json").output)["revision"] >= "0003"


def test_retain_archives_months_and_the_archive_is_built_without_them(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLITCART_CLOCK_START", "2026-09-10T00:00:00+00:00")
    get_settings.cache_clear()
    done = splitcart("db", "retain", "--keep-months", "3")
    file = get_settings().data_dir / "retired" / "price_history-2026-03.jsonl.gz"
    assert done.output == (
        f"2026-03: 2 intervals archived to {file}\n"
        "history is kept from 2026-04-01 UTC on; 2 intervals dropped, 0 coverage rows thinned\n"
    )
    assert file.is_file()
    assert splitcart("archive", "all").exit_code == 0
    assert json.loads(splitcart("db", "retain", "--keep-months", "3", "--json").output)["months"] == {}
    assert splitcart("db", "retain", "--keep-months", "1").exit_code == 2
