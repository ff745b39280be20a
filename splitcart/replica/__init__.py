"""Practise: a market with known truth, and local replicas of the retailers' sites that serve it.

In: a seed and the figures of the chains (``MarketConfig``). Out: ``Market``, which knows what every shelf shows at any
instant, and ``splitcart.replica.server.ReplicaServer``, which serves it over HTTP as each retailer's site does. It is
test ground: spiders only ever know a base URL.
"""

from splitcart.replica.catalogue import MarketSku
from splitcart.replica.config import ChainConfig, ListChange, MarketConfig, Move, default_chains, still
from splitcart.replica.market import Market, MarketEvent
from splitcart.replica.pricelist import MarketOffer
from splitcart.replica.stores import MarketStore

__all__ = [
    "ChainConfig",
    "ListChange",
    "Market",
    "MarketConfig",
    "MarketEvent",
    "MarketOffer",
    "MarketSku",
    "MarketStore",
    "Move",
    "default_chains",
    "still",
]
