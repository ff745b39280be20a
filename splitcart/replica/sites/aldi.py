"""ALDI's API as a local replica: service points, category tree, product search (docs/retailers.md#aldi)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from zlib import crc32

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from splitcart.measures.clock import Clock
from splitcart.replica.market import Market
from splitcart.replica.pricelist import MarketOffer, make_offer
from splitcart.replica.sites import aldi_rows
from splitcart.replica.stores import MarketStore, distance_km

NEARBY = 47  # a call with nearby service points covers no more (docs/retailers.md#aldi-stores)
PAGE_LIMIT = 30
EXTRAS_PER_LEAF = 6


def number(request: Request, name: str, default: int) -> int | None:
    """Read a query parameter that is a whole number from 0 on; None if it is something else."""
    text = request.query_params.get(name, str(default))
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None


class AldiSite:
    """The site. ``ignores_store``: it answers every listing for its first store, whatever store was asked for."""

    def __init__(self, market: Market, clock: Clock, *, ignores_store: bool = False) -> None:
        """Serve what ``market`` shows at the time of ``clock``."""
        self._market, self._clock = market, clock
        self.ignores_store = ignores_store
        self._skus = dict(market.skus("aldi"))
        roots = (*market.tree("aldi").roots, *aldi_rows.EXTRA_ROOTS)
        self._tree = orjson.dumps(aldi_rows.tree_body(roots))
        self._branches = {
            leaf.id: (root, leaf) if leaf is not root else (root,) for root in roots for leaf in root.leaves()
        }
        self._codes: dict[str, list[str]] = {node.id: [] for root in roots for node in (root, *root.children)}
        for sku in self._skus.values():
            for leaf_id in (sku.leaf_id, *sku.also_in):
                self._codes[leaf_id].append(sku.code)
        self._codes[aldi_rows.LOWER_PRICES.id] = [code for code in self._skus if crc32(code.encode()) % 20 == 0]
        self._extras = self._make_extras()
        for root in roots:
            if root.children:
                together = [code for leaf in root.children for code in self._codes[leaf.id]]
                self._codes[root.id] = list(dict.fromkeys(together))
        self._row = lru_cache(maxsize=100_000)(self._make_row)
        self._listing = lru_cache(maxsize=4096)(self._make_listing)
        self.app = Starlette(
            routes=[
                Route("/v2/service-points", self._service_points),
                Route("/v2/product-category-tree", self._category_tree),
                Route("/v3/product-search", self._product_search),
            ]
        )

    def store_of(
        self,
        query: Mapping[str, list[str]],
        body: bytes,  # noqa: ARG002 - ALDI's requests have no body
        cookies: Mapping[str, str],  # noqa: ARG002 - the site asks no cookie
    ) -> str | None:
        """The ``servicePoint`` that a request asks for."""
        return query.get("servicePoint", [None])[0]

    def block_page(self, path: str) -> Response:
        """No block was ever seen at ALDI; a common 403 page stands in."""
        page = f"<html><head><title>403 Forbidden</title></head><body>Access to {path} is forbidden.</body></html>"
        return HTMLResponse(page, 403)

    def challenge_page(self, path: str) -> Response:
        """No page was ever seen that a browser passes by itself."""
        return self.block_page(path)

    def _make_extras(self) -> dict[str, MarketOffer]:
        """Special buys and bags: products of excluded roots, which are in no store's truth."""
        models = list(self._skus.values())
        extras = {}
        leaves = [aldi_rows.LIMITED, *aldi_rows.FRONT.children]
        for at in range(EXTRAS_PER_LEAF * len(leaves)):
            leaf, model = leaves[at % len(leaves)], models[at % len(models)]
            code = f"{1_500_000 + at:018d}"
            sku = msgspec.structs.replace(
                model, code=code, name=f"Special Buy {model.name}", path=leaf.path, root=leaf.path[0], leaf_id=leaf.id
            )
            self._skus[code] = sku
            self._codes[leaf.id].append(code)
            extras[code] = make_offer(sku, sku.base_cents, None)
        return extras

    async def _service_points(self, request: Request) -> Response:
        try:
            here = float(request.query_params["latitude"]), float(request.query_params["longitude"])
        except (KeyError, ValueError):
            return _error(400, "latitude and longitude must be numbers")
        offset, limit = number(request, "offset", 0), number(request, "limit", 10)
        if offset is None or limit is None or not 1 <= limit <= 50:
            return _error(400, "offset must be from 0 on, limit from 1 to 50")
        ranked = sorted((distance_km(store, *here), store.store_id, store) for store in self._market.stores("aldi"))
        nearby = request.query_params.get("includeNearbyServicePoints") == "true"
        covered = ranked[: NEARBY if nearby else 1]
        rows = [
            orjson.dumps(aldi_rows.service_point(store, away)) for away, _, store in covered[offset : offset + limit]
        ]
        return _page(rows, offset, limit, len(covered), max_age=3600)

    async def _category_tree(self, request: Request) -> Response:
        store = self._store(request)
        if isinstance(store, Response):
            return store
        return Response(self._tree, media_type="application/json", headers={"cache-control": "max-age=900"})

    async def _product_search(self, request: Request) -> Response:
        store = self._store(request)
        if isinstance(store, Response):
            return store
        offset, limit = number(request, "offset", 0), number(request, "limit", PAGE_LIMIT)
        if offset is None or limit is None or not 1 <= limit <= PAGE_LIMIT:
            return _error(400, f"offset must be from 0 on, limit from 1 to {PAGE_LIMIT}")
        key, words = request.query_params.get("categoryKey", ""), request.query_params.get("q", "").lower()
        if not words and key not in self._codes:
            return _error(404, f"no category {key}")
        found = self._listing(store.store_id, self._market.day(self._clock(), store.state), key)
        if words:
            found = tuple(offer for offer in found if words in self._skus[offer.sku].name.lower())
        if offset and offset >= len(found):
            return _error(400, f"offset {offset} is beyond the end")
        return _page(
            [self._row(offer) for offer in found[offset : offset + limit]], offset, limit, len(found), max_age=60
        )

    def _store(self, request: Request) -> MarketStore | Response:
        """The store that answers, or the refusal of an unknown one."""
        asked = request.query_params.get("servicePoint", "")
        if not re.fullmatch(r"[A-Z]\d{3}", asked):
            return _error(400, f"servicePoint {asked!r} is malformed")
        store = self._market.store("aldi", asked)
        if store is None:
            return _error(404, f"servicePoint {asked} was not found")
        return self._market.stores("aldi")[0] if self.ignores_store else store

    def _make_listing(self, store_id: str, day: int, key: str) -> tuple[MarketOffer, ...]:
        """What a store lists under a category ("" for everything), in an order that never changes."""
        store = self._market.store("aldi", store_id)
        assert store is not None
        offers = self._market.offers("aldi", store_id, self._market.midnight(day, store.state))
        if key == aldi_rows.SUPER_SAVERS.id:
            codes = [code for code, offer in offers.items() if offer.was_cents]
        else:
            codes = self._codes[key] if key else list(offers)
        found = [offers.get(code) or self._extras.get(code) for code in codes]
        return tuple(sorted((offer for offer in found if offer), key=lambda offer: crc32(offer.sku.encode())))

    def _make_row(self, offer: MarketOffer) -> bytes:
        sku = self._skus[offer.sku]
        return orjson.dumps(aldi_rows.product_row(sku, offer, self._branches[sku.leaf_id]))


def _page(rows: list[bytes], offset: int, limit: int, total: int, max_age: int) -> Response:
    head = orjson.dumps({"offset": offset, "limit": limit, "totalCount": total})
    body = b'{"meta":{"pagination":' + head + b'},"data":[' + b",".join(rows) + b"]}"
    return Response(body, media_type="application/json", headers={"cache-control": f"max-age={max_age}"})


def _error(status: int, message: str) -> Response:
    body = {
        "errors": [{"status": str(status), "title": "Bad Request" if status == 400 else "Not Found", "detail": message}]
    }
    return Response(orjson.dumps(body), status, media_type="application/json")
