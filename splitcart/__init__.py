"""SplitCart: grocery prices for every store of a chain, without scraping every store."""

__version__ = "0.1.0"
