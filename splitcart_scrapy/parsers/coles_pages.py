"""Coles' HTML pages: what they must be asked for again, and what only a product's own page tells."""

import re
from dataclasses import dataclass

from splitcart_scrapy.failures import BlockedError, SiteChangedError

_DATA = re.compile(rb'<script id="__NEXT_DATA__"[^>]*>(.*?)</script>', re.DOTALL)
_KEY = re.compile(rb'"BFF_API_SUBSCRIPTION_KEY"\s*:\s*"([0-9a-f]{32})"')
_BUILD = re.compile(rb'"buildId"\s*:\s*"([^"/]+)"')


@dataclass(frozen=True, slots=True)
class WayIn:
    """What a page says about reaching its data: both change with the site's deploys. ``key`` None: it names none."""

    build_id: str
    key: str | None


def parse_way_in(body: bytes) -> WayIn:
    """Read any page of the site; raise BlockedError for one without data, SiteChangedError for data of another form.

    The key stands among the data, or in a script of its own.
    """
    data = _DATA.search(body)
    if data is None:
        raise BlockedError("blocked: a page of Coles without its data")
    build, key = _BUILD.search(data[1]), _KEY.search(body)
    if build is None:
        raise SiteChangedError("Coles page: no buildId in its data")
    return WayIn(build[1].decode(), key[1].decode() if key else None)
