"""A crawl that dies at any byte costs the category that was being read, and nothing else."""

import gzip
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart.transfer import CrawlWriter, WorkingFileBusyError, read_closing, read_crawl_file, verify_file
from splitcart.transfer.records import FailureClass


def crawling(outbox: Path) -> list[Path]:
    folder = outbox.parent / "state" / "crawling"
    return sorted(folder.iterdir()) if folder.exists() else []


def skus(path: Path) -> list[str]:
    return [getattr(entry, "sku", None) or entry.store_id for _, entry in list(read_crawl_file(path))[:-1]]


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "product_outbox"


@pytest.fixture(scope="session")
def open_writer():
    def make(outbox: Path, clock, **changes) -> CrawlWriter:
        given = {"company": "aldi", "spider": "aldi", "store_id": "G102", "nonce": "3f9a1c"} | changes
        return CrawlWriter.open(
            outbox, given.pop("company"), given.pop("spider"), given.pop("store_id"), clock, **given
        )

    return make


@pytest.fixture(scope="session")
def crawl(product, category):
    """Add and finish one category of these skus."""

    def make(writer: CrawlWriter, name: str, *codes: str, **changes) -> None:
        for code in codes:
            writer.add(product(code, name))
        verified = changes.pop("store_verified", None)
        writer.finish_category(category(name, len(codes), at=writer._clock(), **changes), store_verified=verified)

    return make


def test_a_crawl_becomes_one_file_in_the_outbox(outbox, clock, open_writer, crawl):
    writer = open_writer(outbox, clock, host="den")
    crawl(writer, "Dairy", "1", "2")
    crawl(writer, "Bakery", "3")
    clock.forward(hours=1)
    path = writer.commit(complete=True, store_verified=True, stats={"requests": 4})

    assert path == outbox / "aldi-g102-20261120T120000Z-3f9a1c.jsonl.gz"
    assert list(outbox.iterdir()) == [path]
    assert crawling(outbox) == []
    assert skus(path) == ["1", "2", "3"]
    closing = read_closing(path)
    assert (closing.crawl_id, closing.company, closing.spider, closing.store_id) == (
        writer.crawl_id,
        "aldi",
        "aldi",
        "G102",
    )
    assert (closing.started_at, closing.finished_at) == (clock.now - timedelta(hours=1), clock.now)
    assert [(one.category, one.rows) for one in closing.categories] == [("Dairy", 2), ("Bakery", 1)]
    assert (closing.rows, closing.complete, closing.store_verified, closing.host) == (3, True, True, "den")
    assert closing.stats == {"requests": 4}


def test_the_same_crawl_gives_the_same_bytes_as_one_gzip_member(tmp_path, new_clock, open_writer, crawl):
    contents = []
    for place in ("a", "b"):
        writer = open_writer(tmp_path / place / "product_outbox", new_clock())
        crawl(writer, "Dairy", "1", "2")
        contents.append(writer.commit(complete=True).read_bytes())
    assert contents[0] == contents[1]
    assert contents[0][4:8] == b"\0\0\0\0"  # no time of writing
    with pytest.raises(EOFError):
        gzip.decompress(contents[0][:-1])


def test_rows_of_a_dropped_category_are_forgotten(outbox, clock, open_writer, crawl, product):
    writer = open_writer(outbox, clock)
    crawl(writer, "Dairy", "1")
    writer.add(product("2"))
    assert writer.seen_skus == {"1", "2"}
    writer.drop_category()
    assert writer.seen_skus == {"1"}
    assert skus(writer.commit(complete=False, finish_reason="blocked", failure_class=FailureClass.BLOCKED)) == ["1"]


def test_a_crawl_with_an_open_category_cannot_be_committed(outbox, clock, open_writer, product):
    with open_writer(outbox, clock) as writer:
        writer.add(product("1"))
        with pytest.raises(ValueError, match="unfinished category"):
            writer.commit(complete=True)


def test_a_category_is_finished_once(outbox, clock, open_writer, crawl):
    with open_writer(outbox, clock) as writer:
        crawl(writer, "Dairy", "1")
        with pytest.raises(ValueError, match="finished already"):
            crawl(writer, "Dairy", "2")


def test_nothing_can_be_added_after_the_end(outbox, clock, open_writer, product):
    writer = open_writer(outbox, clock)
    writer.discard()
    writer.close()
    with pytest.raises(ValueError, match="discarded"):
        writer.add(product())
    assert crawling(outbox) == []
    assert not outbox.exists()


def test_a_store_sweep_needs_no_categories(tmp_path, clock, open_writer, store):
    outbox = tmp_path / "store_outbox"
    writer = open_writer(outbox, clock, spider="aldi_stores", store_id=None)
    writer.add(store("G102"))
    writer.add(store("G103"))
    path = writer.commit(complete=True)
    assert path.name == "aldi-stores-20261120T120000Z-3f9a1c.jsonl.gz"
    assert skus(path) == ["G102", "G103"]
    assert read_closing(path).store_id is None


def test_a_sweep_that_died_while_it_was_committed_is_not_mixed_into_a_later_one(
    tmp_path, clock, open_writer, store, monkeypatch
):
    outbox = tmp_path / "store_outbox"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, open_writer(outbox, clock, spider="aldi_stores", store_id=None) as writer:
        patched.setattr("splitcart.transfer.working_file.WorkingFile.decide", killed)
        writer.add(store("G102"))
        with pytest.raises(KeyboardInterrupt):
            writer.commit(complete=True)
    now = clock.forward(days=7)
    again = open_writer(outbox, clock, nonce="b00000", spider="aldi_stores", store_id=None)
    again.add(store("G103"))
    path = again.commit(complete=True)
    assert skus(path) == ["G103"]
    assert read_closing(path).started_at == now


def test_a_clock_that_is_set_back_leaves_a_crawl_that_ends_after_its_start(outbox, clock, open_writer, crawl):
    writer = open_writer(outbox, clock)
    crawl(writer, "Dairy", "1")
    clock.forward(minutes=-5)
    closing = read_closing(writer.commit(complete=True))
    assert closing.finished_at == closing.started_at


def test_a_closed_crawl_is_gone_on_with(outbox, clock, open_writer, crawl, product):
    with open_writer(outbox, clock) as writer:
        crawl(writer, "Dairy", "1", "2")
        writer.add(product("3"))
    clock.forward(hours=2)
    again = open_writer(outbox, clock, nonce="000000")
    assert (again.crawl_id, again.started_at) == (writer.crawl_id, writer.started_at)
    assert list(again.finished_categories) == ["Dairy"]
    assert again.finished_categories["Dairy"].rows == 2
    assert again.seen_skus == {"1", "2"}
    assert again.committed_before == []
    crawl(again, "Bakery", "3")
    assert skus(again.commit(complete=True)) == ["1", "2", "3"]


def test_a_crawl_that_finished_nothing_starts_anew(outbox, clock, open_writer):
    open_writer(outbox, clock).close()
    clock.forward(hours=1)
    with open_writer(outbox, clock, nonce="000000") as again:
        assert again.started_at == clock.now


def test_two_processes_never_crawl_one_store(outbox, clock, open_writer):
    with open_writer(outbox, clock):
        with pytest.raises(WorkingFileBusyError, match="another process"):
            open_writer(outbox, clock)
        open_writer(outbox, clock, store_id="G103").close()
    open_writer(outbox, clock).close()


def test_categories_too_old_to_go_on_become_a_crawl_of_their_own(outbox, clock, open_writer, crawl):
    with open_writer(outbox, clock) as writer:
        crawl(writer, "Dairy", "1", "2", store_verified=True)
        clock.forward(hours=10)
        crawl(writer, "Bakery", "3")
        begun_bakery = clock.now
    clock.forward(hours=15)
    again = open_writer(outbox, clock, nonce="b00000")
    (late,) = again.committed_before
    closing = read_closing(late)
    assert closing.crawl_id == writer.crawl_id
    assert (closing.finish_reason, closing.failure_class, closing.complete) == ("resumed_too_late", "killed", False)
    assert ([one.category for one in closing.categories], skus(late)) == (["Dairy"], ["1", "2"])
    assert closing.store_verified is True
    assert (list(again.finished_categories), again.seen_skus) == (["Bakery"], {"3"})
    assert (again.crawl_id, again.started_at) == ("aldi-g102-20261120T220000Z-b00000", begun_bakery)
    crawl(again, "Dairy", "1")
    assert skus(again.commit(complete=True)) == ["3", "1"]


def test_categories_from_before_a_change_time_do_not_go_on(outbox, clock, open_writer, crawl):
    with open_writer(outbox, clock) as writer:
        crawl(writer, "Dairy", "1")
    change = clock.forward(minutes=5)
    clock.forward(minutes=5)
    with open_writer(outbox, clock, nonce="b00000", not_before=change) as again:
        assert skus(again.committed_before[0]) == ["1"]
        assert again.finished_categories == {}
        assert again.started_at == clock.now


@pytest.mark.parametrize(("answers", "together"), [((True, True), True), ((True, None), None), ((None, False), False)])
def test_a_late_crawl_is_verified_only_if_every_category_was(answers, together, outbox, clock, open_writer, crawl):
    with open_writer(outbox, clock) as writer:
        for number, answer in enumerate(answers):
            crawl(writer, f"c{number}", str(number), store_verified=answer)
    clock.forward(hours=30)
    with open_writer(outbox, clock) as again:
        assert read_closing(again.committed_before[0]).store_verified is together


def test_a_guest_goes_with_who_showed_it_first_unless_a_category_has_it_as_its_own(
    outbox, clock, open_writer, category, crawl, product
):
    with open_writer(outbox, clock) as writer:
        for sku in ("1", "5", "6", "5"):
            writer.add_guest(product(sku, "Dairy"))
        crawl(writer, "Dairy", "2")
        writer.add_guest(product("7", "Bakery"))  # of a category that was being read when the crawl died
    with open_writer(outbox, clock) as again:
        assert again.seen_skus == {"2"}
        for sku in ("5", "2"):
            again.add_guest(product(sku, "Bakery"))
        crawl(again, "Bakery", "6", "3")
        final = again.commit(complete=True)
    assert skus(final) == ["2", "1", "5", "6", "3"]
    closing = read_closing(final)
    assert closing.rows == 5
    assert [(one.category, one.rows, one.guests) for one in closing.categories] == [("Dairy", 3, 2), ("Bakery", 2, 0)]


def test_a_category_that_is_committed_alone_takes_all_its_guests_along(outbox, clock, open_writer, crawl, product):
    with open_writer(outbox, clock) as writer:
        writer.add_guest(product("1", "Dairy"))
        writer.add_guest(product("2", "Dairy"))
        crawl(writer, "Dairy")
        clock.forward(hours=10)
        writer.add_guest(product("2", "Bakery"))
        crawl(writer, "Bakery", "1")
    clock.forward(hours=15)
    with open_writer(outbox, clock, nonce="b00000") as again:
        (late,) = again.committed_before
        assert (skus(late), read_closing(late).rows) == (["1", "2"], 2)
        assert skus(again.commit(complete=False)) == ["1", "2"]


def test_leftovers_that_nobody_resumed_in_time_are_committed(outbox, clock, open_writer, crawl):
    with open_writer(outbox, clock) as old:
        crawl(old, "Dairy", "1")
    open_writer(outbox, clock, store_id="G109").close()
    clock.forward(hours=25)
    with (
        open_writer(outbox, clock, store_id="G103") as young,
        open_writer(outbox, clock, spider="aldi_stores", store_id=None),
    ):
        crawl(young, "Dairy", "2")
        young.close()
        with open_writer(outbox, clock, store_id="G104"):
            committed = CrawlWriter.commit_leftovers(outbox, "aldi", "aldi", clock, nonce="b00000")
    assert [read_closing(path).crawl_id for path in committed] == [old.crawl_id]
    names = [path.name for path in crawling(outbox) if path.suffix == ".partial"]
    assert names == ["aldi-aldi-g103.partial", "aldi-aldi-g104.partial", "aldi-aldi_stores-stores.partial"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), sizes=st.lists(st.integers(0, 4), max_size=4), cut=st.floats(0, 1))
def test_cut_anywhere_exactly_the_checkpointed_categories_come_back(
    seed, sizes, cut, tmp_path_factory, new_clock, open_writer, crawl
):
    clock, random = new_clock(), Random(seed)
    outbox = tmp_path_factory.mktemp("cut") / "product_outbox"
    ends, wanted = [], {}
    with open_writer(outbox, clock) as writer:
        path = writer._file.path
        ends.append(path.stat().st_size)
        for number, size in enumerate(sizes):
            wanted[f"c{number}"] = [f"{number}-{row}-{random.random()}" for row in range(size)]
            crawl(writer, f"c{number}", *wanted[f"c{number}"])
            ends.append(path.stat().st_size)
    length = round(cut * ends[-1])
    os.truncate(path, length)

    with open_writer(outbox, clock) as again:
        kept = [name for name, end in zip(wanted, ends[1:], strict=True) if end <= length]
        assert list(again.finished_categories) == kept
        for name, rows in wanted.items():
            if name not in kept:
                crawl(again, name, *rows)
        final = again.commit(complete=True)
    assert sorted(skus(final)) == sorted(sku for rows in wanted.values() for sku in rows)
    assert verify_file(final).closing.complete


@settings(max_examples=30, deadline=None)
@given(cut=st.floats(0, 1))
def test_cut_while_committing_the_crawl_is_committed_once_or_gone_on_with(
    cut, tmp_path_factory, new_clock, open_writer, crawl
):
    clock = new_clock()
    outbox = tmp_path_factory.mktemp("cut") / "product_outbox"
    writer = open_writer(outbox, clock)
    crawl(writer, "Dairy", "1", "2")
    checkpointed = writer._file.path.stat().st_size
    path, removed = writer._file.path, []
    writer.discard = lambda: removed.append(path.read_bytes()) or CrawlWriter.discard(writer)
    final = writer.commit(complete=True)
    committed = final.read_bytes()
    decided = removed[0]
    length = checkpointed + round(cut * (len(decided) - checkpointed))
    path.write_bytes(decided[:length])

    with open_writer(outbox, clock, nonce="b00000") as again:
        if length == len(decided):
            assert [one.read_bytes() for one in again.committed_before] == [committed]
            assert (again.finished_categories, again.seen_skus) == ({}, set())
        else:
            assert again.committed_before == []
            assert (again.crawl_id, again.seen_skus) == (writer.crawl_id, {"1", "2"})


def test_a_failed_append_leaves_the_file_ready_for_the_next(outbox, clock, open_writer, crawl):
    with open_writer(outbox, clock) as writer:
        crawl(writer, "Dairy", "1")
        with writer._file.path.open("ab") as other:
            other.write(b"half a member")
        crawl(writer, "Bakery", "2")
    with open_writer(outbox, clock) as again:
        assert list(again.finished_categories) == ["Dairy", "Bakery"]


CRAWLER = """
import sys
from pathlib import Path
from splitcart.measures.clock import system_clock
from splitcart.transfer import CrawlWriter
from splitcart.transfer.records import CategoryRecord, ProductRecord
writer = CrawlWriter.open(Path(sys.argv[1]), "aldi", "aldi", "G102", system_clock, nonce="3f9a1c")
print("finished", *writer.finished_categories, flush=True)
for number in range(3):
    if f"c{number}" in writer.finished_categories:
        continue
    begun = system_clock()
    for row in range(50):
        sku = f"{number}-{row}"
        writer.add(ProductRecord(sku=sku, name="x", category_path=[f"c{number}"], price_cents=1))
    print("reading", number, flush=True)
    sys.stdin.readline()
    window = {"observed_from": begun, "observed_to": system_clock()}
    writer.finish_category(CategoryRecord(category=f"c{number}", rows=50, complete=True, **window))
print("committed", writer.commit(complete=True), flush=True)
"""


def crawler(outbox: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", CRAWLER, outbox], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_killed_crawler_is_gone_on_with_by_the_next(outbox):
    with crawler(outbox) as first:
        assert first.stdout.readline() == "finished\n"
        assert first.stdout.readline() == "reading 0\n"
        first.stdin.write("\n")
        first.stdin.flush()
        assert first.stdout.readline() == "reading 1\n"
        first.send_signal(signal.SIGKILL)
    with crawler(outbox) as second:
        output, _ = second.communicate("\n\n")
    lines = output.splitlines()
    assert lines[:3] == ["finished c0", "reading 1", "reading 2"]
    (final,) = outbox.iterdir()
    assert sorted(skus(final)) == sorted(f"{number}-{row}" for number in range(3) for row in range(50))
    assert json.loads(gzip.decompress(final.read_bytes()).splitlines()[-1])["crawl"]["rows"] == 150
    assert crawling(outbox) == []
