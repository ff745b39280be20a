"""``splitcart inbox``, as an operator types it."""

import json
import os

import pytest

from splitcart.config import get_settings
from splitcart.transfer import accept, claimed, reject, verify_file
from tests.cli.front_door import splitcart
from tests.server.conftest import crawl_file


@pytest.fixture
def data_dir(tmp_path):
    return get_settings().data_dir


@pytest.fixture
def receive(data_dir, tmp_path):
    """Put a crawl into the product inbox, received so many seconds after the epoch."""

    def make(crawl_id: str, at: int = 0):
        path = tmp_path / f"{crawl_id}.part"
        path.write_bytes(crawl_file(crawl_id=crawl_id))
        accepted = accept(data_dir, "products", path, verify_file(path))
        os.utime(accepted, (at + 1, at + 1))
        return accepted

    return make


@pytest.fixture
def rejected(data_dir, receive):
    """A crawl that was rejected."""
    return reject(data_dir, receive("bad"), "no such store")


def listed() -> dict[str, list[dict]]:
    return json.loads(splitcart("inbox", "list", "--json").output)


def test_what_waits_and_what_was_rejected_is_listed_oldest_first(data_dir, receive, rejected):
    receive("b", 50), receive("a", 90)
    workers = claimed(data_dir, "products")
    assert next(workers).name.startswith("a")
    waiting = listed()["waiting"]
    workers.close()
    assert [(one["file"][0], one["kind"], one["is_claimed"]) for one in waiting] == [
        ("b", "products", False),
        ("a", "products", True),
    ]
    assert waiting[0]["since"].startswith("1970-01-01T00:00:51")
    assert [(one["file"], one["reason"]) for one in listed()["rejected"]] == [(rejected.name, "no such store")]
    shown = splitcart("inbox", "list").output
    assert "no such store" in shown
    assert rejected.name in shown
    assert next(claimed(data_dir, "products"))  # looking took nothing away


def test_nothing_waits_in_empty_inboxes():
    assert splitcart("inbox", "list").output == "nothing waits in the inboxes\n"
    assert listed() == {"waiting": [], "rejected": []}


def test_a_rejected_file_goes_back_into_its_inbox(data_dir, rejected):
    content = rejected.read_bytes()
    assert splitcart("inbox", "retry", rejected.name).output == f"{rejected.name}: back in product_inbox\n"
    assert (data_dir / "product_inbox" / rejected.name).read_bytes() == content
    assert list((data_dir / "rejected").iterdir()) == []


def test_a_damaged_file_stays_rejected_and_the_others_go_back(data_dir, receive, rejected):
    rejected.write_bytes(rejected.read_bytes()[:-5])
    reject(data_dir, receive("good"), "too early")
    outcome = splitcart("inbox", "retry", "--all", "--json")
    assert outcome.exit_code == 1
    result = json.loads(outcome.output)
    assert [list(result["returned"].values()), list(result["left"])] == [["product_inbox"], [rejected.name]]
    assert "truncated" in result["left"][rejected.name]
    assert [one["reason"] for one in listed()["rejected"]] == ["no such store"]


def test_a_file_is_deleted_only_when_that_is_meant(data_dir, rejected):
    refused = splitcart("inbox", "discard", rejected.name)
    assert (refused.exit_code, rejected.exists()) == (2, True)
    assert "--yes" in refused.error
    assert splitcart("inbox", "discard", rejected.name, "--yes").output == f"{rejected.name}: deleted\n"
    assert list((data_dir / "rejected").iterdir()) == []


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_only_rejected_files_are_touched(command, data_dir, receive, rejected):
    waiting = receive("good")
    for name in (waiting.name, f"../product_inbox/{waiting.name}", "nothing.jsonl.gz"):
        outcome = splitcart("inbox", command, name)
        assert (outcome.exit_code, "splitcart inbox list shows all" in outcome.error) == (2, True)
    for wrong in ((), ("--all", rejected.name)):
        outcome = splitcart("inbox", command, *wrong)
        assert (outcome.exit_code, outcome.error) == (2, "error: name rejected files, or say --all\n")
    assert waiting.exists()
    assert rejected.exists()
