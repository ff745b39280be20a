"""An acknowledged file survives a power cut: its bytes are on disk before its name, its name before the answer."""

import os
from pathlib import Path

import pytest

from splitcart.transfer.inbox import set_aside
from tests.server.conftest import crawl_file
from tests.server.test_uploads import on_sqlite


@pytest.fixture
def steps(monkeypatch):
    """What is made durable, and when a file gets its name: (what, name) in order."""
    seen: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(("synced", Path(f"/proc/self/fd/{descriptor}").readlink().name))

    def noted_replace(source, target) -> None:
        replace(source, target)
        seen.append(("named", Path(target).name))

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return seen


def test_the_reason_is_on_disk_before_a_file_is_set_aside(tmp_path, steps):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"x")
    set_aside(path, tmp_path / "refused", "no such store")
    assert steps[-3:] == [("synced", "a.jsonl.gz.reason.txt"), ("named", "a.jsonl.gz"), ("synced", "refused")]


@on_sqlite
def test_bytes_then_name_then_folder_then_answer(send, inbox, steps):
    response = send(crawl_file())
    steps.append(("answered", str(response.status_code)))
    (path,) = inbox()
    part = f"{response.json()['sha256']}.part"
    named = {part, "data", path.name, "product_inbox", "201"}
    assert [step for step in dict.fromkeys(steps) if step[1] in named] == [
        ("synced", part),
        ("synced", "data"),  # where the inbox is new
        ("named", path.name),
        ("synced", "product_inbox"),
        ("answered", "201"),
    ]
