"""Move: the crawl file, and its way from the scraper host's outbox to the server's inbox.

In: records of one crawl. Out: one verified file per crawl in the inbox, exactly once. Needs neither Scrapy nor a
database, so it is what both ends share.
"""

from splitcart.transfer.client import Client, UploadResult, join_url
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
from splitcart.transfer.exported import (
    EXPORTS,
    ExportedCategory,
    ExportedCompany,
    ExportedEffectivePrice,
    ExportedGroupMember,
    ExportedPrice,
    ExportedProduct,
    ExportedSku,
    ExportedStore,
)
from splitcart.transfer.fetching import Exports, Fetched, check_export
from splitcart.transfer.inbox import accept, claimed, inbox_path, reject
from splitcart.transfer.judging import RefusedError, TransferError
from splitcart.transfer.kinds import KINDS, Kind, check_kind, get_kind
from splitcart.transfer.leases import HttpStores, LeaseLostError
from splitcart.transfer.outbox import UploadOutcome, upload_file, upload_outbox, waiting_files

__all__ = [
    "EXPORTS",
    "KINDS",
    "BadLine",
    "Client",
    "CrawlFileError",
    "CrawlWriter",
    "ExportedCategory",
    "ExportedCompany",
    "ExportedEffectivePrice",
    "ExportedGroupMember",
    "ExportedPrice",
    "ExportedProduct",
    "ExportedSku",
    "ExportedStore",
    "Exports",
    "Fetched",
    "HttpStores",
    "Kind",
    "LeaseLostError",
    "RefusedError",
    "StreamVerifier",
    "TooLargeError",
    "TransferError",
    "UploadOutcome",
    "UploadResult",
    "Verified",
    "WorkingFileBusyError",
    "accept",
    "check_export",
    "check_kind",
    "claimed",
    "get_kind",
    "inbox_path",
    "join_url",
    "read_closing",
    "read_crawl_file",
    "reject",
    "upload_file",
    "upload_outbox",
    "verify_file",
    "waiting_files",
]
