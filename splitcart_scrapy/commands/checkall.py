"""``scrapy checkall``: hold every spider of the project to its rules; exit code 1 when one breaks them."""

import argparse
import sys

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.spiderloader import get_spider_loader

from splitcart_scrapy.lint import median_lines, problems


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Check naming, docstrings, length and settings of every spider"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy gives both
        assert self.settings is not None
        if args:
            raise UsageError("checkall takes no arguments: it checks every spider", print_help=False)
        loader = get_spider_loader(self.settings)
        spiders = {name: loader.load(name) for name in sorted(loader.list())}
        found = 0
        for name, spider in spiders.items():
            for problem in problems(spider, self.settings.copy()):
                found += 1
                sys.stdout.write(f"{name}: {problem}\n")
        sys.stdout.write(
            f"{len(spiders)} spiders, {found} problems; half of them have at most "
            f"{median_lines(list(spiders.values())):g} lines\n"
        )
        self.exitcode = 1 if found else 0
