"""What every request meets first: the visitors' book and the weather."""

import socket
import struct
from asyncio import Transport, sleep
from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from splitcart.measures.clock import Clock
from splitcart.replica.sites.weather import Fault, Rule, Weather

BOOK_LENGTH = 200_000


class Visit(NamedTuple):
    """One request: ``store`` is the store that it asked for, ``path`` its path below the site with the query."""

    chain: str
    store: str | None
    path: str
    status: int | None


class Site(Protocol):
    """What a site offers to the front."""

    @property
    def app(self) -> ASGIApp:
        """The application, its paths as the retailer's."""

    def store_of(self, query: Mapping[str, list[str]], body: bytes, cookies: Mapping[str, str]) -> str | None:
        """The id of the store that a request asks for, None if it asks for none."""

    def block_page(self, path: str) -> Response:
        """The page with which this site turns a robot away."""

    def challenge_page(self, path: str) -> Response:
        """The page that a browser passes by itself; where none was seen, the block page."""


class Front:
    """An ASGI application that serves each site below ``/{chain}``.

    ``requests`` counts by (chain, store id or None), ``book`` keeps the visits, the latest last; a connection that was
    reset has the status None.
    """

    def __init__(self, sites: Mapping[str, Site], weather: Weather, clock: Clock) -> None:
        """Serve ``sites`` by chain, under the ``weather`` at the time of ``clock``."""
        self._sites, self._weather, self._clock = sites, weather, clock
        self.requests: Counter[tuple[str, str | None]] = Counter()
        self.book: deque[Visit] = deque(maxlen=BOOK_LENGTH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the replica speaks HTTP only, not {scope['type']}")
        _, chain, *rest = scope["path"].split("/", 2)
        site = self._sites.get(chain)
        if site is None:
            known = ", ".join(f"/{each}/" for each in self._sites)
            await JSONResponse({"message": f"no such site; this server has {known}"}, 404)(scope, receive, send)
            return
        body = await _read(receive)
        query = scope["query_string"].decode("latin-1")
        path = "/" + "/".join(rest) + (f"?{query}" if query else "")
        store = site.store_of(parse_qs(query), body, HTTPConnection(scope).cookies)
        self.requests[chain, store] += 1

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Before the visitor has the answer, and may ask again.
                self.book.append(Visit(chain, store, path, message["status"]))
            await send(message)

        inner = {**scope, "path": f"/{'/'.join(rest)}", "root_path": ""}
        rules = self._weather.strike(chain, store, path, self._clock())
        if _struck(rules) is Fault.RESET:
            self.book.append(Visit(chain, store, path, None))
        await self._answer(site, rules, inner, body, note, receive, send)

    async def _answer(
        self, site: Site, rules: list[Rule], scope: Scope, body: bytes, note: Send, receive: Receive, send: Send
    ) -> None:
        """Let the struck rules have their way, the delays first; else the site answers."""
        for rule in rules:
            if rule.fault is Fault.DELAY:
                await sleep(rule.seconds or 0)
        fault = next((rule for rule in rules if rule.fault is not Fault.DELAY), None)
        if fault is None:
            await site.app(scope, _replay(body), note)
        elif fault.fault is Fault.RESET:
            await _reset(send, receive)
        elif fault.fault is Fault.TRUNCATE:
            await _truncate(site.app, scope, body, note)
        else:
            await _fault_page(site, fault, scope["path"])(scope, _replay(body), note)


def _struck(rules: list[Rule]) -> Fault | None:
    """What befalls a request that these rules strike, its delays aside."""
    return next((rule.fault for rule in rules if rule.fault is not Fault.DELAY), None)


def _fault_page(site: Site, rule: Rule, path: str) -> Response:
    if rule.fault is Fault.BLOCK:
        return site.block_page(path)
    if rule.fault is Fault.CHALLENGE:
        return site.challenge_page(path)
    if rule.fault is Fault.FORBIDDEN:
        return HTMLResponse("<html><head><title>403 Forbidden</title></head><body></body></html>", 403)
    if rule.fault is Fault.RATE_LIMIT:
        headers = {} if rule.seconds is None else {"retry-after": f"{rule.seconds:g}"}
        return JSONResponse({"message": "Too many requests"}, 429, headers)
    if rule.fault is Fault.HTML:
        page = "<!DOCTYPE html><html><head><title>We'll be right back</title></head><body>Maintenance</body></html>"
        return HTMLResponse(page)
    changed = rule.fault is Fault.OTHER_FORM
    return JSONResponse({"version": 2} if changed else {"message": "Internal server error"}, 200 if changed else 500)


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body"):
            return body


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _truncate(app: ASGIApp, scope: Scope, body: bytes, send: Send) -> None:
    """Send the site's answer cut in half, as a well-formed message of that length."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, _replay(body), keep)
    whole = b"".join(message.get("body", b"") for message in messages)
    half = whole[: len(whole) // 2]
    start = messages[0]
    start["headers"] = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    start["headers"].append((b"content-length", str(len(half)).encode()))
    await send(start)
    await send({"type": "http.response.body", "body": half})


async def _reset(send: Send, receive: Receive) -> None:
    """Break the connection so that the client sees a reset. ASGI has no word for it, uvicorn's transport has."""
    transport: Transport = send.__self__.transport  # type: ignore[attr-defined]  # uvicorn's request cycle
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
