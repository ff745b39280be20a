"""``scrapy crawl`` with one clear line and exit code 2 for wrong arguments and settings, in place of a traceback."""

import argparse

from scrapy.commands import crawl
from scrapy.exceptions import UsageError

from splitcart.errors import InputError
from splitcart_scrapy.spiders.base import SiteSpider


class Command(crawl.Command):
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
