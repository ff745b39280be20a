"""What is wrong with a crawl, judged by its report alone."""

from collections.abc import Iterator

from splitcart.config import Chain
from splitcart_scrapy.watching.report import CrawlReport, Finding

MONITORS = ("finish", "items", "categories", "coverage", "errors", "validation")
MIN_JUDGED_ROWS = 50  # shares of fewer rows say little
MIN_JUDGED_REQUESTS = 10
MAX_ERROR_SHARE = 0.2
MAX_INVALID_SHARE = 0.05
ERRORS = ("downloader/exception_count", "downloader/response_status_count/429", "downloader/response_status_count/5")


def findings(report: CrawlReport, chain: Chain) -> list[Finding]:
    """Return all that is wrong, in the order of ``MONITORS``."""
    return [
        *_finish(report),
        *_rows(report, chain),
        *_coverage(report, chain),
        *_requests(report),
        *_validation(report),
    ]


def _finish(report: CrawlReport) -> Iterator[Finding]:
    if report.failure_class:
        said = f": {report.problem}" if report.problem else ""
        yield Finding(monitor="finish", text=f"{report.failure_class}{said}")


def _rows(report: CrawlReport, chain: Chain) -> Iterator[Finding]:
    expected = report.expected_rows or 0
    if expected >= chain.min_reference_rows and report.rows < chain.complete_share * expected:
        yield Finding(monitor="items", text=f"{report.rows} rows, expected about {expected}")
    for each in report.categories:
        reference = each.expected_rows or 0
        if reference >= chain.min_reference_rows and each.rows < chain.complete_share * reference:
            yield Finding(monitor="categories", text=f"{each.category}: {each.rows} rows, expected about {reference}")
        elif not each.complete:
            yield Finding(monitor="categories", text=f"{each.category}: {each.problem or 'not crawled'}")


def _coverage(report: CrawlReport, chain: Chain) -> Iterator[Finding]:
    if report.kind != "products" or report.rows < MIN_JUDGED_ROWS or not report.field_coverage:
        return
    for name, share in chain.min_field_coverage.items():
        if report.field_coverage.get(name, 0.0) < share:
            seen = f"{report.field_coverage.get(name, 0.0):.0%}"
            yield Finding(monitor="coverage", text=f"{name}: {seen} of the rows have it, expected {share:.0%}")


def _requests(report: CrawlReport) -> Iterator[Finding]:
    requests = report.figures.get("downloader/request_count", 0)
    errors = sum(count for name, count in report.figures.items() if name.startswith(ERRORS))
    if requests >= MIN_JUDGED_REQUESTS and errors > MAX_ERROR_SHARE * requests:
        yield Finding(monitor="errors", text=f"{errors} of {requests} requests failed at first")


def _validation(report: CrawlReport) -> Iterator[Finding]:
    bad = {
        name.removeprefix("splitcart/"): count
        for name, count in report.figures.items()
        if name.startswith(("splitcart/dropped/", "splitcart/rejected/", "splitcart/rows/unreadable"))
        and name != "splitcart/dropped/donation"
    }
    if report.rows >= MIN_JUDGED_ROWS and sum(bad.values()) > MAX_INVALID_SHARE * report.rows:
        shown = ", ".join(f"{name} {count}" for name, count in sorted(bad.items()))
        yield Finding(monitor="validation", text=f"{sum(bad.values())} bad values in {report.rows} rows: {shown}")
