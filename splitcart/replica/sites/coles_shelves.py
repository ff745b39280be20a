"""Coles' listings: which rows a category shows at a store, page by page, with all that is added to them."""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import orjson

from splitcart.replica.market import Market
from splitcart.replica.pricelist import MarketOffer, make_offer
from splitcart.replica.sites import coles_rows
from splitcart.replica.sites import coles_tree as trees
from splitcart.replica.trees import Node

PAGE_SIZE = 48
PAGE_CAP = 104
SPONSORED = 3


class Listing(NamedTuple):
    """What a page belongs to; ``node`` is the id of a category."""

    store_id: str
    day: int
    node: str


class Page(NamedTuple):
    """One page: its rows as JSON and how many organic rows the whole listing has."""

    rows: bytes
    total: int


class Shelves:
    """Renders listings. ``page_cap``: pages beyond are empty, whatever the total says; tests lower it."""

    def __init__(self, market: Market) -> None:
        """Index the catalogue by category."""
        self._market = market
        self.page_cap = PAGE_CAP
        self.skus = dict(market.skus("coles"))
        self.roots = (*market.tree("coles").roots, *trees.EXTRA_ROOTS)
        self.branches: dict[str, tuple[Node, ...]] = {}
        for root in self.roots:
            self._walk(root, ())
        self.by_slugs = {"/".join(node.slug for node in branch): branch[-1] for branch in self.branches.values()}
        self._tobacco = self._make_tobacco()
        self._codes = {branch[-1].id: self._codes_of(branch[-1]) for branch in self.branches.values()}
        self._row = lru_cache(maxsize=100_000)(self._make_row)
        self._rows = lru_cache(maxsize=2048)(self._make_rows)

    def _walk(self, node: Node, above: tuple[Node, ...]) -> None:
        self.branches[node.id] = (*above, node)
        for child in node.children:
            self._walk(child, (*above, node))

    def _codes_of(self, node: Node) -> tuple[str, ...]:
        leaves = {leaf.id for leaf in node.leaves()}
        found = [sku.code for sku in self.skus.values() if not leaves.isdisjoint((sku.leaf_id, *sku.also_in))]
        for leaf_id in sorted(leaves & trees.REPEATING):
            found += [code for code in self._market.skus("coles") if crc32((leaf_id + code).encode()) % 20 == 0]
        return tuple(dict.fromkeys(found))

    def _make_tobacco(self) -> dict[str, MarketOffer]:
        """Products of a restricted category, which are in no store's truth."""
        leaf = trees.TOBACCO.children[0]
        offers = {}
        for at, model in enumerate(list(self.skus.values())[:5]):
            code = str(9_900_000 + at)
            sku = msgspec.structs.replace(
                model, code=code, name=f"Rolling Tobacco {at}", path=leaf.path, root=leaf.path[0], leaf_id=leaf.id
            )
            self.skus[code] = msgspec.structs.replace(sku, also_in=())
            offers[code] = make_offer(sku, sku.base_cents, None)
        return offers

    def page(self, listing: Listing, number: int, *, adverts: bool) -> Page:
        """Return page ``number`` (from 1) of a listing, with advertisements between the rows if asked for."""
        rows = self._rows(listing)
        start = (number - 1) * PAGE_SIZE
        organic = rows[start : start + PAGE_SIZE] if number <= self.page_cap else ()
        written = [self._row(offer) for offer in organic]
        if adverts and organic:
            written[1:1] = self._adverts(rows, number)
        return Page(b"[" + b",".join(written) + b"]", len(rows))

    def counts(self, store_id: str, day: int) -> dict[str, int]:
        """Return how many products each category has at a store."""
        return {node: len(self._rows(Listing(store_id, day, node))) for node in self._codes}

    def product(self, code: str, store_id: str, day: int) -> dict[str, Any] | None:
        """Return the row of one product at a store, None if it is not listed there."""
        offer = self._offers(store_id, day).get(code)
        row: dict[str, Any] | None = orjson.loads(self._row(offer)) if offer else None
        return row

    def _adverts(self, rows: tuple[MarketOffer, ...], number: int) -> list[bytes]:
        """A tile and an association on every page, and on the first one products of later pages, for money."""
        codes = [int(offer.sku) for offer in rows[-SPONSORED:]]
        adverts = [coles_rows.tile_row(number, codes), coles_rows.association_row(codes[0])]
        if number == 1:
            adverts += [coles_rows.sponsored_row(orjson.loads(self._row(offer))) for offer in rows[-SPONSORED:]]
        return [orjson.dumps(advert) for advert in adverts]

    def _offers(self, store_id: str, day: int) -> dict[str, MarketOffer]:
        return {**self._market.offers("coles", store_id, self._instant(store_id, day)), **self._tobacco}

    def _make_rows(self, listing: Listing) -> tuple[MarketOffer, ...]:
        """The organic rows of a listing, in an order that never changes."""
        offers = self._offers(listing.store_id, listing.day)
        found = [offer for code in self._codes[listing.node] if (offer := offers.get(code))]
        return tuple(sorted(found, key=lambda offer: crc32(offer.sku.encode())))

    def _instant(self, store_id: str, day: int) -> datetime:
        store = self._market.store("coles", store_id)
        assert store is not None
        return self._market.midnight(day, store.state)

    def _make_row(self, offer: MarketOffer) -> bytes:
        sku = self.skus[offer.sku]
        heirs = [self.branches[leaf_id] for leaf_id in (sku.leaf_id, *sku.also_in)]
        promoted = trees.DOWN_DOWN.children[0]
        if offer.sku in self._codes[promoted.id]:
            heirs.insert(0, self.branches[promoted.id])
        return orjson.dumps(coles_rows.product_row(sku, offer, heirs))
