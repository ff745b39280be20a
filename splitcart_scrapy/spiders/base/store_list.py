"""The base of the spiders that list a chain's stores."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator

from scrapy.exceptions import CloseSpider

from splitcart.transfer.records import FailureClass
from splitcart_scrapy.failures import SiteError
from splitcart_scrapy.items import CrawlEndItem, CrawlStartItem, Item
from splitcart_scrapy.parsers import StorePage
from splitcart_scrapy.spiders.base.site import SiteSpider


class StoreListSpider(SiteSpider):
    """Sweeps all stores of a chain into one file; the sweep is complete only if every request was answered."""

    @abstractmethod
    def pages(self) -> AsyncIterator[StorePage]:
        """Ask for the stores, page after page; a SiteError ends the sweep."""

    async def crawl(self) -> AsyncGenerator[Item]:
        start = CrawlStartItem(company=self.company, spider=self.name, kind="stores")
        yield start
        if start.busy_with:
            raise SiteError(start.busy_with)
        failure: SiteError | None = None
        found: set[str] = set()
        unreadable = 0
        try:
            async for page in self.pages():
                unreadable += len(page.bad_rows)
                for store in page.items:
                    found.add(store.store_id)
                    yield store
        except SiteError as error:
            failure = error
            self.logger.warning("%s: the sweep of the stores ends early: %s", self.company, error)
        failure_class = failure.failure_class if failure else None if found else FailureClass.NO_ITEMS
        yield CrawlEndItem(
            keep=bool(found),
            complete=failure_class is None and not unreadable,
            finish_reason=failure_class.value if failure_class else "finished",
            failure_class=failure_class,
            problem=str(failure) if failure else None,
            stats={"unreadable_rows": unreadable},
        )
        self.logger.info(
            "%s: %d stores listed%s", self.company, len(found), "" if failure_class is None else ", incompletely"
        )
        self.count("stores/listed", len(found))
        if failure_class:
            self.count(f"failures/{failure_class}")
            raise CloseSpider(failure_class.value)
