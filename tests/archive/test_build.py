"""A build appears as a whole or not at all, costs the same for every store, and repeats itself byte for byte."""

import fcntl
import json
import os
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from archive import ArchiveError, ArchiveInputError, build_all, build_company, build_stores
from splitcart.database import create_engine, reading, transaction
from splitcart.database import models as m
from tests.archive.small_chain import Chain, build, contents, dairy, day, load, products


def store_row(session, store_id):
    return session.scalar(sa.select(m.Store).where(m.Store.store_id == store_id))


def test_the_whole_archive_is_published_in_one_step(market, folder):
    report = build(build_all, market, folder)
    assert sorted(contents(folder)) == [
        "company_data/aldi.json",
        "manifest.json",
        "schemas/company.schema.json",
        "schemas/manifest.schema.json",
        "schemas/product.schema.json",
        "schemas/store.schema.json",
        "store_data/aldi/g100.json",
        "store_data/aldi/g101.json",
    ]
    assert (report.files, report.as_of) == (7, day(2))
    assert (folder / "store_data/aldi/g100.json").is_file()


def test_the_same_database_gives_the_same_bytes(market, folder, tmp_path):
    build(build_all, market, folder)
    build(build_all, market, tmp_path / "again")
    assert contents(folder) == contents(tmp_path / "again")


def test_both_databases_give_the_same_bytes_but_for_fingerprints(sqlite, postgres, tmp_path):
    for name, engine in (("sqlite", sqlite), ("postgres", postgres)):
        with transaction(engine) as session:
            dairy(session)
        build(build_all, engine, tmp_path / name)
    ours, theirs = contents(tmp_path / "sqlite"), contents(tmp_path / "postgres")
    manifests = [json.loads(files.pop("manifest.json"))["files"] for files in (ours, theirs)]
    assert ours == theirs
    for manifest in manifests:
        for entry in manifest.values():
            entry.pop("fingerprint", None)
    assert manifests[0] == manifests[1]


def test_an_unchanged_archive_is_left_alone(market, folder):
    build(build_all, market, folder)
    before = (folder / "current").readlink()
    statements = count_statements(market, lambda: build(build_all, market, folder))
    report = build(build_all, market, folder)
    assert (report.changed, report.removed, report.unchanged) == ([], [], 7)
    assert (folder / "current").readlink() == before
    assert not any("effective_prices" in statement for statement in statements)


def test_only_stores_with_news_are_rebuilt_and_the_result_is_that_of_a_full_build(market, folder, tmp_path):
    with transaction(market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.sku("tea", "Tea")
        for store_id in ("1", "2"):
            store = chain.store(store_id)
            chain.price(store, "tea", 450, chain.crawl(store, 0, "Tea"))
    build(build_all, market, folder)
    kept = (folder / "store_data/iga/1.json").stat().st_ino
    with transaction(market) as session:
        chain.session = session
        chain.crawl(store_row(session, "2"), 4, "Tea")
    report = build(build_all, market, folder)
    assert report.changed == ["store_data/iga/2.json"]
    assert (folder / "store_data/iga/1.json").stat().st_ino == kept
    build(build_all, market, tmp_path / "full")
    assert contents(folder) == contents(tmp_path / "full")


def change_detail(session):
    session.execute(sa.update(m.Sku).where(m.Sku.code == "curd").values(brand="Farm"))


def change_store(session):
    session.execute(sa.update(m.Store).values(phone="13 25 26"))


def change_list(session):
    session.execute(sa.update(m.GroupPrice).values(changed_at=day(3), price_cents=999))


def change_status(session):
    session.execute(sa.update(m.StoreGroup).values(status="DIVERGENCE_DETECTED"))


def change_membership(session):
    session.execute(sa.update(m.Membership).values(suspended_at=day(3)))


def change_category(session):
    session.execute(
        sa.update(m.Category).where(m.Category.path == "Dairy > Milk").values(name="Milks", path="Dairy > Milks")
    )


@pytest.mark.parametrize(
    "change", [change_detail, change_store, change_list, change_status, change_membership, change_category]
)
def test_whatever_a_file_is_made_of_makes_it_anew(market, folder, tmp_path, change):
    build(build_stores, market, folder)
    with transaction(market) as session:
        change(session)
    report = build(build_stores, market, folder)
    assert report.changed == ["store_data/aldi/g100.json", "store_data/aldi/g101.json"]
    build(build_stores, market, tmp_path / "full")
    assert contents(folder) == contents(tmp_path / "full")


def test_a_kept_file_that_was_cut_short_is_built_again(market, folder):
    build(build_all, market, folder)
    before = contents(folder)
    os.truncate(folder / "store_data/aldi/g100.json", 10)
    build(build_all, market, folder)
    assert contents(folder) == before


def test_one_store_can_be_built_alone(market, folder):
    build(build_all, market, folder)
    with transaction(market) as session:
        session.execute(sa.update(m.Store).values(phone="13 25 26"))
    report = build(build_stores, market, folder, "aldi", "G101")
    assert report.changed == ["store_data/aldi/g101.json"]
    stores = [load(folder / f"store_data/aldi/{slug}.json")["metadata"]["store"] for slug in ("g100", "g101")]
    assert ["phone" in store for store in stores] == [False, True]
    assert (folder / "company_data/aldi.json").is_file()


def test_stores_that_closed_leave_the_archive_unless_asked_for(market, folder):
    build(build_all, market, folder)
    with transaction(market) as session:
        session.execute(sa.update(m.Store).where(m.Store.store_id == "G101").values(is_active=False))
    report = build(build_all, market, folder)
    assert report.removed == ["store_data/aldi/g101.json"]
    assert not (folder / "store_data/aldi/g101.json").exists()
    assert build(build_all, market, folder, include_inactive=True).changed == ["store_data/aldi/g101.json"]


def test_a_store_that_was_never_crawled_has_no_file(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.store("7")
    report = build(build_all, market, folder)
    assert report.without_prices == 1
    assert not (folder / "store_data/iga").exists()
    with pytest.raises(ArchiveInputError, match="store 7 of iga has no prices yet"):
        build(build_stores, market, folder, "iga", "7")


def count_statements(engine, work):
    statements: list[str] = []

    def count(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", count)
    work()
    sa.event.remove(engine, "before_cursor_execute", count)
    return statements


def test_every_store_costs_the_same_number_of_queries(engine, tmp_path):
    counted = []
    for round_, stores in enumerate((1, 1, 5)):
        with transaction(engine) as session:
            chain = Chain(session, f"chain{round_}")
            skus = [chain.sku(f"s{round_}-{number}", f"Root > {number % 7}").code for number in range(30)]
            rows = [chain.store(str(number)) for number in range(stores)]
            for store in rows:
                crawl = chain.crawl(store, 0, "Root")
                for code in skus:
                    chain.price(store, code, 100, crawl)
            chain.group(*rows)
        folder = tmp_path / str(round_)
        work = lambda: build(build_stores, engine, folder, f"chain{round_}")  # noqa: B023, E731 - called at once
        counted.append(len(count_statements(engine, work)))
    once, again, five = counted
    assert once == again
    per_store = (five - once) / 4
    assert per_store == int(per_store)
    assert per_store <= 15


def test_more_skus_cost_no_more_queries(engine, tmp_path):
    counted = []
    for skus in (2, 200):
        with transaction(engine) as session:
            chain = Chain(session, f"chain{skus}")
            store = chain.store("1")
            crawl = chain.crawl(store, 0, "Root")
            for number in range(skus):
                chain.price(store, chain.sku(f"s{number}", f"Root > {number}").code, 100, crawl)
        work = lambda: build(build_stores, engine, tmp_path / str(skus), f"chain{skus}")  # noqa: B023, E731 - called at once
        counted.append(len(count_statements(engine, work)))
    assert counted[0] == counted[1]


KILLED = """
import os, signal, sys
from pathlib import Path
from archive import build_all
from splitcart.database import create_engine, reading

def die(done, total, name):
    if done == 1:
        os.kill(os.getpid(), signal.SIGKILL)

with reading(create_engine(sys.argv[1])) as session:
    build_all(session, Path(sys.argv[2]), progress=die, rebuild=True)
"""


def test_a_killed_build_leaves_the_old_archive_whole(market, folder):
    build(build_all, market, folder)
    before = contents(folder)
    with transaction(market) as session:
        session.execute(sa.update(m.Price).values(price_cents=m.Price.price_cents + 1))
    url = market.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, "-c", KILLED, url, str(folder)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list((folder / ".builds").glob("0*"))) == 2
    assert contents(folder) == before
    build(build_all, market, folder)
    assert products(folder / "store_data/aldi/g100.json")["milk"]["offer"]["price_cents"] == 221
    build(build_all, market, folder)
    assert [path.name for path in (folder / ".builds").glob("0*")] == [(folder / "current").readlink().name]


def test_a_build_that_fails_leaves_the_old_archive_whole(market, folder):
    build(build_all, market, folder)
    before = contents(folder)

    def fail(_done, _total, _name):
        raise OSError(28, "No space left on device")

    with pytest.raises(ArchiveError, match="No space left"):
        build(build_all, market, folder, fail, rebuild=True)
    assert contents(folder) == before
    assert len(list((folder / ".builds").glob("0*"))) == 1


def test_a_first_build_that_fails_leaves_nothing_to_read(market, folder):
    with pytest.raises(ArchiveInputError):
        build(build_stores, market, folder, "aldi", "G999")
    assert [path.name for path in folder.iterdir()] == [".builds"]


def test_whoever_still_reads_the_build_before_can_finish(market, folder):
    build(build_all, market, folder)
    reader = (folder / "current").resolve()
    before = contents(folder)
    build_with_news = {"phone": "13 25 26"}
    with transaction(market) as session:
        session.execute(sa.update(m.Store).values(**build_with_news))
    build(build_all, market, folder)
    assert (folder / "current").resolve() != reader
    assert (reader / "store_data/aldi/g100.json").read_bytes() == before["store_data/aldi/g100.json"]


def test_two_builds_at_once_are_refused(market, folder):
    build(build_all, market, folder)
    with (folder / ".builds/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ArchiveError, match="another build"):
            build(build_all, market, folder)
    build(build_all, market, folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lidl", None), "unknown company 'lidl'; in the database: aldi"),
        (("aldi", "G999"), "unknown store 'G999' of aldi"),
        ((None, "G999"), "unknown store 'G999' of aldi"),
    ],
)
def test_unknown_names_are_answered_with_one_line(market, folder, arguments, message):
    with pytest.raises(ArchiveInputError, match=message) as raised:
        build(build_stores, market, folder, *arguments)
    assert "\n" not in str(raised.value)


def test_a_store_id_of_two_companies_needs_the_company(market, folder):
    with transaction(market) as session:
        Chain(session, "iga", "IGA").store("G100")
    with pytest.raises(ArchiveInputError, match="used by aldi and iga; add --company"):
        build(build_stores, market, folder, None, "G100")


@pytest.mark.parametrize("text", ["G101", "g101"])
def test_a_store_is_found_by_id_or_slug(market, folder, text):
    assert build(build_stores, market, folder, None, text).changed[0] == "store_data/aldi/g101.json"


def test_two_stores_that_would_share_a_file_are_named(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "coles", "Coles")
        chain.store("COL:404")
        chain.store("COL:0404")
    with pytest.raises(ArchiveError, match=r"'COL:0404' and 'COL:404' of coles would share the file col-404.json"):
        build(build_all, market, folder)


def test_a_folder_that_cannot_be_written_is_answered_with_one_line(market, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveInputError, match=r"cannot write the archive in .*choose another SPLITCART_DATA_DIR"):
        build(build_all, market, tmp_path / "file/archive")


def test_a_foreign_folder_in_the_way_is_not_touched(market, folder):
    (folder / "store_data").mkdir(parents=True)
    with pytest.raises(ArchiveInputError, match="store_data is not a link made by this program"):
        build(build_all, market, folder)
    assert (folder / "store_data").is_dir()


def test_an_archive_of_another_schema_version_is_only_replaced_as_a_whole(market, folder):
    build(build_all, market, folder)
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 0', 1))
    with pytest.raises(ArchiveInputError, match=r"schema version 0.*run: splitcart archive all"):
        build(build_company, market, None, folder)
    build(build_all, market, folder)
    assert load(path)["schema_version"] == 1


def test_a_manifest_that_is_none_is_named(market, folder):
    build(build_all, market, folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ArchiveError, match="is not a manifest of this program"):
        build(build_all, market, folder)


def test_a_missing_file_of_the_archive_is_not_passed_over(market, folder):
    build(build_all, market, folder)
    (folder / "store_data/aldi/g101.json").unlink()
    with pytest.raises(ArchiveError, match=r"g101.json is missing or cut short; run: splitcart archive all"):
        build(build_company, market, None, folder)
    build(build_all, market, folder)
    assert (folder / "store_data/aldi/g101.json").is_file()


def test_progress_names_every_store_before_it_is_built(market, folder):
    seen = []
    build(build_stores, market, folder, progress=lambda *step: seen.append(step))
    assert seen == [(0, 2, "store_data/aldi/g100.json"), (1, 2, "store_data/aldi/g101.json")]


def test_other_things_in_the_folder_are_left_alone(market, folder):
    folder.mkdir()
    (folder / "parquet").mkdir()
    build(build_all, market, folder)
    build(build_all, market, folder, rebuild=True)
    assert (folder / "parquet").is_dir()


def test_a_reading_session_is_enough(market, folder):
    engine = create_engine(market.url.render_as_string(hide_password=False))
    with reading(engine) as session:
        build_all(session, folder)
    engine.dispose()
    assert (folder / "manifest.json").is_file()
