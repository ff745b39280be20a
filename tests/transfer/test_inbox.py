"""A file in the inbox is whole, and is worked on by one worker at a time."""

import subprocess
import sys
from dataclasses import replace

import pytest

from splitcart.transfer import (
    KINDS,
    CrawlFileError,
    accept,
    check_kind,
    claimed,
    get_kind,
    inbox_path,
    reject,
    verify_file,
)
from splitcart.transfer.inbox import remove_abandoned
from splitcart.transfer.kinds import kind_of
from splitcart.transfer.lock import FileLock
from splitcart.transfer.records import BatchRecord, FailureClass
from splitcart.transfer.waiting import rejected_files
from tests.transfer.conftest import NOON


@pytest.fixture
def fill(tmp_path):
    def make(*names: str):
        inbox = inbox_path(tmp_path, "products")
        inbox.mkdir(exist_ok=True)
        for name in names:
            (inbox / name).write_bytes(b"x")
        return inbox

    return make


def test_an_accepted_file_is_named_after_its_crawl_and_bytes(tmp_path, file_of, closing):
    path = file_of(closing())
    verified = verify_file(path)
    accepted = accept(tmp_path, "products", path, verified)
    assert accepted == tmp_path / "product_inbox" / f"{closing().crawl_id}-{verified.sha256[:16]}.jsonl.gz"
    assert not path.exists()
    again = file_of(closing())
    assert accept(tmp_path, "products", again, verify_file(again)) == accepted


def test_a_rejected_file_keeps_its_reason_beside_it(tmp_path, fill):
    inbox = fill("a.jsonl.gz")
    rejected = reject(tmp_path, inbox / "a.jsonl.gz", "no such store")
    assert rejected == tmp_path / "rejected" / "a.jsonl.gz"
    assert rejected.with_name("a.jsonl.gz.reason.txt").read_text() == "no such store\n"
    assert list(inbox.iterdir()) == []


def test_a_rejected_file_takes_the_place_of_no_other(tmp_path, fill):
    for content in (b"x", b"y", b"x"):
        (fill("a.jsonl.gz") / "a.jsonl.gz").write_bytes(content)
        reject(tmp_path, inbox_path(tmp_path, "products") / "a.jsonl.gz", f"no {content.decode()}")
    assert sorted((file.path.read_bytes(), file.reason) for file in rejected_files(tmp_path)) == [
        (b"x", "no x"),
        (b"y", "no y"),
    ]


def test_two_workers_never_have_one_file(tmp_path, fill):
    fill("a.jsonl.gz", "b.jsonl.gz", "c.jsonl.gz", "d.jsonl.gz.partial")
    first, second = claimed(tmp_path, "products"), claimed(tmp_path, "products")
    assert next(first).name == "a.jsonl.gz"
    assert next(second).name == "b.jsonl.gz"
    assert next(first).name == "c.jsonl.gz"
    assert list(second) == []
    assert [path.name for path in first] == []


def test_a_file_that_its_worker_moved_away_is_not_given_out(tmp_path, fill):
    inbox = fill("a.jsonl.gz", "b.jsonl.gz")
    waiting = claimed(tmp_path, "products")
    next(waiting)
    (inbox / "b.jsonl.gz").unlink()
    assert list(waiting) == []


def test_a_claim_ends_with_its_loop(tmp_path, fill):
    fill("a.jsonl.gz")
    for _ in range(2):
        waiting = claimed(tmp_path, "products")
        assert next(waiting).name == "a.jsonl.gz"
        waiting.close()
    assert list((tmp_path / "state" / "claims").iterdir()) == []


WORKER = """
import sys
from pathlib import Path
from splitcart.transfer import claimed
for path in claimed(Path(sys.argv[1]), "products"):
    print(path.name, flush=True)
    sys.stdin.readline()
"""


def test_a_dead_workers_file_is_given_out_again(tmp_path, fill):
    fill("a.jsonl.gz")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout.readline() == "a.jsonl.gz\n"
        assert list(claimed(tmp_path, "products")) == []
        worker.kill()
        worker.wait()
        assert [path.name for path in claimed(tmp_path, "products")] == ["a.jsonl.gz"]


def test_what_dead_receivers_left_is_removed_and_what_arrives_is_not(tmp_path):
    for name in ("dead", "alive"):
        (tmp_path / f"{name}.part").write_bytes(b"half")
    for name in ("dead", "crawl=aldi-1.5"):
        (tmp_path / f"{name}.lock").touch()
    alive = FileLock(tmp_path / "alive.lock")
    assert alive.acquire()
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive.lock", "alive.part"]
    alive.release()
    remove_abandoned(tmp_path / "absent")


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("products", {"store_id": None}, "need one store"),
        ("stores", {}, "need a sweep"),
        ("products", {"store_verified": False}, "another store than 'G102'"),
        ("products", {"failure_class": FailureClass.WRONG_STORE}, "another store"),
    ],
)
def test_a_crawl_of_the_wrong_kind_or_store_is_refused(kind, changes, reason, file_of, closing):
    verified = verify_file(file_of(replace(closing(), **changes)))
    with pytest.raises(CrawlFileError, match=reason):
        check_kind(get_kind(kind), verified)


def test_rows_and_closing_lines_of_another_kind_are_refused(file_of, closing, product, store):
    sweep = replace(closing(1), store_id=None)
    check_kind(get_kind("products"), verify_file(file_of(product(), closing(1))))
    check_kind(get_kind("stores"), verify_file(file_of(store(), sweep)))
    with pytest.raises(CrawlFileError, match="'product' lines"):
        check_kind(get_kind("stores"), verify_file(file_of(product(), sweep)))
    with pytest.raises(CrawlFileError, match="batch line"):
        check_kind(get_kind("products"), verify_file(file_of(BatchRecord(kind="x", generated_at=NOON, count=0))))


DERIVED = [kind for kind in KINDS.values() if kind.is_derived]


@pytest.mark.parametrize("kind", DERIVED, ids=lambda kind: kind.name)
def test_derived_data_is_known_by_its_lines_and_its_closing_line(kind, file_of, closing):
    row = b'{"%s":{"x":1}}' % kind.record.encode()
    whole = verify_file(file_of(row, BatchRecord(kind=kind.name, generated_at=NOON, count=1)))
    check_kind(kind, whole)
    assert kind_of(whole) == kind
    for lines, reason in (
        ([row, BatchRecord(kind="other", generated_at=NOON, count=1)], "of the kind 'other'"),
        ([row, closing(1)], "ends with a crawl line"),
        ([b'{"other":1}', BatchRecord(kind=kind.name, generated_at=NOON, count=1)], "'other' lines"),
    ):
        with pytest.raises(CrawlFileError, match=reason):
            check_kind(kind, verify_file(file_of(*lines)))
    with pytest.raises(CrawlFileError, match="no known kind"):
        kind_of(verify_file(file_of(b'{"other":1}', closing(1))))
