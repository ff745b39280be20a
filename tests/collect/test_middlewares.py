"""How long a 429 or 503 is waited for."""

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


def asked(retry_after: str | None, waits: int = 0, status: int = 429):
    middleware = RetryAfterMiddleware(120.0, 0.0, 2, lambda: NOW)
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    request = Request(URL, meta={WAITED: waits})
    return middleware.process_response(request, Response(URL, status=status, headers=headers))


@pytest.mark.parametrize(
    ("retry_after", "status"),
    [
        ("0", 429),
        ("0", 503),
        (None, 429),
        ("soon", 429),
        (format_datetime(NOW - timedelta(minutes=1), usegmt=True), 429),
        ("Thu, 5 Nov 2026 01:00:00", 503),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_wait_that_is_over_at_once_leads_to_another_request(retry_after, status):
    again = await Deferred.fromCoroutine(asked(retry_after, status=status))
    assert isinstance(again, Request)
    assert again.dont_filter
    assert again.meta[WAITED] == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("121", 0), (format_datetime(NOW + timedelta(hours=1), usegmt=True), 0), ("0", 2)],
)
@pytest_twisted.ensureDeferred
async def test_a_long_wait_and_a_repeated_one_are_left_to_the_spider(retry_after, waits, status):
    assert (await Deferred.fromCoroutine(asked(retry_after, waits, status))).status == status


@pytest.mark.parametrize(("status", "waits"), [(503, 0), (500, 0), (429, 2)])
@pytest_twisted.ensureDeferred
async def test_other_answers_pass(status, waits):
    assert (await Deferred.fromCoroutine(asked(None, waits, status))).status == status
