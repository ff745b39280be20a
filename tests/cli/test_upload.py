"""``splitcart upload`` against a real server."""

import io
import json
import signal
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from splitcart.cli.app import app
from splitcart.config import get_settings
from splitcart.errors import FailedError, InputError
from splitcart.server import BackgroundServer, create_app
from tests.server.conftest import KEY, crawl_file, fixed_clock


@pytest.fixture
def server(tmp_path, sqlite, monkeypatch):
    settings = get_settings().model_copy(update={"data_dir": tmp_path / "server", "api_secret_key": _secret(KEY)})
    with BackgroundServer(create_app(settings, sqlite, fixed_clock)) as running:
        monkeypatch.setenv("API_SECRET_KEY", KEY)
        monkeypatch.setenv("API_DEV_SERVER_URL", running.url)
        get_settings.cache_clear()
        yield running


def _secret(text: str):
    from pydantic import SecretStr

    return SecretStr(text)


@pytest.fixture
def outbox():
    folder = get_settings().folder("product_outbox")
    folder.mkdir(parents=True)
    return folder


def run(*arguments: str):
    return CliRunner().invoke(app, ["upload", *arguments])


def test_what_waits_is_sent_and_shown(server, outbox, tmp_path):
    for number in range(2):
        (outbox / f"crawl-{number}.jsonl.gz").write_bytes(crawl_file(number, crawl_id=f"crawl-{number}"))
    result = run("products", "--dev")
    assert result.exit_code == 0
    assert result.output.count("sent") == 2
    assert "crawl-1.jsonl.gz" in result.output
    assert len(list((tmp_path / "server" / "product_inbox").iterdir())) == 2
    assert "nothing waits" in run("--dev").output


def test_at_a_terminal_a_bar_counts_files_and_bytes(server, outbox, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr("splitcart.cli.upload.errors", Console(file=screen, force_terminal=True, width=120))
    crawl = crawl_file(300)
    (outbox / "a.jsonl.gz").write_bytes(crawl)
    (outbox / "b.jsonl").write_bytes(b"half")
    run("--dev")
    assert "2/2 files" in screen.getvalue()
    assert f"{(len(crawl) + 4) / 1000:.1f}/{(len(crawl) + 4) / 1000:.1f} kB" in screen.getvalue()


def test_a_refused_file_fails_the_command_and_says_why(server, outbox):
    (outbox / "bad.jsonl.gz").write_bytes(crawl_file()[:-5])
    result = run("--dev")
    assert isinstance(result.exception, FailedError)
    assert "1 of 1 files were not delivered" in str(result.exception)
    assert "refused" in result.output
    assert "truncated" in " ".join(result.output.split())


def test_wrong_words_and_missing_settings_are_one_line(outbox):
    for arguments, reason in ((["prices"], "unknown kind"), ([], "API_SERVER_URL"), (["--dev"], "API_SECRET_KEY")):
        result = run(*arguments)
        assert isinstance(result.exception, InputError)
        assert reason in str(result.exception)


def test_the_results_as_json(server, outbox):
    (outbox / "a.jsonl.gz").write_bytes(crawl_file())
    (outbox / "b.jsonl").write_bytes(b"half")
    result = run("--dev", "--json")
    assert result.exit_code == 1
    sent, waiting = json.loads(result.output)
    assert (sent["file"], sent["result"], waiting["result"]) == ("a.jsonl.gz", "sent", "waiting")
    assert waiting["message"].startswith("b.jsonl: line 1 is not")


def test_sent_files_are_kept_as_long_as_the_setting_says(server, outbox, monkeypatch):
    monkeypatch.setenv("SPLITCART_KEEP_SENT_DAYS", "0")
    get_settings.cache_clear()
    (outbox / "a.jsonl.gz").write_bytes(crawl_file())
    assert run("--dev").exit_code == 0
    assert list(get_settings().folder("temp_jsonl_product_storage").iterdir()) == []


def test_a_watching_upload_sends_what_comes_and_ends_when_told_to(server, outbox, tmp_path):
    (outbox / "a.jsonl.gz").write_bytes(crawl_file(crawl_id="a"))
    command = [sys.executable, "-m", "splitcart.cli", "upload", "--dev", "--watch", "--every", "0.1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert json.loads(watching.stdout.readline())["file"] == "a.jsonl.gz"
        (outbox / "b.new").write_bytes(crawl_file(crawl_id="b"))
        (outbox / "b.new").rename(outbox / "b.jsonl.gz")
        assert json.loads(watching.stdout.readline())["file"] == "b.jsonl.gz"
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(20) == 0
    assert len(list((tmp_path / "server" / "product_inbox").iterdir())) == 2
