"""A build publishes everything, costs the same for every store, and repeats itself byte for byte."""

import json
import tracemalloc

import sqlalchemy as sa

from archive import build_all, build_stores
from splitcart.database import create_engine, reading, transaction
from splitcart.database import models as m
from tests.archive.small_chain import Chain, build, contents, dairy, day, load


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


def test_one_store_can_be_built_alone(market, folder):
    build(build_all, market, folder)
    with transaction(market) as session:
        session.execute(sa.update(m.Store).values(phone="13 25 26"))
    report = build(build_stores, market, folder, "aldi", "G101")
    assert report.changed == ["store_data/aldi/g101.json"]
    stores = [load(folder / f"store_data/aldi/{slug}.json")["metadata"]["store"] for slug in ("g100", "g101")]
    assert ["phone" in store for store in stores] == [False, True]
    assert (folder / "company_data/aldi.json").is_file()


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


def test_progress_names_every_store_before_it_is_built(market, folder):
    seen = []
    build(build_stores, market, folder, progress=lambda *step: seen.append(step))
    assert seen == [(0, 2, "store_data/aldi/g100.json"), (1, 2, "store_data/aldi/g101.json")]


def test_a_reading_session_is_enough(market, folder):
    engine = create_engine(market.url.render_as_string(hide_password=False))
    with reading(engine) as session:
        build_all(session, folder)
    engine.dispose()
    assert (folder / "manifest.json").is_file()


def test_memory_does_not_grow_with_the_number_of_stores(sqlite, tmp_path):
    peaks = []
    for stores in (1, 12, 48):  # the first fills what is cached of statements and classes
        with transaction(sqlite) as session:
            chain = Chain(session, f"chain{stores}")
            skus = [
                chain.sku(f"s{number}", f"Root > {number % 9}", description="d" * 500).code for number in range(150)
            ]
            for number in range(stores):
                store = chain.store(str(number))
                crawl = chain.crawl(store, 0, "Root")
                for code in skus:
                    chain.price(store, code, 100, crawl)
        tracemalloc.start()
        build(build_stores, sqlite, tmp_path / str(stores), f"chain{stores}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[2] - peaks[1]) / 36 < 150 * 500 / 3, "a store adds its line in the manifest, not its shelf"
