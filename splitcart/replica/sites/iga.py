"""IGA's shop and its two registries of stores as a local replica (docs/retailers.md#iga)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from splitcart.measures.clock import Clock
from splitcart.replica.market import Market
from splitcart.replica.pricelist import MarketOffer
from splitcart.replica.sites import iga_rows
from splitcart.replica.sites.aldi import number
from splitcart.replica.sites.iga_stores import Registries
from splitcart.replica.stores import MarketStore

RETAILER = "183"  # IGA's number at the registry of shops
PAGE_LIMIT = 100
STORE_COOKIE = "iga-shop.retailerStoreId"


class _Listing(NamedTuple):
    store_id: str
    day: int
    identifier: str


class IgaSite:
    """The site: three hosts under one address. ``ignores_store``: every listing is the first online store's.

    A category that a store has nothing of is answered with 404, or with no rows. Every third store answers what lies
    beyond a listing's end with its last page, for ever; the others with no rows.
    """

    def __init__(self, market: Market, clock: Clock, *, ignores_store: bool = False) -> None:
        """Serve what ``market`` shows at the time of ``clock``."""
        self._market, self._clock = market, clock
        self.ignores_store = ignores_store
        self._skus = market.skus("iga")
        self._tree = orjson.dumps(iga_rows.tree_body(market.tree("iga")))
        self._registries = Registries(market.stores("iga"))
        self._online = {store.retailer_store_id: store for store in market.stores("iga") if store.priced}
        self._repeating = {store.store_id for store in list(self._online.values())[::3]}
        self._branches = iga_rows.branches(market.tree("iga"))
        self._codes: dict[str, list[str]] = {}
        for sku in self._skus.values():
            for leaf_id in (sku.leaf_id, *sku.also_in):
                for node in self._branches[leaf_id]:
                    self._codes.setdefault(node.id, []).append(sku.code)
        self._row = lru_cache(maxsize=100_000)(self._make_row)
        self._listing = lru_cache(maxsize=4096)(self._make_listing)
        shop = "/api/storefront/stores"
        self.app = Starlette(
            routes=[
                Route("/", self._home),
                Route(f"/location/storelocator/{RETAILER}/", self._store_locator),
                Route("/api/stores", self._online_stores),
                Route(shop, self._store_lookup),
                Route(f"{shop}/{{tag}}/categoryHierarchy", self._hierarchy),
                Route(f"{shop}/{{tag}}/categories/{{identifier}}/search", self._search),
            ]
        )

    def store_of(
        self,
        query: Mapping[str, list[str]],
        body: bytes,  # noqa: ARG002 - IGA's requests have no body
        cookies: Mapping[str, str],
    ) -> str | None:
        """The store of the visitor's cookie, by its id in the market."""
        tag = query.get("RSID", [cookies.get(STORE_COOKIE, "")])[0]
        return self._online[tag].store_id if tag in self._online else tag or None

    def block_page(self, path: str) -> Response:
        """No block was ever seen at IGA; the page of the network in front of it stands in."""
        page = f"<html><head><title>Attention Required! | Cloudflare</title></head><body>{path}</body></html>"
        return HTMLResponse(page, 403, {"cf-ray": f"{crc32(path.encode()):016x}-SYD", "server": "cloudflare"})

    def challenge_page(self, path: str) -> Response:
        """The page that the network in front of it shows while a browser's script works."""
        page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
        return HTMLResponse(page, 503, {"cf-ray": f"{crc32(path.encode()):016x}-SYD", "server": "cloudflare"})

    async def _home(self, _: Request) -> Response:
        return HTMLResponse("<!DOCTYPE html><html><head><title>IGA Shop Online</title></head><body></body></html>")

    async def _store_locator(self, request: Request) -> Response:
        """The stores around a location, as a script that calls a function with them."""
        location = number(request, "locationId", 0)
        body = self._registries.around(location) if location is not None else None
        if body is None:
            return Response('callbackName({"content":"","breadcrumb":"Store Locator"})', media_type="text/javascript")
        return Response(body, media_type="text/javascript")

    async def _online_stores(self, _: Request) -> Response:
        return Response(self._registries.online(), media_type="application/json")

    async def _store_lookup(self, request: Request) -> Response:
        found = self._online.get(request.query_params.get("RSID", ""))
        return Response(self._registries.online([found] if found else []), media_type="application/json")

    async def _hierarchy(self, request: Request) -> Response:
        if self._store(request) is None:
            return _missing("store")
        return Response(self._tree, media_type="application/json")

    async def _search(self, request: Request) -> Response:
        store = self._store(request)
        skip, take = number(request, "skip", 0), number(request, "take", 36)
        if skip is None or take is None or take < 1:
            return JSONResponse({"message": "skip must be from 0 on, take from 1"}, 400)
        identifier = request.path_params["identifier"]
        if store is None or identifier not in self._branches:
            return _missing("category")
        day = self._market.day(self._clock(), store.state)
        found = self._listing(_Listing(store.store_id, day, identifier))
        if not found and crc32(identifier.encode()) % 2:
            return _missing("category")
        take = min(take, PAGE_LIMIT)
        if found and skip >= len(found) and store.store_id in self._repeating:
            skip = (len(found) - 1) // take * take
        return Response(
            iga_rows.page_body([self._row(offer) for offer in found[skip : skip + take]], len(found)),
            media_type="application/json",
            headers={"x-matched-path": "/api/storefront/[...storefront]", "cf-cache-status": "DYNAMIC"},
        )

    def _store(self, request: Request) -> MarketStore | None:
        store = self._online.get(request.path_params["tag"])
        return next(iter(self._online.values())) if store and self.ignores_store else store

    def _make_listing(self, listing: _Listing) -> tuple[MarketOffer, ...]:
        """What a store lists below a node, in an order that never changes."""
        store = self._market.store("iga", listing.store_id)
        assert store is not None
        offers = self._market.offers("iga", listing.store_id, self._market.midnight(listing.day, store.state))
        if listing.identifier in iga_rows.REPEATING:
            found = [offer for offer in offers.values() if offer.was_cents]
        else:
            found = [offers[code] for code in self._codes.get(listing.identifier, ()) if code in offers]
        return tuple(sorted(set(found), key=lambda offer: crc32(offer.sku.encode())))

    def _make_row(self, offer: MarketOffer) -> bytes:
        sku = self._skus[offer.sku]
        return orjson.dumps(iga_rows.product_row(sku, offer, self._branches[sku.leaf_id]))


def _missing(what: str) -> Response:
    return JSONResponse({"statusCode": 404, "message": f"{what} not found"}, 404)
