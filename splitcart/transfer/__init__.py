"""Move: the crawl file, and its way from the scraper host's outbox to the server's inbox.

In: records of one crawl. Out: one verified file per crawl in the inbox, exactly once. Needs neither Scrapy nor a
database, so it is what both ends share.
"""

from splitcart.transfer.crawl_file import (
    BadLine,
    CrawlFileError,
    CrawlWriter,
    StreamVerifier,
    TooLargeError,
    Verified,
    WorkingFileBusyError,
    read_closing,
    read_crawl_file,
    verify_file,
)

__all__ = [
    "BadLine",
    "CrawlFileError",
    "CrawlWriter",
    "StreamVerifier",
    "TooLargeError",
    "Verified",
    "WorkingFileBusyError",
    "read_closing",
    "read_crawl_file",
    "verify_file",
]
