"""What a server's answer means: good, worth another attempt, or never."""

from typing import Any

import requests

from splitcart.errors import FailedError
from splitcart.measures.clock import Clock
from splitcart.measures.retry_after import retry_after_seconds

LONGEST_RETRY_AFTER_SECONDS = 300.0
HEALING = frozenset({408, 425, 429, 500, 502, 503, 504})
ARRIVING = 409  # the same bytes are on their way in another request
FILE_REFUSED = frozenset({400, 411, 413, 415, 422})
MAX_DETAIL = 300


class TransferError(FailedError):
    """The server could not be reached, or did not do what was asked; ``status`` is its answer's, None without one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RefusedError(TransferError):
    """The server looked at the file and will never take it; sending it again cannot help."""


class HealingError(TransferError):
    """Worth another attempt, after ``pause_seconds`` if the server named a pause."""

    pause_seconds: float | None = None


def judge(
    url: str, response: requests.Response, healing: frozenset[int], clock: Clock, sha256: str | None = None
) -> requests.Response:
    """Return an answer that is good; ``sha256`` is the file's that was sent, if one was.

    Raises HealingError for the statuses ``healing`` and for a refusal that does not name the file, RefusedError for one
    that does, TransferError for everything else.
    """
    status = response.status_code
    if status in {requests.codes.ok, requests.codes.created}:
        return response
    problem = answered_object(response)
    detail = " ".join(str(problem.get("detail") or problem.get("title") or response.reason).split())[:MAX_DETAIL]
    message = f"{url} answered {status}: {detail}"
    if status in healing:
        error = HealingError(message, status)
        error.pause_seconds = retry_after_seconds(response.headers.get("Retry-After"), clock)
        if error.pause_seconds is not None and error.pause_seconds > LONGEST_RETRY_AFTER_SECONDS:
            raise TransferError(
                f"{message}; it asks to come back in {error.pause_seconds:.0f} seconds: run again then", status
            )
        raise error
    if status in FILE_REFUSED:
        if sha256 is not None and (problem.get("sha256"), problem.get("status")) != (sha256, status):
            # What the server saw is not the file, but something that came of it on the way.
            raise HealingError(f"{message} (and does not name the file)", status)
        raise RefusedError(message, status)
    if response.is_redirect:
        raise TransferError(
            f"{url} points to {response.headers['Location']!r}; set API_SERVER_URL to where the server is", status
        )
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        raise TransferError(f"{message}; check API_SECRET_KEY", status)
    raise TransferError(message, status)


def answered_object(response: requests.Response) -> dict[str, Any]:
    """Return a JSON object that the server answered, empty for any other answer (a proxy's page)."""
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def cause_of(error: BaseException) -> BaseException:
    """Return the innermost cause: requests wraps it three times over."""
    cause = error
    while (inner := cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)) is not None and isinstance(
        inner, BaseException
    ):
        cause = inner
    return cause


def reason_of(error: BaseException) -> str:
    """Return the innermost cause in one line."""
    cause = cause_of(error)
    return " ".join(str(cause).split())[:MAX_DETAIL] or type(cause).__name__
