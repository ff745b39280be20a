"""What can go wrong at a site, as exceptions that know their failure class."""

import re
from codecs import BOM_UTF8

import msgspec

from splitcart.errors import FailedError
from splitcart.transfer.records import FailureClass


class SiteError(FailedError):
    """A site did not give what was asked for. ``stops_store``: asking it for more of this store is pointless."""

    failure_class = FailureClass.NETWORK
    stops_store = False


class NetworkError(SiteError):
    """The connection failed, or the server did (5xx), also when asked again."""


class SlowSiteError(SiteError):
    failure_class = FailureClass.TIMEOUT


class SiteChangedError(SiteError):
    """The site answered, but not in the form that its parser knows.

    ``status``: the HTTP status, if that was it; ``is_json``: what came with it was JSON, as from an API that is there.
    """

    failure_class = FailureClass.SITE_CHANGED

    def __init__(self, text: str, status: int | None = None, *, is_json: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_json = is_json


class BlockedError(SiteError):
    failure_class = FailureClass.BLOCKED
    stops_store = True


class RateLimitedError(SiteError):
    failure_class = FailureClass.RATE_LIMITED
    stops_store = True


class WrongStoreError(SiteError):
    """The site answered for another store than the requested one."""

    failure_class = FailureClass.WRONG_STORE
    stops_store = True


class UnknownStoreError(SiteError):
    failure_class = FailureClass.UNKNOWN_STORE
    stops_store = True


class GivenUpError(SiteError):
    """Several listings failed in a row; ``failure_class`` is that of the last."""

    stops_store = True

    def __init__(self, text: str, failure_class: FailureClass) -> None:
        super().__init__(text)
        self.failure_class = failure_class


# The site told us to stay away: the next store would meet the same answer.
STOPS_SPIDER = frozenset({FailureClass.BLOCKED, FailureClass.RATE_LIMITED})

# What the pages of a defence hold, whatever their status (docs/retailers.md#coles-defence, #iga-defence).
DEFENCE_MARKS = (
    b"_Incapsula_Resource",
    b"Incapsula incident ID",
    b"Pardon Our Interruption",
    b"Attention Required! | Cloudflare",
    b"<title>Just a moment...",
)
_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:[\[{"\d-]|null|true|false)')
_CALL = re.compile(rb"\s*[\w$.]+\s*\(")
_MAX_DEFENCE_PAGE = 4096
_MAX_SHOWN = 80


def refusal(
    status: int, body: bytes, url: str, *, is_page: bool = False, names_wait: bool = False, content_type: str = ""
) -> SiteError | None:
    """Return what is wrong with an answer, None if it may be what was asked for: JSON, or an HTML page.

    A page or a text where JSON is expected is a block (docs/retailers.md#woolworths-defence), and so is a redirect: no
    API answers so. Nor does one call its JSON a page; a script, though, may be called one. What is merely missing (404)
    or asks for a key (401) may say so with a page. ``names_wait``: it says when to come back; the middleware has waited
    as long as it does.
    """
    mark = next((mark for mark in DEFENCE_MARKS if mark in body[:_MAX_DEFENCE_PAGE]), None)
    if mark or status == 403:
        return BlockedError(f"blocked: {status}{f' with {mark.decode()!r}' if mark else ''} at {url}")
    if status == 429 or (status == 503 and names_wait):
        return RateLimitedError(f"rate limited: {status} at {url}, also after waiting")
    if status >= 500:
        return NetworkError(f"{status} at {url}, also when asked again")
    if not is_page and status not in {401, 404} and (what := _in_place_of_json(status, body, content_type)):
        return BlockedError(f"blocked: {what} where JSON was expected at {url}: {_shown(body)}")
    if status != 200:
        return SiteChangedError(f"{status} at {url}, expected 200: {_shown(body)}", status, is_json=_is_object(body))
    return None


def _in_place_of_json(status: int, body: bytes, content_type: str) -> str | None:
    """Say what an answer is, None if it may be JSON, or a script that calls with it; empty or cut off it may be."""
    if 300 <= status < 400:  # followed, it would lead to an error page, or to an answer for something else
        return "a redirect"
    if body.removeprefix(BOM_UTF8).lstrip()[:1] == b"<":
        return "a page"
    if status != 200 or _CALL.match(body):
        return None
    if content_type.lower().startswith("text/html"):
        return "text/html"
    return "a text" if body.strip() and not _JSON.match(body) else None


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _shown(body: bytes) -> str:
    return repr(body.strip()[:_MAX_SHOWN].decode(errors="replace"))
