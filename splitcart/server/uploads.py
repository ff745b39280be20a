"""``POST /api/upload/{kind}/``: a file is acknowledged when it lies in the inbox, whole, on disk, and once."""

import logging
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect

from splitcart.database import reading, transaction
from splitcart.database.models import Crawl, Upload
from splitcart.errors import InputError
from splitcart.measures.clock import Clock
from splitcart.server.problems import Problem
from splitcart.server.receiving import CHECKING, Limits, arriving, keeping, receive
from splitcart.server.space import Space
from splitcart.transfer import CrawlFileError, Kind, Verified, accept, check_kind, get_kind
from splitcart.transfer.records import CrawlRecord

SHA256 = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPES = frozenset({"application/gzip", "application/x-gzip", "application/octet-stream"})
ARRIVING = Path("state", "arriving")
CLIENT_GONE = 499  # nobody reads this answer; the log shows it

logger = logging.getLogger(__name__)


def upload_routes(space: Space, engine: sa.Engine, clock: Clock, limits: Limits) -> APIRouter:
    """Return the upload endpoint (docs/http-api.md says what each answer means)."""
    router = APIRouter()
    data_dir = space.folder
    checking = anyio.CapacityLimiter(CHECKING)

    @router.post("/api/upload/{kind_name}/")
    async def upload(kind_name: str, request: Request) -> Response:
        kind = _known_kind(kind_name)
        sha256 = _check_headers(request, limits)
        if await run_in_threadpool(_is_received, engine, sha256):
            return _answer(HTTPStatus.OK, sha256, status="known", duplicate_of=sha256)
        await run_in_threadpool(space.check, int(request.headers["Content-Length"]))
        with arriving(data_dir / ARRIVING, sha256) as path:
            try:
                verified = await receive(request.stream(), path, sha256, limits, checking)
            except ClientDisconnect:
                logger.info("the client left in the middle of %s", sha256)
                return Response(status_code=CLIENT_GONE)
            return await run_in_threadpool(_keep, data_dir, engine, clock, kind, path, verified)

    return router


def _known_kind(name: str) -> Kind:
    try:
        return get_kind(name)
    except InputError as error:
        raise Problem(HTTPStatus.NOT_FOUND, str(error)) from error


def _check_headers(request: Request, limits: Limits) -> str:
    """Return the SHA-256 that the client states; raise Problem for headers that promise nothing good."""
    headers = request.headers
    media_type = headers.get("Content-Type", "application/gzip").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES or headers.get("Content-Encoding", "identity").lower() != "identity":
        detail = "send the .jsonl.gz itself as the body: Content-Type application/gzip, no Content-Encoding, no form"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    sha256 = headers.get("X-Content-SHA256", "").lower()
    if not SHA256.fullmatch(sha256):
        raise Problem(HTTPStatus.BAD_REQUEST, "X-Content-SHA256 must hold the SHA-256 of the body in 64 hex digits")
    if "Content-Length" not in headers or "Transfer-Encoding" in headers:  # of the two, the second counts
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing; send the file with its size")
    if int(headers["Content-Length"]) > limits.max_bytes:
        detail = f"the body has {headers['Content-Length']} bytes, at most {limits.max_bytes} are taken"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, sha256=sha256)
    return sha256


def _is_received(engine: sa.Engine, sha256: str) -> bool:
    with reading(engine) as session:
        return session.scalar(sa.select(Upload.id).where(Upload.sha256 == sha256)) is not None


def _keep(data_dir: Path, engine: sa.Engine, clock: Clock, kind: Kind, path: Path, verified: Verified) -> Response:
    """Put a verified file into the inbox and write it down; a crawl that is there already is not taken twice."""
    try:
        check_kind(kind, verified)
    except CrawlFileError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), sha256=verified.sha256) from error
    crawl_id = verified.closing.crawl_id if isinstance(verified.closing, CrawlRecord) else None
    with keeping(data_dir / ARRIVING, crawl_id), transaction(engine) as session:
        earlier = _earlier(session, verified.sha256, crawl_id)
        if earlier is not None:
            return _answer(HTTPStatus.OK, verified.sha256, status="known", duplicate_of=earlier)
        # Killed between these two, the client sends again: the same bytes take the same name.
        accepted = accept(data_dir, kind.name, path, verified)
        session.add(
            Upload(
                sha256=verified.sha256,
                kind=kind.name,
                name=accepted.name,
                crawl_id=crawl_id,
                size_bytes=verified.size_bytes,
                received_at=clock(),
            )
        )
    logger.info("received %s %s: %d rows, %d bytes", kind.name, accepted.name, verified.rows, verified.size_bytes)
    return _answer(HTTPStatus.CREATED, verified.sha256, status="accepted", name=accepted.name, rows=verified.rows)


def _earlier(session: Session, sha256: str, crawl_id: str | None) -> str | None:
    """Return the SHA-256 under which these bytes, or this crawl in other bytes, came before."""
    for table in (Upload, Crawl):
        same = table.sha256 == sha256
        if crawl_id is not None:
            same = sa.or_(same, table.crawl_id == crawl_id)
        found = session.scalar(sa.select(table.sha256).where(same).limit(1))
        if found is not None:
            return found
    return None


def _answer(code: HTTPStatus, sha256: str, **facts: Any) -> Response:
    return JSONResponse({"sha256": sha256, **facts}, code)
