"""A file leaves its outbox only when the server has said that it keeps it."""

import gzip
import hashlib
import os

import pytest

from splitcart.errors import InputError
from splitcart.stopping import Stop
from splitcart.transfer import KINDS, Client, TransferError, upload_file, upload_outbox, waiting_files
from splitcart.transfer.lock import FileLock
from splitcart.transfer.plain import compress_plain


@pytest.fixture
def put(tmp_path, crawl_bytes):
    """Put a file into an outbox, written so many seconds after the epoch."""

    def make(name: str, written: int = 0, outbox: str = "product_outbox"):
        path = tmp_path / outbox / f"{name}.jsonl.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(crawl_bytes(crawl_id=name))
        os.utime(path, (written + 1, written + 1))
        return path

    return make


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_files_are_sent_oldest_first_and_then_archived(tmp_path, client, script, answer, clock, put):
    put("b", 10), put("a", 20), put("s", 15, "store_outbox")
    (tmp_path / "product_outbox" / "c.jsonl.gz.partial").write_bytes(b"half")
    script.answers = [answer(201), answer(200, b'{"duplicate_of":"0f"}'), answer(201)]
    seen = []
    outcomes = upload_outbox(tmp_path, ["products", "stores"], client, clock, keep_days=30, progress=seen.append)
    assert [(one.kind, one.path.name, one.status) for one in outcomes] == [
        ("products", "b.jsonl.gz", "sent"),
        ("stores", "s.jsonl.gz", "known"),
        ("products", "a.jsonl.gz", "sent"),
    ]
    assert outcomes[1].message == "as 0f"
    assert seen == outcomes
    assert all(one.is_delivered for one in outcomes)
    assert names(tmp_path / "temp_jsonl_product_storage") == ["a.jsonl.gz", "b.jsonl.gz", "s.jsonl.gz"]
    assert names(tmp_path / "product_outbox") == ["c.jsonl.gz.partial"]
    assert upload_outbox(tmp_path, ["products", "stores"], client, clock, keep_days=30) == []


def test_a_refused_file_is_set_aside_with_its_reason_and_the_rest_is_sent(tmp_path, client, script, answer, clock, put):
    put("a", 1), put("b", 2)
    script.answers = [answer(422, b'{"detail":"line 3 is not JSON"}'), answer(201)]
    refused, sent = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (refused.status, sent.status) == ("refused", "sent")
    assert "line 3 is not JSON" in refused.message
    assert names(tmp_path / "product_outbox" / "refused") == ["a.jsonl.gz", "a.jsonl.gz.reason.txt"]
    reason = tmp_path / "product_outbox" / "refused" / "a.jsonl.gz.reason.txt"
    assert "line 3 is not JSON" in reason.read_text()
    assert waiting_files(tmp_path, ["products"]) == []


def test_without_a_server_or_key_everything_stays_and_only_one_is_tried(tmp_path, client, script, answer, clock, put):
    put("a", 1), put("b", 2)
    script.answers = [answer(401, b'{"detail":"unknown key"}')]
    first, second = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (first.status, second.status, second.message) == ("waiting", "waiting", "not tried")
    assert "unknown key" in first.message
    assert len(script.asked) == 1
    assert names(tmp_path / "product_outbox") == ["a.jsonl.gz", "b.jsonl.gz"]


def test_a_file_at_which_the_server_fails_does_not_hold_up_the_others(tmp_path, client, script, answer, clock, put):
    put("a", 1), put("b", 2), put("c", 3)
    script.answers = [*[answer(500, b'{"detail":"a defect"}')] * 6, answer(201)]
    first, *others = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (first.status, {one.status for one in others}) == ("waiting", {"sent"})
    assert "500: a defect" in first.message
    assert names(tmp_path / "product_outbox") == ["a.jsonl.gz"]


def test_a_server_that_fails_at_one_file_after_another_is_left_alone(tmp_path, script, answer, clock, put):
    for number in range(9):
        put(f"a{number}", number)
    script.answers = [*[answer(500)] * 4, answer(201), answer(500)]
    with Client(script.url, "sc_secret-key", attempts=1) as client:
        outcomes = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert [one.status for one in outcomes] == [*["waiting"] * 4, "sent", *["waiting"] * 4]
    assert "not tried" not in {one.message for one in outcomes}
    put("a9", 9), put("b0", 10)
    with Client(script.url, "sc_secret-key", attempts=1) as client:
        outcomes = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert [one.message == "not tried" for one in outcomes] == [False] * 5 + [True] * 5


def test_a_kind_that_the_server_does_not_know_keeps_no_other_back(tmp_path, client, script, answer, clock, put):
    put("a", 1), put("b", 2), put("s", 3, "store_outbox")
    script.answers = [answer(404, b'{"detail":"no such kind"}'), answer(201)]
    first, second, other = upload_outbox(tmp_path, ["products", "stores"], client, clock, keep_days=30)
    assert (first.status, second.message, other.status) == ("waiting", "not tried", "sent")
    assert "no such kind" in first.message


@pytest.mark.parametrize("status", [302, 403, 429, 502, 503])
def test_what_is_true_of_all_files_is_asked_once(status, tmp_path, script, answer, clock, put):
    put("a", 1), put("b", 2)
    script.answers = [answer(status, headers={"Location": "/elsewhere"})]
    with Client(script.url, "sc_secret-key", attempts=1) as client:
        first, second = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (first.status, second.message, len(script.asked)) == ("waiting", "not tried", 1)


def test_files_of_one_name_and_other_bytes_are_all_kept(tmp_path, client, script, answer, clock, put):
    """Once the second took the place of the first among the sent files, and in refused/."""
    contents = []
    for outbox in ("product_outbox", "store_outbox", "product_outbox"):
        path = put("a", outbox=outbox)
        contents.append(path.read_bytes() + b"%d" % len(contents))
        path.write_bytes(contents[-1])
        upload_outbox(tmp_path, ["products", "stores"], client, clock, keep_days=30)
    kept = tmp_path / "temp_jsonl_product_storage"
    second, third = (f"a-{hashlib.sha256(one).hexdigest()[:16]}.jsonl.gz" for one in contents[1:])
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        "a.jsonl.gz": contents[0],
        second: contents[1],
        third: contents[2],
    }
    put("a").write_bytes(contents[2])  # the same once more
    (again,) = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert again.path.name == third
    assert len(names(kept)) == 3


def test_refused_files_of_one_name_keep_their_own_reasons(tmp_path, client, script, answer, clock, put):
    refused = tmp_path / "product_outbox" / "refused"
    for number in range(2):
        put("a").write_bytes(b"%d" % number)
        script.answers = [answer(422, b'{"detail":"reason %d"}' % number)]
        upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    files = sorted(refused.glob("*.jsonl.gz"), key=lambda path: path.read_bytes())
    assert [path.read_bytes() for path in files] == [b"0", b"1"]
    reasons = [path.with_name(f"{path.name}.reason.txt").read_text().strip() for path in files]
    assert [text[-8:] for text in reasons] == ["reason 0", "reason 1"]


def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(tmp_path, client, clock, put):
    put("b", 10)
    (tmp_path / "product_outbox" / "a.jsonl.gz").mkdir()
    os.utime(tmp_path / "product_outbox" / "a.jsonl.gz", (1, 1))
    unreadable, sent = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (unreadable.status, sent.status) == ("waiting", "sent")
    assert unreadable.message.startswith("cannot read")


def test_sent_files_are_kept_for_a_month_from_when_they_were_sent(tmp_path, client, clock, put):
    put("a")
    upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    clock.forward(days=29)
    upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert names(tmp_path / "temp_jsonl_product_storage") == ["a.jsonl.gz"]
    clock.forward(days=2)
    upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert names(tmp_path / "temp_jsonl_product_storage") == []


def test_a_file_that_another_process_is_sending_is_left_to_it(tmp_path, client, script, clock, put):
    path = put("a")
    other = FileLock(tmp_path / "state" / "uploading" / "a.jsonl.gz.lock")
    assert other.acquire()
    assert upload_outbox(tmp_path, ["products"], client, clock, keep_days=30) == []
    other.release()
    assert upload_file(tmp_path, path, "products", client, clock).status == "sent"
    assert upload_file(tmp_path, path, "products", client, clock) is None
    assert len(script.asked) == 1


def test_a_lost_acknowledgement_costs_nothing(tmp_path, client, script, answer, clock, put):
    path = put("a")
    script.answers = [answer(hang_up=True)]
    with pytest.raises(TransferError):
        upload_file(tmp_path, path, "products", client, clock)
    assert path.exists()
    script.answers = [answer(200)]
    assert upload_file(tmp_path, path, "products", client, clock).status == "known"


def test_an_unknown_kind_is_refused(tmp_path, client, clock):
    with pytest.raises(InputError, match="unknown kind"):
        upload_outbox(tmp_path, ["prices"], client, clock, keep_days=30)


def put_plain(put, name: str, content: bytes | None = None):
    """A whole file (or other content) under a plain name."""
    packed = put(name)
    plain = packed.with_suffix("")
    plain.write_bytes(gzip.decompress(packed.read_bytes()) if content is None else content)
    packed.unlink()
    return plain


def test_a_plain_file_is_compressed_and_sent(tmp_path, client, script, clock, put):
    plain = put_plain(put, "a")
    content = plain.read_bytes()
    (outcome,) = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (outcome.status, outcome.path.name) == ("sent", "a.jsonl.gz")
    assert gzip.decompress(script.asked[0].body) == content
    assert script.asked[0].body[4:8] == bytes(4)  # mtime 0: the same lines are the same bytes
    assert names(tmp_path / "product_outbox") == []


def test_a_plain_file_is_compressed_once_however_often_that_is_cut_off(tmp_path, client, script, clock, put):
    plain = put_plain(put, "a")
    content = plain.read_bytes()
    compress_plain(plain)
    plain.write_bytes(content)  # killed before it was removed
    plain.with_name("a.jsonl.gz.partial").write_bytes(b"half")  # and in the middle of an earlier attempt
    outcomes = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert {one.status for one in outcomes} == {"sent"}
    assert len({asked.body for asked in script.asked}) == 1
    assert names(tmp_path / "product_outbox") == []
    assert names(tmp_path / "temp_jsonl_product_storage") == ["a.jsonl.gz"]


def test_a_plain_file_that_is_not_whole_stays_as_it_is(tmp_path, client, script, clock, put):
    plain = put_plain(put, "a", b'{"product":{"sku":"1"}}\n{"product":')
    (outcome,) = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert outcome.status == "waiting"
    assert outcome.message.startswith("a.jsonl: line 2 is not a JSON object")
    assert script.asked == []
    assert names(plain.parent) == ["a.jsonl"]


def test_a_plain_file_never_takes_the_place_of_another(tmp_path, client, script, answer, clock, put, crawl_bytes):
    plain = put_plain(put, "a")
    other = plain.with_name("a.jsonl.gz")
    other.write_bytes(crawl_bytes(crawl_id="b"))
    os.utime(other, (100, 100))
    os.utime(plain, (1, 1))
    kept, sent = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert (kept.status, sent.status) == ("waiting", "sent")
    assert "rename one" in kept.message
    assert names(plain.parent) == ["a.jsonl"]


def test_a_disk_that_cannot_be_written_holds_up_nobody(tmp_path, client, clock, put):
    put("a", 1)
    (tmp_path / "temp_jsonl_product_storage").write_bytes(b"no folder")
    (outcome,) = upload_outbox(tmp_path, ["products"], client, clock, keep_days=30)
    assert outcome.status == "waiting"
    assert "temp_jsonl_product_storage" in outcome.message
    assert names(tmp_path / "product_outbox") == ["a.jsonl.gz"]


def test_when_the_end_is_asked_for_the_rest_waits(tmp_path, client, script, clock, put):
    put("a", 1), put("b", 2)
    stop = Stop()
    sent, rest = upload_outbox(
        tmp_path, ["products"], client, clock, keep_days=30, progress=lambda _: stop.ask(), stop=stop
    )
    stop.close()
    assert (sent.status, rest.status, len(script.asked)) == ("sent", "waiting", 1)


def test_every_kind_has_an_outbox_and_an_inbox_of_its_own():
    assert KINDS["products"].outbox == "product_outbox"
    assert KINDS["bargains"].outbox == "bargains_outbox"
    assert KINDS["category-links"].inbox == "category_links_inbox"
    folders = {folder for kind in KINDS.values() for folder in (kind.outbox, kind.inbox)}
    assert len(folders) == 2 * len(KINDS)
    assert len({kind.record for kind in KINDS.values()}) == len(KINDS)
