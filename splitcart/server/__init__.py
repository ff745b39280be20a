"""The web application: what scraper hosts send files to and lease stores from, and readers read.

In: files and requests over HTTP, each with a key. Out: verified files in the inbox, rows in ``uploads`` and ``leases``,
and streams of what is stored.
"""

from splitcart.server.app import create_app
from splitcart.server.receiving import Limits
from splitcart.server.serve import BackgroundServer, serve

__all__ = ["BackgroundServer", "Limits", "create_app", "serve"]
