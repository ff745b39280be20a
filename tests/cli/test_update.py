"""``splitcart update``: what a user sees of files that are taken, partly complete, refused or not there."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from splitcart.config import get_settings
from tests.cli.front_door import splitcart
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.store_lists import shop, write_sweep
from tests.ingest.test_barcodes import write_barcodes
from tests.ingest.test_legacy import legacy_file, row, rows

pytestmark = pytest.mark.usefixtures("own_engine")

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def inbox() -> Path:
    return get_settings().folder("product_inbox")


@pytest.fixture
def store_inbox() -> Path:
    return get_settings().folder("store_inbox")


def crawl(folder: Path, **closing: object) -> Path:
    shelf = [product("a1", "A", 100), product("a2", "A", 200), product("b1", "B", None)]
    return write_crawl(folder, shelf, [category("A", AT), category("B", AT, complete=False)], **closing)


def table(output: str) -> dict[str, str]:
    """The two columns of a table."""
    cells = (line.strip("│┃ ").split("│") for line in output.splitlines() if line.count("│") == 3)
    return {name.strip(): count.strip() for name, count in cells}


def test_the_inbox_is_taken_and_counted(inbox: Path) -> None:
    crawl(inbox)
    taken = splitcart("update", "products")
    assert (taken.exit_code, taken.error) == (0, "")
    assert table(taken.output) == {
        "files taken": "1",
        "files known already": "0",
        "prices created": "2",
        "seen without a usable offer": "1",
        "skus created": "3",
        "products created": "3",
    }
    partial = "aldi G101: 1 of 2 categories complete (aldi-g101-20260302T090000Z-000000); the others confirm and close"
    assert f"{partial} nothing\n" in taken.output
    assert list(inbox.iterdir()) == []


def test_an_empty_inbox_is_zero_files(inbox: Path) -> None:
    taken = splitcart("update", "products")
    assert taken.exit_code == 0
    assert table(taken.output) == {"files taken": "0", "files known already": "0"}


def test_named_files_are_taken_and_the_inbox_is_not(inbox: Path, tmp_path: Path) -> None:
    path, waiting = crawl(tmp_path), crawl(inbox, crawl_id="waiting")
    assert table(splitcart("update", "products", str(path)).output)["files taken"] == "1"
    assert table(splitcart("update", "products", str(path)).output)["files known already"] == "1"
    assert path.exists()
    assert waiting.exists()


def test_json_is_the_whole_output(inbox: Path) -> None:
    crawl(inbox)
    taken = splitcart("update", "products", "--json")
    document = json.loads(taken.output)
    assert (taken.exit_code, taken.error) == (0, "")
    assert document["totals"]["created"] == 2
    assert document["files"][0]["crawl_id"] == "aldi-g101-20260302T090000Z-000000"
    assert document["refused"] == {}


def test_a_refused_file_is_one_line_with_its_reason_and_exit_code_1(inbox: Path) -> None:
    crawl(inbox, crawl_id="good")
    crawl(inbox, crawl_id="wrong", store_id="[bold]x[/]")
    taken = splitcart("update", "products")
    assert taken.exit_code == 1
    assert r"refused wrong.jsonl.gz: '[bold]x[/]' is no store id of ALDI; expected the form G\d{3}" in taken.output
    assert taken.error == "error: 1 of 2 files were not taken\n"
    assert table(taken.output)["files taken"] == "1"


def test_json_lists_what_was_refused(inbox: Path) -> None:
    crawl(inbox, store_verified=False)
    taken = splitcart("update", "products", "--json")
    assert taken.exit_code == 1
    (reason,) = json.loads(taken.output)["refused"].values()
    assert "answered for another store than G101; crawl it again" in reason


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    taken = splitcart("update", "products", str(tmp_path / "nowhere.jsonl.gz"))
    assert (taken.exit_code, taken.output) == (2, "")
    assert taken.error == f"error: {tmp_path}/nowhere.jsonl.gz: no such file; expected a .jsonl.gz crawl file\n"


def test_files_of_the_earlier_shape_need_the_option(tmp_path: Path) -> None:
    path = legacy_file(tmp_path, rows("Dairy", 12))
    without = splitcart("update", "products", str(path))
    assert (without.exit_code, without.error) == (1, "error: 1 of 1 files were not taken\n")
    taken = splitcart("update", "products", "--legacy", str(tmp_path))
    assert (taken.exit_code, table(taken.output)["prices created"]) == (0, "12")
    assert table(splitcart("update", "products", "--legacy", str(path)).output)["files known already"] == "1"


def test_the_option_without_files_says_what_is_missing() -> None:
    taken = splitcart("update", "products", "--legacy")
    assert taken.exit_code == 2
    assert "--legacy needs the files or folders to take in" in taken.error


def test_files_of_no_known_shape_are_exit_code_2(tmp_path: Path) -> None:
    path = legacy_file(tmp_path, [row(1)], company="spar")
    taken = splitcart("update", "products", "--legacy", str(path))
    assert taken.exit_code == 2
    assert taken.error == (f"error: {path}: unknown metadata.company 'spar'; known: aldi, coles, iga, woolworths\n")


def test_sweeps_are_taken_and_counted_by_company(store_inbox: Path) -> None:
    write_sweep(store_inbox, AT, [shop("G101", latitude=-27.5, longitude=153.0), shop("G102", latitude=0, longitude=0)])
    write_sweep(store_inbox, AT + timedelta(days=1), [shop("G101", latitude=-27.6, longitude=153.0), shop("7")])
    taken = splitcart("update", "stores")
    assert taken.exit_code == 0
    (line,) = [line for line in taken.output.splitlines() if "│ aldi" in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == ["aldi", "3", "1", "0", "1", "0", "1"]
    assert "aldi: ids not of the chain's form, kept but never crawled: 7\n" in taken.output
    assert "aldi 7: no coordinates; kept, but left out of clustering\n" in taken.output
    assert "aldi G102: coordinates are (0, 0); kept, but left out of clustering\n" in taken.output
    assert list(store_inbox.iterdir()) == []


def test_stores_on_one_point_are_listed(store_inbox: Path) -> None:
    here = {"latitude": -27.5, "longitude": 153.0}
    write_sweep(store_inbox, AT, [shop("G101", **here), shop("G102", **here)])
    assert "aldi: on exactly one point: G101, G102\n" in splitcart("update", "stores").output


def test_a_list_of_the_user_is_taken_and_left(tmp_path: Path) -> None:
    path = tmp_path / "stores.json"
    path.write_text(json.dumps([{"company": "aldi", "store_id": "G101", "latitude": -27.5, "longitude": 153}]))
    document = json.loads(splitcart("update", "stores", "--from", str(path), "--json").output)
    assert document["companies"]["aldi"]["created"] == 1
    assert document["refused"] == {}
    again = json.loads(splitcart("update", "stores", "--from", str(path), "--json").output)
    assert (again["companies"]["aldi"]["created"], again["companies"]["aldi"]["unchanged"]) == (0, 1)


def test_a_refused_sweep_is_one_line_and_exit_code_1(store_inbox: Path) -> None:
    write_sweep(store_inbox, AT, [shop("G101")], company="spar")
    taken = splitcart("update", "stores")
    assert (taken.exit_code, taken.error) == (1, "error: 1 files were refused\n")
    assert "unknown company 'spar'; known: aldi, coles, iga, woolworths" in taken.output


def test_barcodes_are_counted_and_conflicts_listed(inbox: Path) -> None:
    write_crawl(inbox, [product("a1", "A", 1), product("a2", "A", 1, barcode="9310645321899")], [category("A", AT)])
    splitcart("update", "products")
    write_barcodes(get_settings().folder("barcode_inbox"), [("a1", "9310645321899"), ("a2", "9300675024235")])
    taken = splitcart("update", "barcodes")
    assert (taken.exit_code, taken.error) == (0, "")
    (line,) = [line for line in taken.output.splitlines() if "│ aldi" in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == ["aldi", "1", "0", "0", "0", "1", "1"]
    assert "aldi a2: keeps 9310645321899, the file says 9300675024235\n" in taken.output


def test_all_shows_a_table_of_each_kind_and_what_was_refused(inbox: Path, store_inbox: Path) -> None:
    crawl(inbox)
    write_sweep(store_inbox, AT, [shop("G101")], company="spar")
    taken = splitcart("update", "all")
    assert (taken.exit_code, taken.error) == (1, "error: 1 files were refused\n")
    titles = [line.strip() for line in taken.output.splitlines() if line.strip().startswith("update ")]
    assert titles == ["update stores", "update products", "update barcodes"]
    assert table(taken.output)["prices created"] == "2"


@pytest.mark.parametrize("option", [["--watch"], ["--workers", "2"]])
def test_options_of_the_inbox_go_with_no_files(tmp_path: Path, option: list[str]) -> None:
    taken = splitcart("update", "products", str(crawl(tmp_path)), *option)
    assert taken.exit_code == 2
    assert "--watch and --workers are for the inbox" in taken.error


@pytest.mark.parametrize("text", ["{", '{"company": "spar", "store_id": "1"}', "[]"])
def test_a_bad_list_of_the_user_is_one_line_and_exit_code_2(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stores.json"
    path.write_text(text)
    taken = splitcart("update", "stores", "--from", str(path))
    assert (taken.exit_code, taken.output) == (2, "")
    assert taken.error.startswith(f"error: {path}: ")
    assert taken.error.count("\n") == 1


def test_a_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITCART_DATABASE_URL", "mysql://somewhere/else")
    get_settings.cache_clear()
    taken = splitcart("update", "products")
    assert (taken.exit_code, taken.error) == (
        2,
        "error: SPLITCART_DATABASE_URL names 'mysql'; expected postgresql:// or sqlite:///\n",
    )


def test_the_command_itself_shows_no_traceback_unless_it_is_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "splitcart.cli", "update", "stores", "--from", str(tmp_path / "nowhere.json")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"error: {tmp_path}/nowhere.json: no such file or folder; expected ")
    assert run.stderr.count("\n") == 1
    command.insert(3, "--debug")
    assert "Traceback" in subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False).stderr
