"""Inbox to database: what a crawl saw becomes facts.

In: crawl files and store lists. Out: prices, history and coverage; skus and products; crawl rows with counts. Each file
is one transaction, each accepted file is kept, and replaying the kept files gives the same rows.
"""

from splitcart.ingest.crawls import CrawlIngester, IngestedCrawl, summed
from splitcart.ingest.errors import RefusedFileError

__all__ = ["CrawlIngester", "IngestedCrawl", "RefusedFileError", "summed"]
