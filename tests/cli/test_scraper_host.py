"""A scraper host has none of the server's packages, and its commands run all the same."""

import subprocess
import sys

import splitcart_scrapy.settings

WITHOUT_SERVER_PACKAGES = """
import sys
SERVERS = {"sqlalchemy", "alembic", "fastapi", "uvicorn", "numpy", "scipy", "matplotlib", "psycopg"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in SERVERS:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import splitcart.transfer, splitcart.transfer.leases
from splitcart.cli import main
sys.argv = ["splitcart", "upload", "--help"]
main()
"""


def test_upload_needs_no_server_package():
    done = subprocess.run([sys.executable, "-c", WITHOUT_SERVER_PACKAGES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "outboxes" in done.stdout


def test_no_spider_imports_the_doors_that_are_shut_anyway():
    """Scrapy imports each key of both settings at the start of a spider, also one whose value is None."""
    imported = {*splitcart_scrapy.settings.EXTENSIONS_BASE, *splitcart_scrapy.settings.EXTENSIONS}
    assert "scrapy.extensions.closespider.CloseSpider" in imported
    assert not any("telnet" in path or "remote_control" in path for path in imported)
