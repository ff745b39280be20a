"""Each crawl leaves a report, and the operator hears of those that are not well."""

import json
from datetime import timedelta

import msgspec
import pytest
import pytest_twisted

from splitcart.config import get_chain, get_settings
from splitcart.replica.sites.weather import Fault, Rule
from splitcart_scrapy.watching import CrawlReport, write_report
from splitcart_scrapy.watching.findings import findings
from splitcart_scrapy.watching.report import CategoryFigures
from tests.collect.runs import NOW, small_market, the_file
from tests.collect.test_prices_spiders import stopped_after_a_category
from tests.notice_takers import mail_server, webhook

ALDI = get_chain("aldi")


def reports() -> list[dict]:
    paths = sorted(get_settings().folder("reports").iterdir())
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def report(**facts) -> CrawlReport:
    defaults = {
        "spider": "aldi",
        "company": "aldi",
        "kind": "products",
        "store_id": "G102",
        "host": "shed",
        "started_at": NOW,
        "finished_at": NOW,
        "outcome": "complete",
        "finish_reason": "finished",
        "failure_class": None,
        "problem": None,
        "store_verified": None,
        "rows": 100,
        "expected_rows": None,
        "categories": [],
        "field_coverage": {"price_cents": 1.0},
        "figures": {"downloader/request_count": 100},
        "doubts": [],
        "files": [],
    }
    return CrawlReport(**(defaults | facts))


def category(rows: int, expected: int | None, *, complete: bool = True) -> CategoryFigures:
    return CategoryFigures(category="Dairy", rows=rows, expected_rows=expected, complete=complete, problem=None)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, []),
        ({"failure_class": "blocked", "problem": "403"}, [("finish", "blocked: 403")]),
        ({"expected_rows": 111}, []),
        ({"expected_rows": 112}, [("items", "100 rows, expected about 112")]),
        ({"categories": [category(9, 10)]}, []),
        ({"categories": [category(8, 10)]}, [("categories", "Dairy: 8 rows, expected about 10")]),
        ({"categories": [category(0, 9)]}, []),  # too few to be a reference
        ({"categories": [category(9, None, complete=False)]}, [("categories", "Dairy: not crawled")]),
        (
            {"field_coverage": {"price_cents": 0.79}},
            [("coverage", "price_cents: 79% of the rows have it, expected 80%")],
        ),
        ({"field_coverage": {"price_cents": 0.79}, "rows": 49}, []),
        ({"figures": {"downloader/request_count": 100, "downloader/response_status_count/500": 20}}, []),
        ({"figures": {"downloader/request_count": 100, "downloader/response_status_count/404": 90}}, []),
        (
            {
                "figures": {
                    "downloader/request_count": 100,
                    "downloader/response_status_count/429": 10,
                    "downloader/exception_count": 11,
                }
            },
            [("errors", "21 of 100 requests failed at first")],
        ),
        ({"figures": {"splitcart/dropped/name": 3, "splitcart/rejected/price_cents": 2}}, []),
        ({"figures": {"splitcart/dropped/donation": 50}}, []),
        (
            {"figures": {"splitcart/dropped/name": 3, "splitcart/rows/unreadable": 3}},
            [("validation", "6 bad values in 100 rows: dropped/name 3, rows/unreadable 3")],
        ),
    ],
)
def test_a_report_is_judged_by_what_was_expected(facts, found):
    assert [(each.monitor, each.text) for each in findings(report(**facts), ALDI)] == found


def test_old_reports_are_removed_and_other_files_are_not(tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    write_report(tmp_path, report(started_at=NOW - timedelta(days=31)), 30)
    write_report(tmp_path, report(started_at=NOW - timedelta(days=29)), 30)
    write_report(tmp_path, report(store_id="WA:401"), 30)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "aldi_G102_20261007T020000000000Z.json",
        "aldi_WA-401_20261105T020000000000Z.json",
        "notes.json",
    ]


@pytest_twisted.ensureDeferred
async def test_a_crawl_that_went_well_is_reported_and_nobody_is_told(replica, crawl, desk, monkeypatch):
    market = small_market("aldi")
    server = replica(market)
    root = market.tree("aldi").roots[0].name
    desk.put("aldi", market.stores("aldi")[0].store_id, expected_rows={root: 1})
    with webhook() as (url, posted):
        monkeypatch.setenv("SPLITCART_NOTIFY_WEBHOOK", url)
        get_settings.cache_clear()
        await crawl("aldi")
    rows, closing = the_file()
    (told,) = reports()
    assert posted == told["findings"] == []
    assert (told["outcome"], told["rows"], told["expected_rows"]) == ("complete", len(rows), 1)
    assert (told["company"], told["store_id"]) == ("aldi", closing.store_id)
    assert [each["category"] for each in told["categories"]] == [each.category for each in closing.categories]
    assert sum(each["rows"] for each in told["categories"]) == len(rows)
    filled = sum(row.unit_price_cents is not None for row in rows)
    assert told["field_coverage"]["unit_price_cents"] == pytest.approx(filled / len(rows), abs=1e-4)
    assert told["figures"]["downloader/request_count"] == len(server.book)
    assert told["files"][0].endswith(".jsonl.gz")
    assert "name no store" in told["doubts"][0]


@pytest_twisted.ensureDeferred
async def test_a_blocked_crawl_is_reported_and_told_by_mail_and_webhook(replica, crawl, desk, monkeypatch, caplog):
    market = small_market("woolworths")
    server = replica(market)
    desk.put("woolworths", market.stores("woolworths")[0].store_id)
    server.weather.add(Rule(fault=Fault.BLOCK))
    with webhook() as (url, posted), mail_server() as (address, mails, _):
        monkeypatch.setenv("SPLITCART_NOTIFY_WEBHOOK", url)
        monkeypatch.setenv("SPLITCART_NOTIFY_EMAIL", "someone@example.org")
        monkeypatch.setenv("SPLITCART_SMTP_URL", f"smtp://{address}")
        get_settings.cache_clear()
        await crawl("woolworths")
    (told,) = reports()
    assert (told["outcome"], told["failure_class"], told["files"]) == ("nothing", "blocked", [])
    (line,) = posted[0]["lines"]
    assert line.startswith(f"finish: woolworths {told['store_id']}: blocked: blocked: 403")
    assert mails[0].get_content().strip() == line
    assert "monitor finish: woolworths" in caplog.text


@pytest_twisted.ensureDeferred
async def test_rows_that_are_missing_are_told_by_category_and_each_crawl_counts_its_own_requests(
    replica, crawl, desk, monkeypatch
):
    market = small_market("aldi")
    server = replica(market)
    first, second = (store.store_id for store in market.stores("aldi")[:2])
    desk.put("aldi", first)
    desk.put("aldi", second, expected_rows={market.tree("aldi").roots[0].name: 5000, "Gone": 40})
    with webhook() as (url, posted):
        monkeypatch.setenv("SPLITCART_NOTIFY_WEBHOOK", url)
        get_settings.cache_clear()
        await crawl("aldi")
    well, poor = reports()
    assert well["findings"] == []
    assert {each["monitor"] for each in poor["findings"]} == {"finish", "items", "categories"}
    assert "categories: aldi " + second + ": Gone: 0 rows, expected about 40" in posted[0]["lines"]
    assert sum(each["figures"]["downloader/request_count"] for each in (well, poor)) == len(server.book)


@pytest_twisted.ensureDeferred
async def test_a_site_that_is_suspected_of_ignoring_the_store_is_named_so(replica, crawl, desk):
    market = small_market("woolworths")
    replica(market, ignores_store=True)
    desk.put("woolworths", market.stores("woolworths")[1].store_id)
    await crawl("woolworths")
    (told,) = reports()
    assert (told["failure_class"], told["store_verified"]) == ("wrong_store", False)
    assert "ignores the requested store" in told["problem"]


@pytest_twisted.ensureDeferred
async def test_a_crawl_that_is_told_to_stop_is_reported_as_killed_with_what_it_finished(replica, desk):
    market = small_market("aldi", skus=120)
    replica(market)
    desk.put("aldi", market.stores("aldi")[0].store_id)
    await stopped_after_a_category()
    (told,) = reports()
    assert (told["outcome"], told["failure_class"]) == ("nothing", "killed")
    assert [each["complete"] for each in told["categories"]] == [True]


@pytest_twisted.ensureDeferred
async def test_a_run_that_came_to_no_crawl_is_told_too(crawl, desk, monkeypatch):
    desk.broken.add("next_store")
    with webhook() as (url, posted):
        monkeypatch.setenv("SPLITCART_NOTIFY_WEBHOOK", url)
        get_settings.cache_clear()
        await crawl("aldi")
    assert posted[0]["lines"] == ["finish: the run ended with 'no_store_source'"]


@pytest_twisted.ensureDeferred
async def test_a_notice_that_does_not_get_through_is_a_line_of_the_log(crawl, desk, monkeypatch, caplog):
    desk.broken.add("next_store")
    with webhook(500) as (url, _):
        monkeypatch.setenv("SPLITCART_NOTIFY_WEBHOOK", url)
        get_settings.cache_clear()
        await crawl("aldi")
    assert "no notice sent" in caplog.text
    assert "by webhook: HTTPError" in caplog.text
    assert "hooks/secret" not in caplog.text


@pytest_twisted.ensureDeferred
async def test_a_sweep_of_stores_is_reported_as_well(replica, crawl):
    replica(small_market("aldi"))
    await crawl("aldi_stores")
    (told,) = reports()
    assert (told["kind"], told["store_id"], told["outcome"], told["doubts"]) == ("stores", None, "complete", [])
    assert told["rows"] == len(the_file("store")[0])
    assert msgspec.json.decode(msgspec.json.encode(told), type=CrawlReport)
