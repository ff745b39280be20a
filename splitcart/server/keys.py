"""Who may call: the key in the header X-API-Key, its scopes, and how often."""

import hmac
import logging
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import NoReturn

import sqlalchemy as sa
from fastapi import Request

from splitcart.config import Settings
from splitcart.database import DatabaseError, attempt, reading
from splitcart.database.models import ApiKey
from splitcart.errors import InputError
from splitcart.measures.clock import Clock
from splitcart.server.key_store import digest, id_of, state
from splitcart.server.problems import Problem
from splitcart.server.rates import Rate, SqliteStorage

BOOTSTRAP = "bootstrap"  # the id under which the server's own key counts
NOTED_EVERY = timedelta(minutes=1)  # a key's last use is written down no more often
NO_KEY = "0" * 64
PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")

logger = logging.getLogger(__name__)


class Access:
    """The check before every endpoint below ``/api/``; raises InputError when the server has no key of its own."""

    def __init__(self, settings: Settings, engine: sa.Engine, clock: Clock) -> None:
        self._bootstrap = digest(_bootstrap_key(settings))
        self._engine = engine
        self._clock = clock
        self._storage = SqliteStorage(settings.data_dir / "state" / "rates.sqlite")
        self._internal = Rate("SPLITCART_RATE_INTERNAL", settings.rate_internal, self._storage)
        self._anon = Rate("SPLITCART_RATE_ANON", settings.rate_anon, self._storage)
        self._failed = Rate("SPLITCART_RATE_FAILED", settings.rate_failed, self._storage)

    def check(self) -> None:
        """Raise OSError when calls cannot be counted, and so none is let in."""
        self._storage.clear("")

    def needs(self, scope: str) -> Callable[[Request], None]:
        """Return a dependency that lets in a key with this scope (or ``admin``), within its rate.

        401: no key, or not a valid one; 403: it lacks the scope; 429: too often, or too many failed attempts.
        """

        def check(request: Request) -> None:
            caller = request.client.host if request.client else "unknown"
            self._failed.check(caller)
            given = request.headers.get("X-API-Key")
            if given is None:
                self._anon.spend(caller)
                raise _unauthorized("the header X-API-Key is missing")
            key_id, scopes = self._identify(given, caller)
            self._internal.spend(key_id)
            if scope not in scopes and "admin" not in scopes:
                detail = f"key {key_id} has no scope {scope!r}, only {', '.join(scopes)}; ask the server's operator"
                raise Problem(HTTPStatus.FORBIDDEN, detail)

        return check

    def local_or(self, scope: str) -> Callable[[Request], None]:
        """Return a dependency that lets in who calls from this machine without a proxy, or has a key with the scope."""
        with_key = self.needs(scope)

        def check(request: Request) -> None:
            if not _is_local(request):
                with_key(request)

        return check

    def _identify(self, given: str, caller: str) -> tuple[str, list[str]]:
        """Return the id and the scopes of a valid key; count the attempt and raise 401 for any other."""
        if hmac.compare_digest(digest(given), self._bootstrap):
            return BOOTSTRAP, ["admin"]
        now = self._clock()
        with reading(self._engine) as session:
            key = session.scalar(sa.select(ApiKey).where(ApiKey.key_id == (id_of(given) or "")))
            known = hmac.compare_digest(digest(given), key.sha256 if key else NO_KEY)
        if key is None or not known:
            self._refuse(caller, "the key in X-API-Key is not known here")
        if (ended := state(key, now)) != "valid":
            self._refuse(caller, f"key {key.key_id} is {ended}; ask the server's operator for another")
        if key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY:
            self._note_use(key.id)
        return key.key_id, key.scopes

    def _refuse(self, caller: str, detail: str) -> NoReturn:
        logger.warning("a call from %s was refused: %s", caller, detail)
        self._failed.spend(caller)
        raise _unauthorized(detail)

    def _note_use(self, row_id: int) -> None:
        """Write down when a key was used, if that can be done at once: no call waits for it, or fails by it."""
        try:
            with attempt(self._engine) as session:
                session.execute(sa.update(ApiKey).where(ApiKey.id == row_id).values(last_used_at=self._clock()))
        except (DatabaseError, sa.exc.SQLAlchemyError) as error:
            logger.info("the use of a key is noted at its next call: %s", error)


def _is_local(request: Request) -> bool:
    """Tell whether a call began on this machine; one that a proxy passed on has come from anywhere."""
    if request.client is None or any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _bootstrap_key(settings: Settings) -> str:
    key = settings.api_secret_key.get_secret_value() if settings.api_secret_key else ""
    if not key.strip():
        raise InputError("API_SECRET_KEY is not set; a server without a key would take files from anyone: set one")
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise InputError("API_SECRET_KEY must be printable ASCII without spaces around it, or no header can hold it")
    return key


def _unauthorized(detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": 'ApiKey realm="SplitCart"'})
