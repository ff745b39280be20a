"""How long a 429 is waited for."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
import pytest_twisted
from scrapy import Request
from scrapy.http import Response
from twisted.internet.defer import Deferred

from splitcart_scrapy.middlewares import WAITED, RetryAfterMiddleware
from tests.collect.runs import NOW

URL = "https://example.org/"


def asked(retry_after: str | None, waits: int = 0):
    middleware = RetryAfterMiddleware(120.0, 0.0, 2, lambda: NOW)
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    request = Request(URL, meta={WAITED: waits})
    return middleware.process_response(request, Response(URL, status=429, headers=headers))


@pytest.mark.parametrize(
    "retry_after",
    ["0", None, "soon", format_datetime(NOW - timedelta(minutes=1), usegmt=True), "Thu, 5 Nov 2026 01:00:00"],
)
@pytest_twisted.ensureDeferred
async def test_a_wait_that_is_over_at_once_leads_to_another_request(retry_after):
    again = await Deferred.fromCoroutine(asked(retry_after))
    assert isinstance(again, Request)
    assert again.dont_filter
    assert again.meta[WAITED] == 1


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("121", 0), (format_datetime(NOW + timedelta(hours=1), usegmt=True), 0), ("0", 2), (None, 2)],
)
@pytest_twisted.ensureDeferred
async def test_a_long_wait_and_a_repeated_one_are_left_to_the_spider(retry_after, waits):
    assert (await Deferred.fromCoroutine(asked(retry_after, waits))).status == 429


@pytest_twisted.ensureDeferred
async def test_other_answers_pass():
    middleware = RetryAfterMiddleware(120.0, 0.0, 2, lambda: NOW)
    response = Response(URL, status=503, headers={"Retry-After": "5"})
    assert await Deferred.fromCoroutine(middleware.process_response(Request(URL), response)) is response
