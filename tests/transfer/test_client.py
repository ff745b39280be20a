"""The client repeats what can heal and nothing else, and keeps its key to itself."""

import hashlib
import logging
import socket
import ssl

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from splitcart.config import Settings
from splitcart.errors import InputError
from splitcart.stopping import Stop
from splitcart.transfer import Client, RefusedError, TransferError, join_url
from tests.certificates import make_certificate

KEY = "sc_secret-key"


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("http://a", "api/x/", "http://a/api/x/"),
        ("http://a/", "/api/x/", "http://a/api/x/"),
        ("https://a.example:8443/sub/", "api/x", "https://a.example:8443/sub/api/x"),
        (" http://a ", "api/a b/", "http://a/api/a%20b/"),
        ("http://[::1]:8000", "healthz", "http://[::1]:8000/healthz"),
    ],
)
def test_a_base_and_a_path_meet_at_one_slash(base, path, url):
    assert join_url(base, path) == url


@given(
    st.lists(st.sampled_from("ab/"), max_size=5).map("".join), st.lists(st.sampled_from("xy/"), max_size=5).map("".join)
)
def test_the_slashes_where_they_meet_do_not_matter(prefix, path):
    assert join_url(f"http://h/{prefix}/", f"/{path}") == join_url(f"http://h/{prefix}", path)


@pytest.mark.parametrize(
    "base",
    [
        "",
        "example.org",
        "ftp://a",
        "http://",
        "http://user:pw@a",
        "http://a?x=1",
        "http://a#x",
        "http://a:port",
        "http://[a",
    ],
)
def test_what_is_no_server_address_is_refused(base):
    with pytest.raises(InputError, match="not the address of a server"):
        join_url(base, "x")


@pytest.mark.parametrize("key", ["", " key", "key\n", "schlüssel"])
def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(key):
    with pytest.raises(InputError, match="API_SECRET_KEY") as refusal:
        Client("http://a", key)
    assert not key.strip() or key.strip() not in str(refusal.value).replace("API_SECRET_KEY", "").split()


def test_missing_settings_are_named():
    with pytest.raises(InputError, match="API_SERVER_URL"):
        Client.from_settings(Settings())
    with pytest.raises(InputError, match="API_SECRET_KEY"):
        Client.from_settings(Settings(api_server_url="http://a"))
    settings = Settings(api_server_url="http://a", api_secret_key=KEY)
    assert Client.from_settings(settings).base_url == "http://a"
    assert Client.from_settings(settings, dev=True).base_url == "http://127.0.0.1:8000"


@pytest.fixture
def file(tmp_path, crawl_bytes):
    path = tmp_path / "crawl.jsonl.gz"
    path.write_bytes(crawl_bytes())
    return path


def test_an_upload_sends_the_bytes_with_key_and_hash(client, script, file):
    result = client.upload(file, "products")
    (asked,) = script.asked
    assert asked.path == "/api/upload/products/"
    assert asked.body == file.read_bytes()
    assert asked.headers["X-API-Key"] == KEY
    assert asked.headers["X-Content-SHA256"] == hashlib.sha256(asked.body).hexdigest() == result.sha256
    assert asked.headers["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in asked.headers
    assert result.is_new


def test_a_file_that_the_server_had_is_known(client, script, answer, file):
    script.answers = [answer(200, b'{"duplicate_of":"abc"}')]
    result = client.upload(file, "products")
    assert (result.is_new, result.duplicate_of) == (False, "abc")


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("body", [b"<html>log in to this network</html>", b"[]", b'{"sha256":"00"}', b""])
def test_a_server_that_does_not_name_the_file_has_not_acknowledged_it(status, body, client, script, answer, file):
    script.answers = [answer(status, body)]
    with pytest.raises(TransferError, match="without acknowledging the file"):
        client.upload(file, "products")
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_what_can_heal_is_tried_again_from_the_first_byte(status, client, script, answer, file, pauses):
    script.answers = [answer(status, b"<html>proxy</html>"), answer(status), answer(201)]
    assert client.upload(file, "products").is_new
    assert [asked.body for asked in script.asked] == [file.read_bytes()] * 3
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 2
    assert 0 <= pauses[1] <= 4


def test_a_connection_that_breaks_is_tried_again(client, script, answer, file, pauses):
    script.answers = [answer(hang_up=True), answer(201)]
    assert client.upload(file, "products").is_new
    assert len(pauses) == 1


@pytest.mark.parametrize("status", [400, 411, 413, 415, 422])
def test_a_file_that_is_refused_is_not_sent_again(status, client, script, answer, file):
    script.answers = [answer(status, b'{"title":"T","detail":"line 3 is\\nnot JSON"}')]
    with pytest.raises(RefusedError, match="line 3 is not JSON") as refusal:
        client.upload(file, "products")
    assert refusal.value.status == status
    assert len(script.asked) == 1


@pytest.mark.parametrize("body", [b'{"sha256":"00"}', b'{"status":201}', b"<html>too large</html>"])
def test_a_refusal_that_does_not_name_the_file_is_of_what_came_of_it_on_the_way(body, client, script, answer, file):
    script.answers = [answer(413, body), answer(422, body), answer(201)]
    assert client.upload(file, "products").is_new
    assert [asked.body for asked in script.asked] == [file.read_bytes()] * 3


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "API_SECRET_KEY"), (403, "API_SECRET_KEY"), (404, "404"), (405, "405")]
)
def test_a_wrong_key_or_address_is_not_the_files_fault(status, advice, client, script, answer, file):
    script.answers = [answer(status)]
    with pytest.raises(TransferError, match=advice) as error:
        client.upload(file, "products")
    assert not isinstance(error.value, RefusedError)
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_since_the_key_would_be(status, client, script, answer, file):
    script.answers = [answer(status, headers={"Location": "http://elsewhere.example/"})]
    with pytest.raises(TransferError, match=r"elsewhere\.example.*API_SERVER_URL"):
        client.upload(file, "products")
    assert len(script.asked) == 1


def test_attempts_end(client, script, answer, file, pauses):
    script.answers = [answer(503, b'{"detail":"the database is away"}')]
    with pytest.raises(TransferError, match="503: the database is away"):
        client.upload(file, "products")
    assert len(script.asked) == 6
    assert len(pauses) == 5


def test_a_retry_after_is_honoured_in_seconds_and_as_a_date(client, script, answer, file, pauses):
    script.answers = [
        answer(429, headers={"Retry-After": "7"}),
        answer(503, headers={"Retry-After": "Fri, 20 Nov 2026 12:00:30 GMT"}),
        answer(503, headers={"Retry-After": "Fri, 20 Nov 2026 11:00:00 GMT"}),
        answer(503, headers={"Retry-After": "soon"}),
        answer(201),
    ]
    client.upload(file, "products")
    assert [
        low <= pause <= low + high for pause, low, high in zip(pauses, (7, 30, 0, 0), (1, 1, 1, 16), strict=True)
    ] == [True] * 4


def test_a_server_that_wants_hours_is_left_alone(client, script, answer, file, pauses):
    script.answers = [answer(429, headers={"Retry-After": "7200"})]
    with pytest.raises(TransferError, match="7200 seconds"):
        client.upload(file, "products")
    assert pauses == []


def test_a_server_that_is_not_there_is_named(file, pauses):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TransferError, match="cannot be reached"):
            Client(url, KEY, attempts=2, sleep=pauses.append).upload(file, "products")
    assert len(pauses) == 1


@pytest.fixture
def secure(script, tmp_path):
    """The scripted server, behind a certificate that signs itself; returns its address and the certificate."""
    folder = make_certificate(tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    script.encrypt(context)
    return script.url.replace("http://127.0.0.1", "https://localhost"), folder / "fullchain.pem"


def test_a_server_without_a_trusted_certificate_gets_nothing_and_is_asked_once(secure, script, file, pauses):
    url, _ = secure
    with Client(url, KEY, sleep=pauses.append) as client, pytest.raises(TransferError, match="cannot be trusted"):
        client.upload(file, "products")
    assert (script.asked, pauses) == ([], [])


def test_a_handshake_that_fails_for_another_reason_is_tried_again(secure, script, file, pauses, monkeypatch):
    url, certificate = secure
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    script.garbled = 2
    with Client(url, KEY, sleep=pauses.append) as client:
        assert client.upload(file, "products").is_new
    assert (len(script.asked), len(pauses)) == (1, 2)


def test_a_file_that_cannot_be_read_or_an_unknown_kind_is_refused_before_anything_is_sent(
    client, script, tmp_path, file
):
    with pytest.raises(InputError, match="cannot read"):
        client.upload(tmp_path / "absent.jsonl.gz", "products")
    with pytest.raises(InputError, match="unknown kind 'prices'; known: products, stores"):
        client.upload(file, "prices")
    assert script.asked == []


def test_the_key_is_never_shown(client, script, answer, file, caplog):
    caplog.set_level(logging.DEBUG)
    script.answers = [answer(503), answer(hang_up=True), answer(401, b'{"detail":"no"}')]
    with pytest.raises(TransferError) as error:
        client.upload(file, "products")
    shown = [repr(client), str(error.value), repr(error.value), caplog.text]
    cause = error.value.__context__
    while cause is not None:
        shown.append(repr(cause))
        cause = cause.__context__
    assert not [text for text in shown if KEY in text]
    assert "attempt 1" in caplog.text


def test_certificates_are_checked_whatever_the_session_says(script, file, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    asked = []
    session = requests.Session()
    session.verify = False
    session.hooks["response"].append(lambda response, **options: asked.append(options["verify"]))
    with session:
        Client(script.url, KEY, session=session).upload(file, "products")
    assert asked == [True]


def test_when_the_end_is_asked_for_no_pause_is_waited_out(script, answer, file):
    script.answers = [answer(503, headers={"Retry-After": "200"})]
    settings = Settings(api_server_url=script.url, api_secret_key=KEY)
    stop = Stop()
    stop.ask()
    with Client.from_settings(settings, stop=stop) as client, pytest.raises(TransferError, match="stopped"):
        client.upload(file, "products")
    stop.close()
    assert len(script.asked) == 1
