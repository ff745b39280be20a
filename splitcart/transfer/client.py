"""The HTTP client of a scraper host: it repeats what can heal, and says clearly what cannot."""

import hashlib
import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import requests
import tenacity
import urllib3

from splitcart.config import Settings, is_address
from splitcart.errors import InputError
from splitcart.measures.clock import Clock, system_clock
from splitcart.stopping import Stop
from splitcart.transfer.gzip_lines import CrawlFileError
from splitcart.transfer.judging import (
    ARRIVING,
    HEALING,
    HealingError,
    TransferError,
    answered_object,
    cause_of,
    judge,
    reason_of,
)
from splitcart.transfer.kinds import get_kind

CONNECT_SECONDS, READ_SECONDS = 10.0, 120.0
ATTEMPTS = 6
LONGEST_PAUSE_SECONDS = 60.0
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,  # from a body that is read as it comes
)

Taken = TypeVar("Taken")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadResult:
    """The server has the file. ``is_new`` False: it had it before, as ``duplicate_of`` (a SHA-256) if that is known."""

    sha256: str
    is_new: bool
    duplicate_of: str | None = None


def join_url(base_url: str, path: str) -> str:
    """Return the address of ``path`` below ``base_url``, whether or not either has slashes where they meet.

    A path in ``base_url`` is kept. Raises InputError for a base that is not an http(s) address, or that carries a user,
    a query or a fragment.
    """
    if not is_address(base_url):
        raise InputError(f"{base_url!r} is not the address of a server; expected one like https://prices.example.org")
    parts = urlsplit(base_url.strip())
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/{quote(path.lstrip('/'))}"


class Client:
    """One server, one key. The key goes into one header and nowhere else: not into logs, texts or ``repr``."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        session: requests.Session | None = None,
        attempts: int = ATTEMPTS,
        clock: Clock = system_clock,
        rng: random.Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not key or not key.isascii() or not key.isprintable() or key != key.strip():
            raise InputError("API_SECRET_KEY must be printable ASCII without spaces around it; copy it again")
        join_url(base_url, "")
        self.base_url = base_url
        self._key = key
        self._timeout = timeout
        self._session = session or requests.Session()
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, keeps no secret
        self._retrying = tenacity.Retrying(
            sleep=sleep,
            stop=tenacity.stop_after_attempt(attempts),
            wait=self._pause,
            retry=tenacity.retry_if_exception_type(HealingError),
            before_sleep=_log_pause,
            reraise=True,
        )

    @classmethod
    def from_settings(cls, settings: Settings, *, dev: bool = False, stop: Stop | None = None) -> Self:
        """Return the client that the settings describe; raise InputError naming the setting that is missing.

        ``stop`` ends its pauses, and with them its attempts, when the end is asked for.
        """
        url = settings.api_dev_server_url if dev else settings.api_server_url
        if not url:
            raise InputError(
                "API_SERVER_URL is not set; set it to the server's address, or use --dev for the one on this machine"
            )
        if settings.api_secret_key is None:
            raise InputError("API_SECRET_KEY is not set; set it to the key that the server's operator gave you")
        sleep = partial(_sleep_until, stop) if stop else time.sleep
        return cls(url, settings.api_secret_key.get_secret_value(), clock=settings.clock(), sleep=sleep)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def upload(self, path: Path, kind: str) -> UploadResult:
        """Send one file; when this returns, the server keeps it.

        Raises RefusedError for a file that the server will never take, TransferError for everything else that attempts
        did not heal, InputError for a file that cannot be read.
        """
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        response = self._send(
            f"api/upload/{get_kind(kind).name}/",
            headers={"Content-Type": "application/gzip", "X-Content-SHA256": sha256},
            body=lambda: path.open("rb"),
            healing=HEALING | {ARRIVING},
            sha256=sha256,
        )
        answer = answered_object(response)
        if answer.get("sha256") != sha256:
            # A proxy's page or another program: its 200 says nothing about the file, which must not be given away.
            raise TransferError(
                f"{response.url} answered {response.status_code} without acknowledging the file; is API_SERVER_URL the"
                " address of a SplitCart server?",
                response.status_code,
            )
        duplicate_of = answer.get("duplicate_of")
        is_new = response.status_code == requests.codes.created
        return UploadResult(sha256, is_new=is_new, duplicate_of=str(duplicate_of) if duplicate_of else None)

    def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Send a JSON object and return the answer's body; raise TransferError with the status of a refusal."""
        return self._send(path, json=body).content

    def get(
        self,
        path: str,
        take: Callable[[requests.Response], Taken],
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Taken:
        """Ask for something, and return what ``take`` makes of the answer: 200, or 304 when the headers allow it.

        The answer's body has not been read. When ``take`` raises CrawlFileError, or the body breaks off, all is tried
        again. Raises TransferError.
        """
        url = join_url(self.base_url, path)

        def attempt() -> Taken:
            with self._session.get(
                url,
                params=dict(params),
                headers={**headers, "X-API-Key": self._key},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
                verify=True,
            ) as response:
                if response.status_code != requests.codes.not_modified:
                    judge(url, response, HEALING, self._clock)
                try:
                    return take(response)
                except CrawlFileError as error:
                    raise HealingError(f"{url} sent what is not whole: {error}") from error

        return self._try(url, attempt)

    def _send(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], IO[bytes]] | None = None,
        json: Mapping[str, Any] | None = None,
        healing: frozenset[int] = HEALING,
        sha256: str | None = None,
    ) -> requests.Response:
        url = join_url(self.base_url, path)

        def attempt() -> requests.Response:
            opened: AbstractContextManager[IO[bytes] | None] = body() if body else nullcontext()
            with opened as data:
                response = self._session.post(
                    url,
                    data=data,
                    json=json,
                    headers={**(headers or {}), "X-API-Key": self._key},
                    timeout=self._timeout,
                    allow_redirects=False,  # a redirected POST becomes a GET, and the key would follow
                    verify=True,
                )
            return judge(url, response, healing, self._clock, sha256)

        return self._try(url, attempt)

    def _try(self, url: str, attempt: Callable[[], Taken]) -> Taken:
        """Return what an attempt gives, after as many as it takes and may take."""

        def tried() -> Taken:
            try:
                return attempt()
            except BROKEN as error:
                if isinstance(cause_of(error), ssl.SSLCertVerificationError):
                    raise TransferError(
                        f"{url}: the server's certificate cannot be trusted ({reason_of(error)})"
                    ) from error
                raise HealingError(f"{url} cannot be reached ({reason_of(error)}); is the server up?") from error
            except requests.RequestException as error:
                raise TransferError(f"{url}: {reason_of(error)}") from error

        return self._retrying(tried)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Return what the server asked for, else up to 2, 4, 8 … seconds at random: hosts must not return as one."""
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "pause_seconds", None)
        if asked is not None:
            return float(asked) + self._rng.uniform(0, 1)
        return self._rng.uniform(0, min(LONGEST_PAUSE_SECONDS, 2.0**state.attempt_number))


def _sleep_until(stop: Stop, seconds: float) -> None:
    if stop.wait(seconds):
        raise TransferError("stopped before the next attempt")


def _log_pause(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("attempt %d: %s; the next in %.1f s", state.attempt_number, error, state.upcoming_sleep)
