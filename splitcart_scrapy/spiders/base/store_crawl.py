"""One crawl of one store: root category after root category, with a verdict on each."""

from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

from splitcart.measures.lease import StoreLease
from splitcart.measures.local_time import last_change_before, zone_for_state
from splitcart.transfer.records import CategoryRecord, FailureClass, ProductRecord
from splitcart_scrapy.failures import GivenUpError, SiteChangedError, SiteError, UnknownStoreError, WrongStoreError
from splitcart_scrapy.items import CategoryEndItem, CrawlEndItem, CrawlStartItem, GuestItem, Item
from splitcart_scrapy.parsers import Listing, ListingPage
from splitcart_scrapy.spiders.base.seen import MIN_FOREIGN_ROWS, AbsentListings, SeenRoot, SplitListing

if TYPE_CHECKING:
    from splitcart_scrapy.spiders.base.prices import StorePricesSpider

MAX_FAILED_LISTINGS = 3
MAX_UNREADABLE_SHARE = 0.05


class StoreCrawl:
    """Crawls the store of one lease; afterwards says how that went."""

    def __init__(self, spider: "StorePricesSpider", lease: StoreLease) -> None:
        self.spider = spider
        self.lease = lease
        self.wanted: list[str] = []
        self.roots: set[str] = set()  # of the whole store, wanted or not
        self.records: list[CategoryRecord] = []
        self.failure: SiteError | None = None  # what ended it early
        self.failure_class: FailureClass | None = None  # of that, or of the last listing that failed
        self._verified: bool | None = None
        self._unreadable_rows = 0
        self._failed_in_a_row = 0
        self._has_guests = False
        self._absent = AbsentListings(spider.max_absent_listings)

    async def items(self) -> AsyncIterator[Item]:
        """Yield all that the pipelines need to write this crawl; a failure ends it early, what is finished stays."""
        start = CrawlStartItem(
            company=self.spider.company,
            spider=self.spider.name,
            kind="products",
            store_id=self.lease.store_id,
            not_before=self._last_change(),
            expected_rows=self._expected_rows(),
        )
        yield start
        if start.busy_with:
            self.failure = SiteError(start.busy_with)
            return
        # They are in the file, whatever happens from now on.
        self.records += start.finished_categories.values()
        self.wanted = list(start.finished_categories)
        self._verified = start.store_verified
        self._absent.resume(self.records)
        try:
            async for item in self._roots(start.finished_categories):
                yield item
        except SiteError as error:
            self.failure, self.failure_class = error, error.failure_class
        self._judge_rows()
        yield self._end()

    @property
    def rows(self) -> int:
        return sum(record.rows for record in self.records)

    @property
    def outcome(self) -> str:
        """What the lender of the store is told: ``finished``, ``partial`` or ``failed``."""
        if not self._keeps or not any(record.complete for record in self.records):
            return "failed"
        return "finished" if self._has_all(self.wanted) else "partial"

    def _has_all(self, roots: Collection[str]) -> bool:
        return self.failure is None and {record.category for record in self.records if record.complete}.issuperset(
            roots
        )

    @property
    def _keeps(self) -> bool:
        return (self.rows > 0 or self._has_guests) and self._verified is not False

    def summary(self) -> str:
        """Say in one line how the crawl went."""
        whole = sum(record.complete for record in self.records)
        text = f"{self.spider.company} {self.lease.store_id}: {self.outcome}, {self.rows} rows, "
        text += f"{whole} of {len(self.wanted)} categories complete"
        incomplete = [f"{record.category} ({record.problem})" for record in self.records if not record.complete]
        problems = [*incomplete, *([str(self.failure)] if self.failure else [])]
        return f"{text}; {'; '.join(problems)}" if problems else text

    def _judge_rows(self) -> None:
        """Name what is suspicious about a crawl that met no other failure."""
        if self.failure_class is not None:
            return
        expected = sum(self.lease.expected_rows.get(record.category, 0) for record in self.records)
        if not self.rows and not self._has_guests:
            self.failure_class = FailureClass.NO_ITEMS
        elif self._unreadable_rows > MAX_UNREADABLE_SHARE * self.rows:
            self.failure_class = FailureClass.BAD_ITEMS
        elif (
            expected >= self.spider.chain.min_reference_rows and self.rows < self.spider.chain.complete_share * expected
        ):
            self.failure_class = FailureClass.TOO_FEW_ITEMS

    def _end(self) -> CrawlEndItem:
        return CrawlEndItem(
            keep=self._keeps,
            complete=self._has_all(self.roots),
            finish_reason=self.failure.failure_class.value if self.failure else "finished",
            failure_class=self.failure_class,
            problem=str(self.failure) if self.failure else None,
            store_verified=self._verified,
            asked=self.lease.categories,
            stats={"unreadable_rows": self._unreadable_rows, "reason": self.lease.reason},
        )

    def _expected_rows(self) -> dict[str, int]:
        asked, expected = self.lease.categories, self.lease.expected_rows
        return {name: rows for name, rows in expected.items() if asked is None or name in asked}

    def _last_change(self) -> datetime | None:
        changes = [(change.weekday, change.at) for change in self.spider.chain.parsed_change_times()]
        return last_change_before(self.spider.clock(), changes, zone_for_state(self.lease.state))

    async def _roots(self, finished: dict[str, CategoryRecord]) -> AsyncIterator[Item]:
        listings = await self._listings()
        kept_roots = {listing.root_slug: listing.root for listing in listings}
        by_root: dict[str, list[Listing]] = {}
        for listing in listings:
            if self.lease.categories is None or listing.root in self.lease.categories:
                by_root.setdefault(listing.root, []).append(listing)
        self.wanted = list(by_root)
        self.roots = set(kept_roots.values())
        for name in [name for name in by_root if name not in finished]:
            root = SeenRoot(name, self.spider.clock(), deque(by_root[name]))
            while root.listings:
                async for item in self._listing(root.listings.popleft(), root, kept_roots):
                    yield item
            record = root.record(self.spider.clock())
            yield CategoryEndItem(record=record, store_verified=self._verified)
            self.records.append(record)
            self._absent.root_ended(self.records)

    async def _listings(self) -> list[Listing]:
        spider = self.spider
        if spider.needs_retailer_store_id and self.lease.retailer_store_id is None:
            raise UnknownStoreError(
                f"{spider.chain.name}'s store {self.lease.store_id} has no number at the site; "
                f"the spider {spider.name}_stores finds it"
            )
        try:
            await spider.warm_up(self.lease)
            return await spider.listings(self.lease)
        except SiteChangedError as error:
            if error.status in spider.unknown_store_statuses:
                raise UnknownStoreError(
                    f"{spider.chain.name} does not know store {self.lease.store_id}: {error}"
                ) from error
            raise

    async def _listing(
        self, listing: Listing, root: SeenRoot, kept_roots: dict[str, str]
    ) -> AsyncIterator[ProductRecord | GuestItem]:
        """Walk one listing and note in ``root`` what it lacked; raise a SiteError only if the store is to be left.

        A root says of itself that it is complete, so its part of the file holds all that its listings show: also what
        belongs to another root, which may never be walked, or may not show it
        (docs/decisions/0028-a-row-stands-where-it-was-shown.md).
        """
        try:
            async for page in self._pages(listing, root, kept_roots):
                for product in page.items:
                    if product.category_path[0] == root.name:
                        yield product
                    else:
                        self._has_guests = True
                        yield GuestItem(product=replace(product, listed_in=root.name))
        except SiteError as error:
            root.problems.append(f"{'/'.join(listing.path[1:]) or listing.root}: {error}")
            self.failure_class = error.failure_class
            self._failed_in_a_row += 1
            self.spider.logger.warning("store %s, %s: %s", self.lease.store_id, " > ".join(listing.path), error)
            if error.stops_store:
                raise
            if self._failed_in_a_row >= MAX_FAILED_LISTINGS:
                text = f"{self._failed_in_a_row} listings in a row failed, the last with: {error}"
                raise GivenUpError(text, error.failure_class) from error
        else:
            self._failed_in_a_row = 0

    async def _pages(self, listing: Listing, root: SeenRoot, kept_roots: dict[str, str]) -> AsyncIterator[ListingPage]:
        """Yield pages until one brings no new row or the total of the first page is reached.

        A listing that is longer than the site serves is left to its parts, where it has some.
        The totals of later pages are not trusted, and a site may go on repeating its advertisements for ever
        (docs/retailers.md#woolworths-listings).
        """
        most = self.spider.max_listing_rows
        splits = [split for split in root.splits if listing.slug.startswith(f"{split.listing.slug}/")]
        listed: set[str] = set()
        others: dict[str, str | None] = {}
        total = pages = 0
        while True:
            page = await self._page(listing, pages + 1, kept_roots)
            if page is None:
                break
            self._check_store(page, root)
            if page.bad_rows:
                self._unreadable_rows += len(page.bad_rows)
                self.spider.count("rows/unreadable", len(page.bad_rows))
                root.problems.append(f"{len(page.bad_rows)} unreadable rows, the first: {page.bad_rows[0]}")
            total = total or page.total or 0
            if total > most and listing.children and not pages:
                root.splits.append(SplitListing(listing, total))
                root.listings.extendleft(reversed(listing.children))
                return
            new = set(page.listed) - listed
            listed |= new
            others |= page.other_sellers
            for split in splits:
                split.listed |= new
            if new or not pages:
                pages += 1
                yield page
            if not new or len(listed) >= min(total or most, most):
                break
        if others:
            self._judge_sellers(listing, root, listed, others)
        complete = len(listed) >= total
        root.pages_seen += pages
        root.pages_expected += pages if complete else max(pages + 1, ceil(total / self.spider.page_size))
        if not complete:
            root.problems.append(f"{listing.slug}: {len(listed)} of {total} rows")

    def _judge_sellers(
        self, listing: Listing, root: SeenRoot, listed: Collection[str], others: Mapping[str, str | None]
    ) -> None:
        self.spider.count("rows/other_sellers", len(others))
        if len(others) == len(listed):
            self.spider.count("listings/other_sellers")
            root.judge_sellers(listing, others)

    async def _page(self, listing: Listing, number: int, kept_roots: dict[str, str]) -> ListingPage | None:
        spider = self.spider
        request = spider.listing_request(self.lease, listing, number)
        try:
            page = await spider.read(request, lambda body: spider.parse_listing(body, listing, kept_roots))
        except SiteChangedError as error:
            if number > 1 and error.status in spider.past_end_statuses:
                return None
            if number == 1 and error.status in spider.absent_listing_statuses and error.is_json:
                self._absent.add(error, self.records)
                return ListingPage()
            raise
        self._absent.answered(self.records)
        return page

    def _check_store(self, page: ListingPage, root: SeenRoot) -> None:
        """Compare the store that page and rows name with the requested one; rows of another are not this store's.

        A page of nothing but foreign rows means that the site ignores the request, unless it is a short one of a store
        that other pages have confirmed.
        """
        expected = self.lease.retailer_store_id or self.lease.store_id
        if page.store is not None and page.store != expected:
            self._verified = False
            raise WrongStoreError(
                f"asked for store {expected}, the page is of {page.store}: the site ignores the requested store"
            )
        if page.store is not None:
            self._verified = True
        foreign = {sku for sku, store in page.echoes.items() if store != expected}
        all_foreign = foreign and len(foreign) == len(page.echoes)
        if all_foreign and (not self._verified or len(foreign) >= MIN_FOREIGN_ROWS):
            self._verified = False
            shown = page.echoes[next(iter(foreign))]
            raise WrongStoreError(
                f"asked for store {expected}, every row says {shown}: the site ignores the requested store"
            )
        if foreign:
            self.spider.count("rows/foreign", len(foreign))
            root.problems.append(f"{len(foreign)} rows of another store")
            page.items = [item for item in page.items if item.sku not in foreign]
        if len(foreign) < len(page.echoes):
            self._verified = True
