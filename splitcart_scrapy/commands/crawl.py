"""``scrapy crawl`` with exit codes: 2 (and one clear line) for wrong arguments and settings, 1 for a failed crawl."""

import argparse

from scrapy import Spider, signals
from scrapy.commands import crawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError

from splitcart.errors import InputError
from splitcart_scrapy.failures import STOPS_SPIDER
from splitcart_scrapy.spiders.base import SiteSpider

# Staying away when a site says so is no failure: what was finished is kept, and the server knows.
ENDED_WELL = frozenset({"finished", "shutdown", *STOPS_SPIDER})


class Command(crawl.Command):
    def _create_crawler(self, spidercls: type[Spider] | str) -> Crawler:
        crawler = super()._create_crawler(spidercls)
        crawler.signals.connect(self._note_failure, signal=signals.spider_closed)
        return crawler

    def _note_failure(self, spider: Spider, reason: str) -> None:  # noqa: ARG002 - Scrapy names both
        if reason not in ENDED_WELL:
            self.exitcode = 1

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        browser = parser.add_argument_group(title="A site that asks for a browser")
        browser.add_argument(
            "--browser", action="store_true", help="be let in by a real browser, then go on with plain requests"
        )
        browser.add_argument(
            "--headed", action="store_true", help="the same, and show it, for a person to answer what the site asks"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        for option, setting in ((opts.browser, "BROWSER_SESSIONS"), (opts.headed, "BROWSER_HEADED")):
            if option:
                self.settings.set(setting, True, priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        try:
            self._check(args, opts)
            super().run(args, opts)
        except InputError as error:
            raise UsageError(str(error), print_help=False) from error

    def _check(self, args: list[str], opts: argparse.Namespace) -> None:
        """Ask the spider about its arguments before a crawl begins; Scrapy would only log what is wrong with them."""
        assert self.crawler_process is not None
        loader = self.crawler_process.spider_loader
        if len(args) != 1 or args[0] not in loader.list():
            return
        spider_class = loader.load(args[0])
        if issubclass(spider_class, SiteSpider):
            spider_class.check_arguments(opts.spargs)
