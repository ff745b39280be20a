"""Nothing on the scraper's side asks for what only POSIX has (docs/deployment.md#on-windows)."""

import subprocess
import sys
from pathlib import Path


def test_a_crawl_is_resumed_committed_and_sent_without_what_windows_lacks(script, answer, tmp_path):
    script.answers = [answer(422, b'{"detail":"no"}'), answer(503), answer(201)]
    child = Path(__file__).with_name("as_on_windows.py")
    done = subprocess.run(
        [sys.executable, child, script.url, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    refused, sent = sorted(line.split() for line in done.stdout.splitlines())
    assert {refused[1], sent[1]} == {"refused", "sent"}
    assert list((tmp_path / "temp_jsonl_product_storage").iterdir()) == []
