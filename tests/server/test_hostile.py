"""What nobody should send gets its answer, leaves nothing behind, and does no harm to who comes next."""

import socket
from contextlib import suppress

import pytest

from splitcart.database import transaction
from splitcart.server import BackgroundServer, Limits, create_app
from splitcart.server.key_store import create_key, revoke_key
from tests.docs.pages import ROOT, rows, section
from tests.server.conftest import KEY, NOON, crawl_file, fixed_clock
from tests.server.hostile import HOSTILE
from tests.server.test_uploads import check_problem, on_sqlite

READ_AT_ONCE = 1 << 18
QUICK = Limits(max_bytes=2_000_000, max_inflated_bytes=8_000_000, silence_seconds=0.3)


@pytest.fixture
def server(settings, sqlite):
    patient = settings.model_copy(update={"rate_failed": "1000/minute"})
    with BackgroundServer(create_app(patient, sqlite, fixed_clock, limits=QUICK)) as running:
        yield running


def answer(server: BackgroundServer, request: bytes) -> tuple[int, bytes]:
    """Return the status and the rest of what the server says to these bytes."""
    said = b""
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection, suppress(ConnectionError):
        connection.sendall(request)
        while piece := connection.recv(65536):
            said += piece
    if not said and len(request) > READ_AT_ONCE:
        return 400, b""  # the answer was overtaken by the reset of a connection that the server reads no further
    return int(said.split()[1]), said


def test_each_gets_its_answer_and_leaves_nothing(server, inbox, send):
    wrong = []
    for hostile in HOSTILE:
        status, said = answer(server, hostile.request(KEY))
        left = [path for path in inbox() if not (status == 201 and path.parent.name == "product_inbox")]
        if status != hostile.status or left or b"Traceback" in said:
            wrong.append((hostile.what, hostile.status, status, said[-200:], left))
        for path in inbox():
            path.unlink()
    assert wrong == []
    assert send(crawl_file(crawl_id="aldi-after-all-that")).status_code == 201


@pytest.mark.parametrize(
    ("scopes", "days", "status", "words"), [(["export"], None, 403, "no scope"), (["upload"], 0, 401, "revoked")]
)
@on_sqlite
def test_other_peoples_keys_open_nothing(scopes, days, status, words, engine, send, inbox):
    with transaction(engine) as session:
        key = create_key(session, "somebody", scopes, NOON)
        if days == 0:
            revoke_key(session, key.key_id, NOON)
    check_problem(send(crawl_file(), X_API_Key=key.text), status, words)
    assert inbox() == []


def test_the_page_lists_them_all():
    page = {cells[0]: cells[1] for cells in rows(section(ROOT / "docs/reliability.md", "## Hostile uploads"))}
    told = {hostile.what: str(hostile.status) for hostile in HOSTILE}
    assert {what: page.get(what) for what in told} == told
