"""What happens to an item, in the order that settings.py gives the numbers for."""

from splitcart_scrapy.pipelines.deduplicate import DeduplicatePipeline
from splitcart_scrapy.pipelines.upload import UploadPipeline
from splitcart_scrapy.pipelines.validate import ValidatePipeline
from splitcart_scrapy.pipelines.write import WritePipeline

__all__ = ["DeduplicatePipeline", "UploadPipeline", "ValidatePipeline", "WritePipeline"]
