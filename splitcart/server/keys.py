"""Who may call: the key in the header X-API-Key."""

import hashlib
import hmac
from collections.abc import Callable
from http import HTTPStatus

from fastapi import Request

from splitcart.config import Settings
from splitcart.errors import InputError
from splitcart.server.problems import Problem

KeyCheck = Callable[[Request], None]


def key_check(settings: Settings) -> KeyCheck:
    """Return a dependency that raises 401 without the server's key; raise InputError when the server has none."""
    key = settings.api_secret_key.get_secret_value() if settings.api_secret_key else ""
    if not key.strip():
        raise InputError("API_SECRET_KEY is not set; a server without a key would take files from anyone: set one")
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise InputError("API_SECRET_KEY must be printable ASCII without spaces around it, or no header can hold it")
    expected = _digest(key)

    def check(request: Request) -> None:
        given = request.headers.get("X-API-Key")
        if given is None:
            raise _unauthorized("the header X-API-Key is missing")
        if not hmac.compare_digest(_digest(given), expected):
            raise _unauthorized("the key in X-API-Key is not known here")

    return check


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _unauthorized(detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": 'ApiKey realm="SplitCart"'})
