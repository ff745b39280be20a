"""The demo, for real: its figures, its folder, its end by Ctrl-C."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import psutil
import pytest

from splitcart.demo.world import MARKER, prepare_folder
from splitcart.errors import InputError
from tests.cli.front_door import splitcart

SPLITCART = [sys.executable, "-m", "splitcart.cli"]
WAIT_SECONDS = 300


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SPLITCART, "demo", *map(str, arguments)], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, str, Path]:
    folder = tmp_path_factory.mktemp("demo")
    done = run("--data-dir", folder / "data", "--json", folder / "figures/summary.json")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "figures/summary.json").read_text()), done.stderr + done.stdout, folder / "data"


def test_at_least_99_percent_of_prices_are_right_for_a_quarter_of_the_crawls(played) -> None:
    summary, _, _ = played
    for part in (summary, *summary["chains"].values()):
        assert part["false_availability"] <= 0.005
        assert part["crawls"] <= part["brute_force_crawls"] / 4
    assert summary["share_of_effective_prices_right"] >= 0.99
    assert summary["missing"] < 0.01
    assert summary["market_days"] >= 10


def test_every_archive_entry_is_true_where_observed_and_names_its_source_where_inferred(played) -> None:
    archive = played[0]["archive"]
    assert (archive["observed_entries_wrong"], archive["inferred_entries_without_source"]) == (0, 0)
    assert archive["observed_entries"] > 10_000
    assert archive["inferred_entries"] > 1_000


def test_the_store_that_moved_was_found_and_placed_and_the_crashes_happened(played) -> None:
    _, output, _ = played
    assert "no longer charges what" in output
    assert "blocked the crawl half-way" in output
    assert "was killed in the middle of a store" in output
    assert played[0]["chains"]["woolworths"]["partial_crawls"] == 1  # the blocked one
    assert played[0]["chains"]["aldi"]["partial_crawls"] == 0  # the killed one was finished by the next run


def test_the_summary_names_files_that_are_there(played) -> None:
    summary, output, folder = played
    for path in (summary["paths"]["archive"], summary["paths"]["log"], *summary["paths"]["maps"]):
        assert Path(path).exists()
        assert Path(path).is_relative_to(folder)
    for line in ("prices right, mean of all days", "brute force would need", "Try next:"):
        assert line in output


def test_ctrl_c_leaves_no_process_behind_and_the_folder_can_be_used_again(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background a shell has it ignored
    demo = subprocess.Popen(
        [*SPLITCART, "demo", "--data-dir", tmp_path / "data"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    signal.signal(signal.SIGINT, before)
    logs = tmp_path / "data" / "logs"
    deadline = time.monotonic() + WAIT_SECONDS
    while not list(logs.glob("*")) and time.monotonic() < deadline:  # a spider runs
        time.sleep(0.02)
    children = psutil.Process(demo.pid).children(recursive=True)
    os.kill(demo.pid, signal.SIGINT)
    _, stderr = demo.communicate(timeout=WAIT_SECONDS)
    assert demo.returncode == 130
    assert stderr.decode().splitlines()[-1] == (
        "error: interrupted; spiders and servers are stopped, and the next run starts clean"
    )
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert (tmp_path / "data" / ".splitcart-demo").exists()


def test_a_demo_that_is_killed_leaves_no_spider_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*SPLITCART, "demo", "--data-dir", tmp_path / "data"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while not (children := psutil.Process(demo.pid).children()) and time.monotonic() < deadline:
        time.sleep(0.02)
    demo.kill()
    demo.wait()
    assert children
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_a_folder_that_was_emptied_half_way_is_still_the_demos(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    (tmp_path / "server").mkdir()
    (tmp_path / "demo.log").touch()
    refused = mock.Mock(side_effect=PermissionError(13, "Permission denied"))
    with mock.patch.object(shutil, "rmtree", refused), pytest.raises(InputError, match="Permission denied; choose"):
        prepare_folder(tmp_path)
    prepare_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_a_link_to_the_demos_folder_stays_and_what_it_links_to_elsewhere_too(tmp_path: Path) -> None:
    data, letters, link = tmp_path / "data", tmp_path / "letters", tmp_path / "link"
    data.mkdir()
    letters.mkdir()
    (letters / "letter.txt").touch()
    link.symlink_to(data)
    prepare_folder(link)
    (data / "letters").symlink_to(letters)
    prepare_folder(link)
    assert [path.name for path in data.iterdir()] == [MARKER]
    assert (link.is_symlink(), (letters / "letter.txt").exists()) == (True, True)


def test_a_folder_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear diary")
    done = splitcart("demo", "--data-dir", str(tmp_path))
    assert (done.exit_code, done.error.count("\n")) == (2, 1)
    assert "holds files that are not the demo's; choose an empty folder with --data-dir" in done.error
    assert (tmp_path / "letter.txt").exists()


def test_a_folder_that_cannot_be_made_gives_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = splitcart("demo", "--data-dir", str(tmp_path / "file" / "data"))
    assert (done.exit_code, done.error.count("\n")) == (2, 1)
    assert "choose another folder with --data-dir" in done.error


def test_a_port_in_use_gives_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = splitcart("demo", "--data-dir", str(tmp_path / "data"), "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert done.error.count("\n") == 1
    assert "cannot listen on 127.0.0.1" in done.error
