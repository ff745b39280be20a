"""Spidermon's part: monitors over the crawls of a run, and what is done when one fails."""

import logging
from typing import Any

from scrapy import Spider
from spidermon import Monitor, MonitorSuite
from spidermon.contrib.scrapy.extensions import Spidermon
from spidermon.core.actions import Action
from spidermon.runners import MonitorRunner

from splitcart.config import get_settings
from splitcart.notices import Notice, send_notice

logger = logging.getLogger(__name__)

# How a run ends that came to no crawl which could tell what happened.
BROKEN_RUN = frozenset({"cannot_write", "failed", "no_store_source"})


class CrawlMonitor(Monitor):
    """Each test fails with the findings of its name in the reports of the run."""

    def test_finish(self) -> None:
        """Every crawl came to its end, and so did the run."""
        reason = self.data.stats.get("finish_reason")
        self._fail_with("finish", *([f"the run ended with {reason!r}"] if reason in BROKEN_RUN else []))

    def test_items(self) -> None:
        """A crawl has about the rows of the store's last complete one."""
        self._fail_with("items")

    def test_categories(self) -> None:
        """Each root category was crawled to its end, with about the rows that it had."""
        self._fail_with("categories")

    def test_coverage(self) -> None:
        """The fields that the chain's site offers are filled."""
        self._fail_with("coverage")

    def test_errors(self) -> None:
        """Most requests are answered at once."""
        self._fail_with("errors")

    def test_validation(self) -> None:
        """Few rows are unreadable, dropped, or lose a value."""
        self._fail_with("validation")

    def _fail_with(self, monitor: str, *more: str) -> None:
        texts = [
            f"{report.title}: {finding.text}"
            for report in self.data.reports
            for finding in report.findings
            if finding.monitor == monitor
        ]
        if texts or more:
            self.fail("\n".join([*more, *texts]))


class NotifyOperator(Action):
    """Send one notice for the run, with all that failed."""

    def run_action(self) -> None:
        spider = self.data.spider
        lines = [
            f"{result.item.name.rpartition('_')[2]}: {line}"
            for result in self.result.monitors_failed_results
            for line in (result.reason or result.error).splitlines()
        ]
        send_notice(get_settings(), Notice(source=f"scrapy crawl {spider.name}", lines=lines))


class RunSuite(MonitorSuite):
    """What Spidermon runs when a spider closes (``SPIDERMON_SPIDER_CLOSE_MONITORS``)."""

    monitors = (CrawlMonitor,)
    monitors_failed_actions = (NotifyOperator,)


class Watch(Spidermon):
    """Spidermon's extension; hands the monitors the run's reports, and logs one line for each finding."""

    def _generate_data_for_spider(self, spider: Spider) -> dict[str, Any]:
        data: dict[str, Any] = super()._generate_data_for_spider(spider)
        return data | {"reports": getattr(spider, "reports", [])}

    def _run_suites(self, spider: Spider, suites: list[MonitorSuite]) -> None:
        # Spidermon's own runner logs through Spider.log, which Scrapy has deprecated.
        data = self._generate_data_for_spider(spider)
        for suite in suites:
            result = MonitorRunner().run(suite, **data)
            for failed in result.monitors_failed_results:
                for line in (failed.reason or failed.error).splitlines():
                    logger.warning("monitor %s: %s", failed.item.name.rpartition("_")[2], line)
            for action in result.monitors_failed_action_results:
                if action.error:
                    logger.error("no notice sent: %s", action.error.strip().rpartition("\n")[2])
