"""What can go wrong at a site, as exceptions that know their failure class."""

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
_MAX_DEFENCE_PAGE = 4096
_MAX_SHOWN = 80


def refusal(status: int, body: bytes, url: str, *, is_page: bool = False, names_wait: bool = False) -> SiteError | None:
    """Return what is wrong with an answer, None if it may be what was asked for: JSON, or an HTML page.

    A page where JSON is expected is a block (docs/retailers.md#woolworths-defence), and so is a redirect: no API
    answers so. What is merely missing (404) or asks for a key (401) may say so with a page. ``names_wait``: it says
    when to come back; the middleware has waited as long as it does.
    """
    mark = next((mark for mark in DEFENCE_MARKS if mark in body[:_MAX_DEFENCE_PAGE]), None)
    if mark or status == 403:
        return BlockedError(f"blocked: {status}{f' with {mark.decode()!r}' if mark else ''} at {url}")
    if status == 429 or (status == 503 and names_wait):
        return RateLimitedError(f"rate limited: {status} at {url}, also after waiting")
    if status >= 500:
        return NetworkError(f"{status} at {url}, also when asked again")
    is_redirect = 300 <= status < 400  # followed, it would lead to an error page, or to an answer for something else
    if not is_page and status not in {401, 404} and (is_redirect or body.removeprefix(BOM_UTF8).lstrip()[:1] == b"<"):
        what = "a redirect" if is_redirect else "a page"
        return BlockedError(f"blocked: {what} where JSON was expected at {url}: {_shown(body)}")
    if status != 200:
        return SiteChangedError(f"{status} at {url}, expected 200: {_shown(body)}", status, is_json=_is_object(body))
    return None


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _shown(body: bytes) -> str:
    return repr(body.strip()[:_MAX_SHOWN].decode(errors="replace"))
