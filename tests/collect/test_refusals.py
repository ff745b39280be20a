"""Each row of the table of refusals in docs/retailers.md, met in the middle of a crawl: what it is taken for."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError, ResponseDataLossError
from scrapy.http import Response

from splitcart.measures.lease import StoreLease
from splitcart.transfer.records import FailureClass
from splitcart_scrapy.failures import GivenUpError, SiteChangedError
from splitcart_scrapy.spiders.base.seen import AbsentListings
from tests.collect.line import Line, Trouble, crawl_store, run, spider_on_a_line
from tests.collect.runs import small_market, truth

PAGE = Path(__file__).parents[2] / "docs/retailers.md"
CHAINS = ("aldi", "coles", "iga", "woolworths")
LISTING = {"aldi": "product-search", "coles": "/products/search", "iga": "/search?", "woolworths": "/browse/category"}
EMPTY = {
    "aldi": b'{"meta": {"pagination": {"totalCount": 0}}, "data": []}',
    "coles": b'{"noOfResults": 0, "start": 0, "pageSize": 48, "results": []}',
    "iga": b'{"total": 0, "items": []}',
    "woolworths": b'{"Bundles": [], "TotalRecordCount": 0, "Success": true}',
}
EDGESUITE = (
    b"<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>You don&#39;t have permission to "
    b"access this on this server.<P>Reference&#32;&#35;18&#46;2d&#46;1730 https&#58;&#47;&#47;errors&#46;edgesuite"
    b"&#46;net</BODY></HTML>"
)
MAINTENANCE = b"<!DOCTYPE html><html><title>We'll be right back</title></html>"


def always(status: int, body: bytes = b"{}", **headers: str) -> Callable[[Line], Trouble]:
    return lambda _: lambda request: Response(request.url, status=status, headers=headers, body=body)


def fails_with(error: Exception) -> Callable[[Line], Trouble]:
    return lambda _: lambda _: error


def outage(_: Line) -> Trouble:
    statuses = cycle((500, 502, 503, 504))
    return lambda request: Response(request.url, status=next(statuses), body=b"{}")


def page_of_the_site(name: str) -> Callable[[Line], Trouble]:
    def shows(line: Line) -> Trouble:
        def trouble(request):
            shown = getattr(line.site, name)(request.url)
            return Response(request.url, status=shown.status_code, body=shown.body)

        return trouble

    return shows


def listings(status: int, body: bytes | None = None) -> Callable[[Line], Trouble]:
    """Only the listings are answered so; without a body, as the chain says that there is nothing."""

    def answers(line: Line) -> Trouble:
        own = EMPTY[line.chain] if body is None else body
        return lambda request: (
            Response(request.url, status=status, body=own) if LISTING[line.chain] in request.url else None
        )

    return answers


def called_a_page(line: Line) -> Trouble:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return lambda request: Response(request.url, headers=headers, body=EMPTY[line.chain])


def cut_off(line: Line) -> Trouble:
    return lambda request: Response(request.url, body=EMPTY[line.chain][:-9])


def deploys(*, api_is_gone: bool = False) -> Callable[[Line], Trouble]:
    def deploy(line: Line) -> Trouble:
        line.site.deploy()
        return lambda _: None

    def deploy_without_api(line: Line) -> Trouble:
        line.site.api_is_gone = True
        return deploy(line)

    return deploy_without_api if api_is_gone else deploy


def no_key(line: Line) -> Trouble:
    body = b'{"statusCode": 401, "message": "Access denied due to invalid subscription key."}'
    return lambda request: Response(request.url, status=401, body=body) if "/api/" in request.url else None


@dataclass(frozen=True)
class Row:
    """``most``: how many requests are sent after the first that met it; ``failure`` None: the crawl is whole."""

    symptom: str
    trouble: Callable[[Line], Trouble]
    failure: FailureClass | None
    most: int | None = None
    chains: tuple[str, ...] = CHAINS
    empties: bool = False


BLOCKED, CHANGED, NETWORK = FailureClass.BLOCKED, FailureClass.SITE_CHANGED, FailureClass.NETWORK
COLES, WOOLWORTHS, IGA = ("coles",), ("woolworths",), ("iga",)
ROWS = [
    Row("200, 212 bytes, a script from `/_Incapsula_Resource`", page_of_the_site("challenge_page"), BLOCKED, 1, COLES),
    Row("200, 944 bytes, a frame from `/_Incapsula_Resource`", page_of_the_site("block_page"), BLOCKED, 1, COLES),
    Row('"Pardon Our Interruption"', always(200, b"<title>Pardon Our Interruption</title>"), BLOCKED, 1, COLES),
    Row("401 as JSON, and the home page names another key", deploys(), None, None, COLES),
    Row("401 as JSON, and the home page names the same key", no_key, None, None, COLES),
    Row("404 for a build id", deploys(api_is_gone=True), None, None, COLES),
    Row('"Access Denied" with a reference, 403', always(403, EDGESUITE), BLOCKED, 1, WOOLWORTHS),
    Row('"Attention Required!", 403', page_of_the_site("block_page"), BLOCKED, 1, IGA),
    Row('"Just a moment...", 503', page_of_the_site("challenge_page"), BLOCKED, 1, IGA),
    Row("404 as JSON for a category", listings(404, b"{}"), None, None, IGA, empties=True),
    Row("404 as a page for a category", listings(404, MAINTENANCE), CHANGED, 3, IGA),
    Row("403", always(403), BLOCKED, 1),
    Row("429", always(429), FailureClass.RATE_LIMITED, 1),
    Row("503 with Retry-After", always(503, **{"Retry-After": "3600"}), FailureClass.RATE_LIMITED, 1),
    Row("a page where JSON is expected", always(200, MAINTENANCE), BLOCKED, 1),
    Row("JSON that is called `text/html`", called_a_page, BLOCKED, 1),
    Row("a text where JSON is expected", always(200, b"Access to this page has been denied."), BLOCKED, 1),
    Row("a redirect", always(302, b"", Location="/unauthorisederror"), BLOCKED, 1),
    Row("an empty category", listings(200), None, empties=True),
    Row("500, 502, 503, 504", outage, NETWORK, 3),
    Row("no connection", fails_with(DownloadFailedError("refused")), NETWORK, 3),
    Row("a connection that breaks", fails_with(ResponseDataLossError("reset")), NETWORK, 3),
    Row("no answer in time", fails_with(DownloadTimeoutError("60 s")), FailureClass.TIMEOUT, 3),
    Row("JSON that is cut off", cut_off, CHANGED, 13),
    Row("JSON of another form", always(200, b'{"items": 1}'), CHANGED, 13),
]
CASES = [pytest.param(chain, row, id=f"{chain}: {row.symptom}") for row in ROWS for chain in row.chains]


@cache
def market(chain: str):
    return small_market(chain, skus=30, roots=3, leaves_per_root=1)


@pytest.fixture
def store(request):
    chain = request.getfixturevalue("chain")
    return next(store for store in market(chain).stores(chain) if store.priced)


def lease(chain, store):
    return StoreLease(company=chain, store_id=store.store_id, retailer_store_id=store.retailer_store_id, reason="")


@pytest.mark.parametrize(("chain", "row"), CASES)
def test_a_symptom_after_the_first_category(chain, row, store):
    spider, line = spider_on_a_line(chain, market(chain))
    met_at = []

    def begins():
        if not met_at:
            met_at.append(len(line.asked))
            line.trouble = row.trouble(line)

    crawl, rows = run(crawl_store(spider, lease(chain, store), begins))
    whole = [record for record in crawl.records if record.complete]
    assert whole[0].rows > 0  # what was finished before stays
    assert crawl.failure_class is row.failure
    if row.failure is not None:
        assert len(whole) == 1
        assert crawl.outcome == "partial"
        assert len(line.asked) - met_at[0] <= (row.most or 0)
    else:
        assert len(whole) == len(crawl.wanted)
        assert crawl.outcome == "finished"
        expected = truth(market(chain), chain, store.store_id)
        assert row.empties == (len(rows) < len(expected))
        assert all(record.rows == 0 for record in whole[1:]) or not row.empties


@pytest.mark.parametrize("chain", ["iga"])
def test_a_hundred_categories_in_a_row_that_are_not_there_are_a_site_that_changed(chain):
    whole = small_market(chain, skus=400, roots=None, leaves_per_root=None)
    spider, line = spider_on_a_line(chain, whole)
    ends = []

    def begins():
        ends.append(len(line.asked))
        if len(ends) == 1:
            line.trouble = listings(404, b'{"statusCode": 404, "message": "not found"}')(line)

    store = next(store for store in whole.stores(chain) if store.priced)
    crawl, _ = run(crawl_store(spider, lease(chain, store), begins))
    assert (crawl.failure_class, crawl.outcome) == (CHANGED, "partial")
    assert len(line.asked) - ends[0] == 100
    # Departments that ended in the meantime said that they were empty, and nothing confirms it.
    assert len(crawl.records) > 3
    assert [record.complete for record in crawl.records] == [True] + [False] * (len(crawl.records) - 1)
    assert "100 listings in a row" in crawl.records[-1].problem
    # Killed and started again, it goes on counting.
    again = AbsentListings(100)
    records = [replace(record, complete=True) for record in crawl.records]
    again.resume(records)
    for _ in range(99 - sum(record.pages_seen for record in records[1:])):
        again.add(SiteChangedError("404"), records)
    with pytest.raises(GivenUpError):
        again.add(SiteChangedError("404"), records)
    assert [record.complete for record in records] == [True] + [False] * (len(records) - 1)


@pytest.mark.parametrize("chain", ["coles"])
def test_a_home_page_without_its_data_is_a_block(chain, store):
    spider, line = spider_on_a_line(chain, market(chain))
    line.trouble = always(200, b"<html><body>Welcome</body></html>")(line)
    crawl, _ = run(crawl_store(spider, lease(chain, store)))
    assert (crawl.failure_class, crawl.outcome, len(line.asked)) == (BLOCKED, "failed", 1)


@pytest.mark.parametrize(
    ("chain", "failure"),
    [
        ("aldi", FailureClass.UNKNOWN_STORE),
        ("coles", CHANGED),
        ("iga", FailureClass.UNKNOWN_STORE),
        ("woolworths", CHANGED),
    ],
)
def test_a_404_from_the_start_is_no_block(chain, failure, store):
    spider, line = spider_on_a_line(chain, market(chain))
    line.trouble = always(404)(line)
    crawl, _ = run(crawl_store(spider, lease(chain, store)))
    assert crawl.failure_class is failure
    assert crawl.outcome == "failed"


def test_the_table_on_the_page_is_this_one():
    section = PAGE.read_text(encoding="utf-8").partition("\n## Refusals\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)[2:]
    names = {"any": CHAINS, "Coles": COLES, "Woolworths": WOOLWORTHS, "IGA": IGA}
    told = {(symptom, names[chain], what.partition(":")[0]) for chain, symptom, what in lines}
    assert told == {(row.symptom, row.chains, f"`{row.failure}`" if row.failure else "none") for row in ROWS} | {
        ("a page without `__NEXT_DATA__`", COLES, "`blocked`"),
        ("404 as JSON for 100 categories in a row", IGA, "`site_changed`"),
    }
