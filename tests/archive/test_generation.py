"""A build appears as a whole or not at all, whatever happens on the way."""

import contextlib
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from archive import ArchiveError, ArchiveInputError, build_all, build_stores
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import build, contents

KILLED = """
import os, signal, sys
from pathlib import Path
from archive import build_all
from splitcart.database import create_engine, reading

url, folder, moment = sys.argv[1:]
swap = Path.replace

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at_second(done, total, name):
    if done == 1:
        die()

def die_around_swap(path, target):
    if moment == "after the swap":
        swap(path, target)
    die()

if moment != "between two stores":
    Path.replace = die_around_swap
with reading(create_engine(url)) as session:
    build_all(session, Path(folder), die_at_second if moment == "between two stores" else None, rebuild=True)
"""


@pytest.mark.parametrize("moment", ["between two stores", "before the swap", "after the swap"])
def test_a_killed_build_leaves_one_whole_archive(local_market, folder, tmp_path, moment):
    build(build_all, local_market, folder)
    old = contents(folder)
    with transaction(local_market) as session:
        session.execute(sa.update(m.Price).values(price_cents=m.Price.price_cents + 1))
    build(build_all, local_market, tmp_path / "new")
    url = local_market.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, "-c", KILLED, url, str(folder), moment], check=False)
    assert ended.returncode == -signal.SIGKILL
    new = contents(tmp_path / "new")
    assert contents(folder) == (new if moment == "after the swap" else old)
    build(build_all, local_market, folder)
    assert contents(folder) == new
    build(build_all, local_market, folder)
    assert sorted(path.name for path in (folder / ".builds").iterdir()) == [
        (folder / "current").readlink().name,
        "lock",
    ]


def test_a_build_that_fails_leaves_the_old_archive_whole(local_market, folder):
    build(build_all, local_market, folder)
    before = contents(folder)

    def fail(_done, _total, _name):
        raise OSError(28, "No space left on device")

    with pytest.raises(ArchiveError, match="No space left"):
        build(build_all, local_market, folder, fail, rebuild=True)
    assert contents(folder) == before
    assert len(list((folder / ".builds").glob("0*"))) == 1


def test_a_first_build_that_fails_leaves_nothing_to_read(local_market, folder):
    with pytest.raises(ArchiveInputError):
        build(build_stores, local_market, folder, "aldi", "G999")
    assert [path.name for path in folder.iterdir()] == [".builds"]


def test_whoever_still_reads_the_build_before_can_finish(local_market, folder):
    build(build_all, local_market, folder)
    reader = (folder / "current").resolve()
    before = contents(folder)
    with transaction(local_market) as session:
        session.execute(sa.update(m.Store).values(phone="13 25 26"))
    build(build_all, local_market, folder)
    assert (folder / "current").resolve() != reader
    assert (reader / "store_data/aldi/g100.json").read_bytes() == before["store_data/aldi/g100.json"]


def test_two_builds_at_once_are_refused(local_market, folder):
    build(build_all, local_market, folder)
    with (folder / ".builds/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ArchiveError, match="another build"):
            build(build_all, local_market, folder)
    build(build_all, local_market, folder)


def test_a_folder_that_cannot_be_written_is_answered_with_one_line(local_market, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveInputError, match=r"cannot write the archive in .*choose another SPLITCART_DATA_DIR"):
        build(build_all, local_market, tmp_path / "file/archive")


def test_a_foreign_folder_in_the_way_is_not_touched(local_market, folder):
    (folder / "store_data").mkdir(parents=True)
    with pytest.raises(ArchiveInputError, match="store_data is not a link made by this program"):
        build(build_all, local_market, folder)
    assert (folder / "store_data").is_dir()


def test_other_things_in_the_folder_are_left_alone(local_market, folder):
    folder.mkdir()
    (folder / "parquet").mkdir()
    build(build_all, local_market, folder)
    build(build_all, local_market, folder, rebuild=True)
    assert (folder / "parquet").is_dir()


def test_a_build_that_is_interrupted_just_after_the_swap_stays(local_market, folder, monkeypatch):
    swap = Path.replace

    def interrupted(path, target):
        swap(path, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        patched.setattr(Path, "replace", interrupted)
        build(build_all, local_market, folder)
    assert "store_data/aldi/g100.json" in contents(folder)
