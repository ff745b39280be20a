"""The proxy's configuration is right, and a client comes through it over TLS."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import time

import pytest
import requests

from splitcart.config import Settings
from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.transfer import Client, TransferError
from tests.certificates import make_certificate
from tests.deploy.units import DEPLOY
from tests.server.conftest import KEY, crawl_file, fixed_clock

CONFIG = (DEPLOY / "nginx" / "splitcart.conf").read_text(encoding="utf-8")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
NAME = "prices.example.org"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def statements(text: str) -> list[list[str]]:
    """The directives and the openings of blocks, as words; raises AssertionError where braces or semicolons fail."""
    tokens = re.findall(r'"[^"]*"|[{};]|[^\s{};"]+', re.sub(r"(?m)#.*$", "", text))
    found, words, depth = [], [], 0
    for token in tokens:
        if token not in {"{", "}", ";"}:
            words.append(token)
            continue
        assert (token == "}") == (not words), f"{token!r} after {words}"
        depth += {"{": 1, "}": -1, ";": 0}[token]
        assert depth >= 0
        if words:
            found.append(words)
        words = []
    assert depth == 0
    assert words == []
    return found


def test_the_configuration_is_whole_and_agrees_with_the_server():
    lines = statements(CONFIG)
    assert ["client_max_body_size", f"{Limits().max_bytes >> 20}m"] in lines
    assert ["proxy_request_buffering", "off"] in lines
    assert ["proxy_set_header", "X-Forwarded-For", "$remote_addr"] in lines
    assert ["server", "127.0.0.1:8000"] in lines
    passed = [words[-1] for words in lines if words[0] == "location"]
    assert "/metrics" not in passed
    assert {"/api/", "/healthz", "/readyz"} <= set(passed)


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path / "tls")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", api_secret_key=KEY)


@pytest.fixture
def proxy(tmp_path, certificate, settings, sqlite):
    """nginx with the configuration of deploy/ before a real server, on ports of its own; (https port, http port)."""
    https, plain = free_port(), free_port()
    with BackgroundServer(create_app(settings, sqlite, fixed_clock)) as server:
        text = re.sub(r"(?m)^\s*listen \[::\].*$", "", CONFIG)
        for old, new in (
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{https} ssl;"),
            ("127.0.0.1:8000", f"127.0.0.1:{server.port}"),
            (f"/etc/letsencrypt/live/{NAME}", str(certificate)),
        ):
            assert old in text
            text = text.replace(old, new)
        folders = "\n".join(f"{name}_temp_path {tmp_path / name};" for name in TEMPORARY)
        config = tmp_path / "nginx.conf"
        log = tmp_path / "nginx.log"
        config.write_text(
            f"daemon off; master_process off; pid {tmp_path / 'nginx.pid'}; error_log {log} notice;\n"
            f"events {{}}\nhttp {{ access_log off; {folders}\n{text}\n}}\n"
        )
        run = [NGINX, "-p", str(tmp_path), "-e", str(log), "-c", str(config)]
        subprocess.run([*run, "-t", "-q"], check=True)
        with subprocess.Popen(run) as nginx:
            while not listens(https):
                assert nginx.poll() is None, log.read_text()
                time.sleep(0.01)
            yield https, plain
            nginx.terminate()
            nginx.wait()


@pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine")
def test_files_pass_through_nginx_over_tls(proxy, certificate, tmp_path, settings, monkeypatch):
    https, plain = proxy
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(crawl_file(3000, level=1))
    with Client(f"https://localhost:{https}", KEY) as stranger, pytest.raises(TransferError, match="certificate"):
        stranger.upload(path, "products")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "fullchain.pem"))
    with Client(f"https://localhost:{https}", KEY) as client:
        assert client.upload(path, "products").is_new
        assert not client.upload(path, "products").is_new
    (received,) = (settings.data_dir / "product_inbox").iterdir()
    assert received.read_bytes() == path.read_bytes()
    with Client(f"http://localhost:{plain}", KEY) as client, pytest.raises(TransferError, match="points to 'https://"):
        client.upload(path, "products")
    statuses = {
        name: requests.get(f"https://localhost:{https}/{name}", timeout=20).status_code
        for name in ("readyz", "healthz", "metrics", "docs", "api/nothing")
    }
    assert statuses == {"readyz": 200, "healthz": 200, "metrics": 404, "docs": 404, "api/nothing": 404}
    trusted = ssl.create_default_context(cafile=str(certificate / "fullchain.pem"))
    connection = http.client.HTTPSConnection("localhost", https, timeout=20, context=trusted)
    connection.putrequest("POST", "/api/upload/products/")
    connection.putheader("Content-Length", str(Limits().max_bytes + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
