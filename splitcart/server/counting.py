"""What became of uploads, counted where all server processes count: a scrape sees all of them, whoever answers it."""

import json
import logging
from http import HTTPStatus
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from splitcart.server.shared_file import SharedFile
from splitcart.transfer import KINDS

PREFIX = "/api/upload/"
UPLOADS, BYTES, REJECTS = "uploads", "upload_bytes", "upload_rejects"
OTHER = "other"
REASONS = {
    400: "bad_header",
    401: "no_valid_key",
    403: "no_scope",
    404: "unknown_kind",
    408: "stalled",
    409: "arriving",
    411: "no_length",
    413: "too_large",
    415: "media_type",
    422: "not_such_a_file",
    429: "too_often",
    499: "client_left",
    503: "unavailable",
}

_TABLE = """
CREATE TABLE IF NOT EXISTS counters
(name TEXT, labels TEXT, value INTEGER NOT NULL, PRIMARY KEY (name, labels)) WITHOUT ROWID
"""
_ADD = """
INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (name, labels) DO UPDATE SET value = value + excluded.value
"""

logger = logging.getLogger(__name__)


class Counters:
    """Counts that only grow, by name and labels."""

    def __init__(self, path: Path) -> None:
        self._file = SharedFile(path, _TABLE)

    def add(self, name: str, *labels: str, amount: int = 1) -> None:
        """Add to one count; raise OSError where that cannot be written."""
        self._file.execute(_ADD, (name, json.dumps(labels), amount))

    def read(self, name: str) -> dict[tuple[str, ...], int]:
        """Return the counts of a name by their labels."""
        rows = self._file.execute("SELECT labels, value FROM counters WHERE name = ? ORDER BY labels", (name,))
        return {tuple(json.loads(labels)): value for labels, value in rows}


class UploadCounting:
    """Counts every answer to an upload, before it is given."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it if it is an upload."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await run_in_threadpool(self._count, scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except Exception:
            await run_in_threadpool(self._count, scope, HTTPStatus.INTERNAL_SERVER_ERROR)
            raise

    def _count(self, scope: Scope, status: int) -> None:
        name = scope["path"].removeprefix(PREFIX).rstrip("/")
        kind = name if name in KINDS else OTHER
        try:
            if status == HTTPStatus.CREATED:
                self._counters.add(BYTES, kind, amount=int(dict(scope["headers"])[b"content-length"]))
                self._counters.add(UPLOADS, kind, "accepted")
            elif status == HTTPStatus.OK:
                self._counters.add(UPLOADS, kind, "known")
            else:
                self._counters.add(REJECTS, kind, REASONS.get(status, "failed"))
        except OSError as error:
            logger.warning("an upload was not counted: %s", error)
