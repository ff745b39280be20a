"""Watch: what each crawl came to, what is wrong with it, and who is told.

In: the items of a crawl on their way to disk, and Scrapy's stats. Out: a JSON report for each crawl below ``reports/``;
Spidermon's monitors over the reports of a run; a notice to the operator when one of them fails.
"""

from splitcart_scrapy.watching.report import CrawlReport
from splitcart_scrapy.watching.reporter import CrawlReporter, write_report

__all__ = ["CrawlReport", "CrawlReporter", "write_report"]
