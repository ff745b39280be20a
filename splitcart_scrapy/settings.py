"""Scrapy's settings; ``-s NAME=VALUE`` wins over them. An operator's own lie in the environment (splitcart.config)."""

from scrapy.settings.default_settings import EXTENSIONS_BASE as _SCRAPYS

BOT_NAME = "splitcart"
SPIDER_MODULES = ["splitcart_scrapy.spiders"]
NEWSPIDER_MODULE = "splitcart_scrapy.spiders"
COMMANDS_MODULE = "splitcart_scrapy.commands"

# Politeness: one request at a time for each site. Each spider sets DOWNLOAD_DELAY to its chain's delay_seconds (Scrapy
# varies it by half) and USER_AGENT to our name and the operator's contact; -s wins over both.
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
# robots.txt speaks to crawlers of pages; the few API routes read here are paced, identified, and left at the first
# block. An operator who wants it obeyed sets it: a forbidden route then counts as a block.
ROBOTSTXT_OBEY = False

DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_TIMEOUT = 60  # the slowest route known takes ten seconds (docs/retailers.md#woolworths-stores)
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024  # the largest answer is a store list of 2 MB
DOWNLOAD_WARNSIZE = 16 * 1024 * 1024

RETRY_TIMES = 3
RETRY_HTTP_CODES = [500, 502, 503, 504, 522, 524, 408]  # 429 has its own middleware, which waits
RETRY_GIVE_UP_LOG_LEVEL = "WARNING"  # the spider says what it does about it
RETRY_AFTER_MAX_SECONDS = 120.0
RETRY_AFTER_DEFAULT_SECONDS = 15.0
RETRY_AFTER_TIMES = 3

DOWNLOADER_MIDDLEWARES = {
    # Nearer to the site than Scrapy's retry middleware (550), which must not see what is merely waited for.
    "splitcart_scrapy.middlewares.RetryAfterMiddleware": 555,
}

# Not even imported, which takes a fifth of a start, and which None in EXTENSIONS does not save.
_UNWANTED = {"scrapy.extensions.remote_control.RemoteControl", "scrapy.extensions.telnet.TelnetConsole"}
EXTENSIONS_BASE = {path: order for path, order in _SCRAPYS.items() if path not in _UNWANTED}
EXTENSIONS = {
    "splitcart_scrapy.extensions.CloseWhenItemsHaveLeft": 500,  # extensions do not wait for each other
    "splitcart_scrapy.watching.monitors.Watch": 510,
}

# What is looked at when a run ends; an operator's own suites may stand beside it (docs/watching.md).
SPIDERMON_ENABLED = True
SPIDERMON_SPIDER_CLOSE_MONITORS = ["splitcart_scrapy.watching.monitors.RunSuite"]

ITEM_PROCESSOR = "splitcart_scrapy.pipelines.manager.ItemPipelines"
LOG_FORMATTER = "splitcart_scrapy.pipelines.manager.NoLineForEachItem"

ITEM_PIPELINES = {
    "splitcart_scrapy.pipelines.ValidatePipeline": 100,  # first: nothing below meets a row without sku or name
    "splitcart_scrapy.pipelines.DeduplicatePipeline": 200,  # before writing: the file holds every sku once
    "splitcart_scrapy.pipelines.WritePipeline": 300,  # disk first …
    "splitcart_scrapy.pipelines.UploadPipeline": 900,  # … network after: a file that cannot be sent waits in the outbox
}

# A real browser, only to be let in by a site that asks for one; plain requests go on with its session (sessions.py).
# ``scrapy crawl --browser`` and ``--headed`` set the first two.
BROWSER_SESSIONS = False
BROWSER_HEADED = False  # show it, so that a person can answer what the site asks
BROWSER_EXECUTABLE = "/usr/bin/chromium"
BROWSER_LAUNCH_OPTIONS: dict[str, object] = {}  # more of Playwright's own
BROWSER_WAIT_SECONDS = 30.0
BROWSER_PERSON_SECONDS = 300.0
BROWSER_SESSIONS_MAX = 5  # in one crawl: who is thrown out that often is not wanted

# Seconds between two signs of life to the lender of a store.
HEARTBEAT_SECONDS = 180.0

# Both would let whoever is on this machine run code in the spider.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
LOG_LEVEL = "INFO"
FEED_EXPORT_ENCODING = "utf-8"
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
