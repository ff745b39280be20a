"""The base of the spiders that look up barcodes where a chain's listings hold none."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from scrapy.exceptions import CloseSpider

from splitcart.config import get_settings
from splitcart.transfer import ExportedSku, ExportedStore, Exports
from splitcart.transfer.records import BarcodeRecord, FailureClass
from splitcart_scrapy.asked import MAX_DOUBTFUL, AskedBarcodes
from splitcart_scrapy.failures import GivenUpError, SiteChangedError, SiteError
from splitcart_scrapy.items import CrawlEndItem, CrawlStartItem, Item
from splitcart_scrapy.spiders.base.arguments import positive
from splitcart_scrapy.spiders.base.site import SiteSpider

MAX_FAILED_IN_A_ROW = 3


class BarcodeSpider(SiteSpider):
    """Asks the server which skus of its chain have no barcode, and then the site for each of them.

    What was asked is written down at once: a run that was cut off does not ask again, and a sku that has no barcode
    rests for some months. Whatever was found goes into the barcode outbox, also when the site stops answering.

    That none of many in a row has a barcode is believed if the site still names one that is known.
    """

    arguments = ("max_skus",)

    def __init__(self, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.max_skus = positive("max_skus", arguments.get("max_skus"))
        self.any_store: str | None = None
        self.described: set[str] = set()  # skus without a barcode of which the server knows the rest
        self.known: tuple[str, str] | None = None  # sku and name of a product with a barcode

    @classmethod
    def check_arguments(cls, arguments: Mapping[str, Any]) -> None:
        super().check_arguments(arguments)
        positive("max_skus", arguments.get("max_skus"))

    @abstractmethod
    async def look_up(self, sku: str, name: str) -> BarcodeRecord | None:
        """Ask the site for the barcode of a product and what it tells with it, None if nothing. Raises SiteError."""

    async def crawl(self) -> AsyncGenerator[Item]:
        start = CrawlStartItem(company=self.company, spider=self.name, kind="barcodes")
        yield start
        if start.busy_with:
            raise SiteError(start.busy_with)
        wanted = await asyncio.to_thread(self._skus_without_barcode)
        asked = AskedBarcodes.open(get_settings().data_dir, self.company, wanted, self.clock())
        failure: SiteError | None = None
        found = told = 0
        try:
            async for record in self._barcodes(wanted, asked):
                found += record.barcode is not None
                told += 1
                yield record
        except SiteError as error:
            failure = error
            self.logger.warning("%s: the barcodes end early: %s", self.company, error)
        failure_class = failure.failure_class if failure else None
        yield CrawlEndItem(
            keep=told > 0,
            complete=failure is None and self.max_skus is None,
            finish_reason=failure_class.value if failure_class else "finished",
            failure_class=failure_class,
            problem=str(failure) if failure else None,
            stats={"skus_without_barcode": len(wanted)},
        )
        self.logger.info("%s: %d barcodes found for %d skus without one", self.company, found, len(wanted))
        self.count("barcodes/found", found)
        if failure_class:
            self.count(f"failures/{failure_class}")
            raise CloseSpider(failure_class.value)

    def _skus_without_barcode(self) -> dict[str, str]:
        """Return names by sku; note a store that the site may be asked about, and a product with a barcode."""
        kept = self.chain.divisions_kept
        with Exports.from_settings(get_settings()) as exports:
            stores = exports.rows(ExportedStore, company=self.company)
            ours = [row.store_id for row in stores if row.is_active and (row.division in kept or not row.division)]
            self.any_store = min(ours, default=None)
            rows = exports.rows(ExportedSku, company=self.company)
            wanted = {}
            for row in rows:
                if row.barcode is None:
                    wanted[row.sku] = row.name
                    if row.ingredients or row.allergens or row.country_of_origin:
                        self.described.add(row.sku)
                elif row.barcode_is_local is not True:
                    self.known = (row.sku, row.name)
            return wanted

    async def _barcodes(self, wanted: Mapping[str, str], asked: AskedBarcodes) -> AsyncIterator[BarcodeRecord]:
        """Yield what an earlier run found and the server does not know yet, then ask for the others."""
        for sku in sorted(wanted.keys() & asked.found):
            if asked.found[sku].barcode or sku not in self.described:
                yield asked.found[sku]
        open_skus = sorted(wanted.keys() - asked.found.keys() - asked.resting)
        failed_in_a_row = 0
        for sku in open_skus[: self.max_skus]:
            try:
                found = await self._ask(sku, wanted[sku])
            except SiteError as error:
                failed_in_a_row += 1
                self.logger.warning("%s %s: %s", self.company, sku, error)
                if error.stops_store:
                    raise
                if failed_in_a_row == MAX_FAILED_IN_A_ROW:
                    text = f"{failed_in_a_row} pages in a row failed, the last with: {error}"
                    raise GivenUpError(text, error.failure_class) from error
                continue
            failed_in_a_row = 0
            asked.note(sku, found, self.clock())
            has_barcode = found is not None and found.barcode is not None
            self.count(f"barcodes/{'named' if has_barcode else 'missing'}")
            if found:
                yield found
            if has_barcode:
                self.known = (sku, wanted[sku])
            elif len(asked.doubtful) >= MAX_DOUBTFUL:
                await self._check_doubtful(asked)

    async def _check_doubtful(self, asked: AskedBarcodes) -> None:
        """Ask for a barcode that is known; if that is not named either, none of the doubtful answers counts."""
        problem = "no other is known to hold against them"
        if self.known is not None:
            try:
                named = await self._ask(*self.known)
                if named and named.barcode:
                    asked.believe()
                    return
                problem = f"nor has {self.known[0]}, whose barcode is known"
            except SiteChangedError as error:
                problem = str(error)
        text = f"{len(asked.doubtful)} skus in a row have no barcode, {problem}; they will be asked about again"
        asked.forget_doubtful()
        raise GivenUpError(text, FailureClass.SITE_CHANGED)

    async def _ask(self, sku: str, name: str) -> BarcodeRecord | None:
        try:
            return await self.look_up(sku, name)
        except SiteChangedError as error:
            if error.status == 404:  # a product without a page has no barcode to be found
                return None
            raise
