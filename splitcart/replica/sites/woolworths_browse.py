"""Woolworths' listings: which rows a category shows at a store, page by page, with all that is added to them."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import msgspec
import orjson

from splitcart.replica.market import Market
from splitcart.replica.pricelist import MarketOffer, make_offer
from splitcart.replica.sites import woolworths_tree as trees
from splitcart.replica.sites.woolworths_rows import Bundle, product_bundle

ADVERTS = 4  # the same ones on every page of a listing, and past its end
ROW_CAP = 10_000
VENDOR = "Marketplace Seller Pty Ltd"


class Listing(NamedTuple):
    """What a page belongs to."""

    store_id: str
    day: int
    node: str
    sort: str


class Browse:
    """Renders pages; rows are written once per offer and shared by all stores that have it."""

    def __init__(self, market: Market) -> None:
        """Index the catalogue by node."""
        self._market = market
        self._skus = dict(market.skus("woolworths"))
        roots = market.tree("woolworths").roots
        self._departments = {leaf.id: root for root in roots for leaf in root.leaves()}
        by_leaf: dict[str, list[str]] = {leaf_id: [] for leaf_id in self._departments}
        for sku in self._skus.values():
            for leaf_id in (sku.leaf_id, *sku.also_in):
                by_leaf[leaf_id].append(sku.code)
        self._codes: dict[str, tuple[str, ...]] = {}
        nodes = list(roots)
        while nodes:
            node = nodes.pop()
            nodes += node.children
            self._codes[node.id] = tuple(dict.fromkeys(code for leaf in node.leaves() for code in by_leaf[leaf.id]))
        for node_id in trees.REPEATING:
            self._codes[node_id] = tuple(code for code in self._skus if crc32((node_id + code).encode()) % 25 == 0)
        for department in (trees.OCCASIONS, trees.LUNCH_BOX):
            together = (code for leaf in department.children for code in self._codes[leaf.id])
            self._codes[department.id] = tuple(dict.fromkeys(together))
        self._market_offers = self._make_market_rows()
        self._bundle = lru_cache(maxsize=100_000)(self._make_bundle)
        self._rows = lru_cache(maxsize=2048)(self._make_rows)
        self._adverts = lru_cache(maxsize=2048)(self._make_adverts)

    def page(self, listing: Listing, number: int, size: int) -> bytes:
        """Write page ``number`` (from 1) of ``size`` organic rows, the adverts besides."""
        rows = self._rows(listing)
        store = listing.store_id.encode()
        start = (number - 1) * size
        organic = rows[start : min(start + size, ROW_CAP)]
        written = [self._bundle(offer).written(store) for offer in organic]
        adverts = (
            [self._bundle(offer).written(store, sponsored=True) for offer in self._adverts(listing)] if rows else []
        )
        for at, advert in enumerate(adverts):
            written.insert(min(len(written), at * 9), advert)
        total = str(_told_total(listing.node, len(rows), number, size)).encode()
        head = b'{"SeoMetaTags":null,"Bundles":[' + b",".join(written) + b'],"TotalRecordCount":' + total
        return head + b',"UpperDynamicContent":null,"Aggregations":[],"HasTobaccoItems":false,"Success":true}'

    def _make_rows(self, listing: Listing) -> tuple[MarketOffer, ...]:
        """The organic rows of a listing, marketplace rows among them, in its order; a slug finds nothing."""
        offers = self._market.offers("woolworths", listing.store_id, self._instant(listing))
        found = [offer for code in self._codes_of(listing.node) if (offer := offers.get(code))]
        if listing.node.endswith("_SPECIALS") or listing.node == trees.SPECIALS_GROUP:
            found = [offer for offer in found if offer.promoted]
        elif listing.node == trees.HALF_PRICE:
            found = [offer for offer in found if offer.special_kind == "half_price"]
        found += self._market_offers.get(listing.node, ())
        return tuple(sorted(found, key=lambda offer: self._order(listing.sort, offer)))

    def _codes_of(self, node: str) -> Iterable[str]:
        if node in {trees.SPECIALS_GROUP, trees.HALF_PRICE}:
            return self._skus
        return self._codes.get(node.removesuffix("_SPECIALS"), ())

    def _order(self, sort: str, offer: MarketOffer) -> tuple[float, str]:
        """Relevance is an order of the site's own; without a price a row comes last."""
        price = float(offer.price_cents if offer.price_shown else 10**9)
        keys: dict[str, tuple[float, str]] = {
            "PriceAsc": (price, offer.sku),
            "PriceDesc": (-price, offer.sku),
            "CUPAsc": (float(offer.cup_cents), offer.sku),
            "Name": (0.0, self._skus[offer.sku].name),
        }
        return keys.get(sort, (float(crc32(offer.sku.encode())), offer.sku))

    def _make_adverts(self, listing: Listing) -> tuple[MarketOffer, ...]:
        """The sponsored rows of a listing: products of this store, from anywhere."""
        offers = self._market.offers("woolworths", listing.store_id, self._instant(listing))
        shown = (offer for offer in offers.values() if offer.price_shown)
        return tuple(sorted(shown, key=lambda offer: crc32(f"{listing.node} {offer.sku}".encode()))[:ADVERTS])

    def _instant(self, listing: Listing) -> datetime:
        store = self._market.store("woolworths", listing.store_id)
        assert store is not None
        return self._market.midnight(listing.day, store.state)

    def _make_market_rows(self) -> dict[str, list[MarketOffer]]:
        """Rows of other sellers: in the marketplace's own nodes, and, whatever the filter says, in some leaves."""
        models = list(self._skus.values())
        leaves = [leaf_id for leaf_id in self._departments if crc32(leaf_id.encode()) % 3 == 0]
        rows: dict[str, list[MarketOffer]] = {}
        for at, node_id in enumerate([*leaves, *sorted(trees.MARKET_NODES)] * 2):
            model = models[at * 7 % len(models)]
            sku = msgspec.structs.replace(model, code=str(1_100_000_000 + at), name=f"{model.name} Bulk Box", gtin=None)
            self._skus[sku.code] = sku
            rows.setdefault(node_id, []).append(make_offer(sku, sku.base_cents * 4, None))
        return rows

    def _make_bundle(self, offer: MarketOffer) -> Bundle:
        sku = self._skus[offer.sku]
        departments = [self._departments[leaf_id] for leaf_id in (sku.leaf_id, *sku.also_in)]
        return product_bundle(sku, offer, departments, vendor=VENDOR if int(sku.code) >= 1_100_000_000 else None)


def _told_total(node: str, rows: int, page: int, size: int) -> int:
    """The total as the site tells it: right on the early pages, a few off on the late ones and past the end."""
    if page == 1 or page * size <= 0.6 * rows:
        return rows
    return max(0, rows + crc32(orjson.dumps([node, page])) % 7 - 3)
