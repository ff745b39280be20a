"""How an item goes through the pipelines, and what is logged of it."""

from inspect import isawaitable
from typing import Any

from scrapy import Spider
from scrapy.logformatter import LogFormatter, LogFormatterResult
from scrapy.pipelines import ItemPipelineManager
from scrapy.utils.defer import ensure_awaitable


class ItemPipelines(ItemPipelineManager):
    """Scrapy's manager makes a coroutine of every item that a pipeline returns; this one only of what has to wait."""

    async def process_item_async(self, item: Any) -> Any:
        if self._mw_methods_requiring_spider:  # someone's older pipeline
            return await super().process_item_async(item)
        for process in self.methods["process_item"]:
            assert process is not None
            passed = process(item)
            item = await ensure_awaitable(passed) if isawaitable(passed) else passed
        return item


class NoLineForEachItem(LogFormatter):
    """Rows are in the file, and how many is in the report: a log that repeats each is of no use even for debugging."""

    def scraped(self, item: Any, response: Any, spider: Spider) -> LogFormatterResult | None:  # type: ignore[override]  # noqa: ARG002 - None: nothing to say
        return None
