"""``GET /api/export/{kind}/``: what is stored, streamed as NDJSON from one snapshot of the database."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from http import HTTPStatus
from itertools import chain
from urllib.parse import urlencode

import anyio
import anyio.from_thread
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.datastructures import Headers

import splitcart
from splitcart.database import reading
from splitcart.database.lookup import find_store
from splitcart.database.models import Company, Crawl, Store
from splitcart.database.streaming import fingerprint, stream_rows
from splitcart.measures.clock import Clock
from splitcart.server.export_queries import CATALOGUE, Export, Wanted
from splitcart.server.price_queries import PRICES
from splitcart.server.problems import Problem
from splitcart.server.streaming import PacedResponse, choose_encoding, compressed
from splitcart.transfer.exported import AS_OF, EXPORT_VERSION, MEDIA_TYPE
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import BatchRecord

RETRY_SECONDS = 5
PAGE_STORES, MAX_PAGE_STORES = 25, 1_000
MAX_DIGITS = 19
MAX_ID = 2**31 - 1


@dataclass(frozen=True)
class ExportLimits:
    """How many exports run at once in a process, and how long one waits for its turn, or for its caller to take it."""

    running: int = 4  # each holds a connection to the database
    wait_seconds: float = 30.0
    silence_seconds: float = 60.0


@dataclass
class _Answer:
    """An answer that has begun; ``chunks`` None: the caller has it already. ``close`` ends its snapshot."""

    headers: dict[str, str]
    chunks: Iterator[bytes] | None
    close: Callable[[], None]


def export_routes(engine: sa.Engine, clock: Clock, limits: ExportLimits) -> APIRouter:
    """Return the export endpoints (docs/http-api.md says what they answer)."""
    router = APIRouter(prefix="/api/export")
    running = anyio.Semaphore(limits.running)

    def add(export: Export) -> None:
        @router.get(f"/{export.kind}/")
        async def read(request: Request) -> Response:
            asked = _asked(export, request)
            await _wait_for_turn(running, limits)
            try:
                answer = await run_in_threadpool(_begin, engine, clock, export, asked, request.headers)
            except BaseException:
                running.release()
                raise
            if answer.chunks is None:
                running.release()
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=answer.headers)

            def close() -> None:
                try:
                    answer.close()
                finally:
                    anyio.from_thread.run_sync(running.release)

            return PacedResponse(answer.chunks, close, answer.headers, MEDIA_TYPE, limits.silence_seconds)

    for export in (*CATALOGUE, *PRICES):
        add(export)
    return router


async def _wait_for_turn(running: anyio.Semaphore, limits: ExportLimits) -> None:
    with anyio.move_on_after(limits.wait_seconds):
        await running.acquire()
        return
    detail = f"{limits.running} exports are running; try again"
    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_SECONDS)})


def _asked(export: Export, request: Request) -> dict[str, str]:
    """Return the filters of a request; raise Problem for one that this export has not."""
    given = request.query_params
    if unknown := sorted(set(given) - export.filters):
        known = ", ".join(sorted(export.filters)) or "none"
        raise _unusable(f"{export.kind} cannot be asked with {', '.join(unknown)}; known: {known}")
    if len(given.multi_items()) > len(given):
        raise _unusable("a filter is given twice; expected each once")
    if unusable := [name for name, value in given.items() if not value.isprintable()]:
        raise _unusable(f"{', '.join(unusable)} holds characters that no name has")
    return dict(given)


def _begin(engine: sa.Engine, clock: Clock, export: Export, asked: dict[str, str], headers: Headers) -> _Answer:
    """Open a snapshot and make the first chunk of the answer, so that what fails at once fails with a problem."""
    as_of = clock()  # before the snapshot: what was committed by then is in it
    with ExitStack() as stack:
        session = stack.enter_context(reading(engine))
        wanted = _wanted(session, asked)
        wanted, following = _page(session, export, asked, wanted)
        etag = _etag(session, export, asked, wanted, following)
        head = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding", AS_OF: as_of.isoformat()}
        if following is not None:
            query = urlencode(asked | {"cursor": following})
            head["Link"] = f'<?{query}>; rel="next"'
        if {etag, "*"} & _known(headers.get("If-None-Match")):
            return _Answer(head, None, stack.close)
        encoding = choose_encoding(headers.get("Accept-Encoding"))
        if encoding != "identity":
            head["Content-Encoding"] = encoding
        lines = _lines(session, export, wanted, asked, as_of)
        stack.callback(lines.close)
        chunks = compressed(lines, encoding)
        begun = chain([next(chunks)], chunks)
        return _Answer(head, begun, stack.pop_all().close)


def _lines(
    session: Session, export: Export, wanted: Wanted, asked: dict[str, str], as_of: datetime
) -> Generator[bytes, None, None]:
    """Yield the rows as lines, some at a time, and the closing line."""
    count = 0
    rows = stream_rows(session, export.rows(wanted))
    try:
        for some in rows:
            count += len(some)
            yield export.encode(some)
    finally:
        rows.close()
    closing = BatchRecord(kind=export.kind, generated_at=as_of, count=count, inputs=asked)
    yield encode_line(closing)


def _wanted(session: Session, asked: dict[str, str]) -> Wanted:
    wanted = Wanted(since=_instant(asked["since"]) if "since" in asked else None)
    if "company" in asked:
        company = session.scalar(sa.select(Company.id).where(Company.slug == asked["company"]))
        if company is None:
            raise _unusable(f"company {asked['company']!r} is not known here; GET /api/export/companies/ lists them")
        wanted = replace(wanted, company=company)
    if "store" in asked:
        slug = asked.get("company")
        found = find_store(session, f"{slug}/{asked['store']}" if slug else asked["store"])
        wanted = replace(wanted, company=found[0].id, store=found[1].id)
    return wanted


def _page(session: Session, export: Export, asked: dict[str, str], wanted: Wanted) -> tuple[Wanted, int | None]:
    """Return what is wanted of one page, and the cursor of the page after it; an export without pages is one.

    A page begins after the store that the cursor names, so it keeps its stores while others are added.
    """
    if export.changed is None:
        return wanted, None
    limit = _number("limit", asked.get("limit", str(PAGE_STORES)), MAX_PAGE_STORES)
    after = _number("cursor", asked.get("cursor", "1"), MAX_ID)
    query = sa.select(Store.id).where(Store.id >= after, Store.id.in_(sa.select(Crawl.store_id)))
    query = query.where(Store.is_active if wanted.store is None else Store.id == wanted.store)
    if wanted.company is not None:
        query = query.where(Store.company_id == wanted.company)
    if wanted.since is not None:
        query = query.where(export.changed(wanted.since))
    stores = session.scalars(query.order_by(Store.id).limit(limit + 1)).all()
    return replace(wanted, stores=tuple(stores[:limit])), stores[limit] if len(stores) > limit else None


def _number(name: str, text: str, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS or not 1 <= int(text) <= most:
        raise _unusable(f"{name} is {text!r}; expected a number from 1 to {most}")
    return int(text)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _unusable(f"since is {text!r}; expected an instant with its offset, such as 2026-11-20T12:00:00Z")


def _etag(session: Session, export: Export, asked: dict[str, str], wanted: Wanted, following: int | None) -> str:
    """Return what changes when the answer does. It is weak: the same rows may come in other bytes or another order."""
    marks = [fingerprint(session, query) for query in export.marks(wanted)]
    seen = repr((EXPORT_VERSION, splitcart.__version__, export.kind, sorted(asked.items()), wanted, following, marks))
    return f'W/"{blake2b(seen.encode(), digest_size=16).hexdigest()}"'


def _known(header: str | None) -> set[str]:
    """Return the tags of an If-None-Match header, as they are compared (RFC 9110, 13.1.2)."""
    tags = (tag.strip() for tag in (header or "").split(","))
    return {f"W/{tag}" if tag.startswith('"') else tag for tag in tags}


def _unusable(detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
