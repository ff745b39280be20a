"""Coles' site as a local replica: pages, the API behind them, and its defence (docs/retailers.md#coles)."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from splitcart.measures.clock import Clock
from splitcart.measures.ids import canonical_store_id
from splitcart.replica.market import Market
from splitcart.replica.sites import coles_defence, coles_graph, coles_pages, coles_rows
from splitcart.replica.sites.coles_shelves import PAGE_SIZE, Listing, Shelves
from splitcart.replica.stores import MarketStore

NO_KEY = "Access denied due to missing subscription key. Make sure to include subscription key when making requests."
WRONG_KEY = (
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)


class ColesSite:
    """The site. ``ignores_store``: it answers for its first store, whatever store was asked for.

    ``deploy`` changes what clients must read from a page again, ``shelves.page_cap`` how much of a listing is served.
    ``api_is_gone``: the JSON routes of the API answer 404, as one of them did from one day to the next. ``defence``
    may be switched on.
    """

    def __init__(self, market: Market, clock: Clock, *, ignores_store: bool = False) -> None:
        """Serve what ``market`` shows at the time of ``clock``."""
        self._market, self._clock = market, clock
        self.ignores_store = ignores_store
        self.api_is_gone = False
        self.shelves = Shelves(market)
        self._stores = {store.store_id: store for store in market.stores("coles") if store.priced}
        self._default = next(iter(self._stores.values()))
        self._deploys = 0
        self.build = self._new_build(key_in_script=False)
        pages = Starlette(
            routes=[
                Route("/", self._home),
                Route("/browse/{slugs:path}", self._browse_page),
                Route("/product/{slug}", self._product_page),
                Route("/_next/data/{build}/en/browse/{slugs:path}", self._browse_data),
                Route("/_next/data/{build}/en/product/{slug}", self._product_data),
                Route("/api/graphql", self._graphql, methods=["POST"]),
                Route("/api/bff/products/search", self._search),
                Route("/api/bff/products/{code}", self._product),
            ]
        )
        self.defence = self.app = coles_defence.Defence(pages, market.config.seed)

    def deploy(self, *, key_in_script: bool = False) -> None:
        """Give the site a new build id and a new key; the old ones are of no use from now on."""
        self._deploys += 1
        self.build = self._new_build(key_in_script=key_in_script)

    def _new_build(self, *, key_in_script: bool) -> coles_pages.Build:
        digest = hashlib.sha256(f"deploy {self._deploys} of {self._market.config.seed}".encode()).hexdigest()
        return coles_pages.Build(f"20261102.{self._deploys}-{digest[:40]}", digest[-32:], key_in_script)

    def store_of(self, query: Mapping[str, list[str]], body: bytes, cookies: Mapping[str, str]) -> str | None:
        """The store of a request's query, variables or cookie."""
        variables = _json_object(body).get("variables") or {}
        cookie = cookies.get("fulfillmentStoreId")
        asked = query.get("storeId", [None])[0] or variables.get("storeId") or cookie
        return canonical_store_id("coles", str(asked)) if asked else None

    def block_page(self, path: str) -> Response:
        """The page with which a robot is turned away, or a person asked for: 944 bytes, status 200."""
        return HTMLResponse(coles_defence.captcha_page(path), headers=coles_defence.HEADERS)

    def challenge_page(self, path: str) -> Response:
        """The page that a browser passes by itself: 212 bytes, status 200."""
        return HTMLResponse(coles_defence.challenge_page(path), headers=coles_defence.HEADERS)

    def _store(self, asked: str | None) -> MarketStore | None:
        """The store that answers; None for an unknown one."""
        if self.ignores_store:
            return self._default
        return self._stores.get(canonical_store_id("coles", asked)) if asked else self._default

    def _day(self, store: MarketStore) -> int:
        return self._market.day(self._clock(), store.state)

    # pages -------------------------------------------------------------------------------------------------------

    async def _home(self, request: Request) -> Response:
        store = self._visited(request)
        page = HTMLResponse(coles_pages.page(self.build, "/", {}, {"initStoreId": _padded(store)}))
        for name in ("visid_incap_2800108", "incap_ses_1234_2800108", "nlbi_2800108"):
            page.set_cookie(name, self.build.key[:16])
        return page

    def _visited(self, request: Request) -> MarketStore:
        """The store of the visitor's cookie; the pages answer for the default where it names none that is known."""
        return self._store(request.cookies.get("fulfillmentStoreId")) or self._default

    def _browse_props(self, request: Request, slugs: str) -> dict[str, Any] | None:
        node = self.shelves.by_slugs.get(slugs)
        number = request.query_params.get("page", "1")
        if node is None or not number.isdecimal() or not int(number):
            return None
        store = self._visited(request)
        page = self.shelves.page(Listing(store.store_id, self._day(store), node.id), int(number), adverts=True)
        results = {
            "noOfResults": page.total,
            "start": (int(number) - 1) * PAGE_SIZE,
            "pageSize": PAGE_SIZE,
            "results": orjson.loads(page.rows),
        }
        return {"initStoreId": _padded(store), "assetsUrl": "https://shop.example", "searchResults": results}

    async def _browse_page(self, request: Request) -> Response:
        slugs = request.path_params["slugs"]
        props = self._browse_props(request, slugs)
        if props is None:
            return HTMLResponse(coles_pages.not_found(), 404)
        return HTMLResponse(coles_pages.page(self.build, "/browse/[...slug]", {"slug": slugs.split("/")}, props))

    async def _browse_data(self, request: Request) -> Response:
        slugs = request.path_params["slugs"].removesuffix(".json")
        return self._data(request, self._browse_props(request, slugs))

    def _data(self, request: Request, props: dict[str, Any] | None) -> Response:
        """Answer a Next.js data request; another build's is not found, as a page."""
        if props is None or request.path_params["build"] != self.build.build_id:
            return HTMLResponse(coles_pages.not_found(), 404)
        return _json({"pageProps": props, "__N_SSP": True})

    def _detail(self, request: Request, slug: str) -> dict[str, Any] | None:
        """A product with what only its own page tells; None if it has none."""
        store = self._visited(request)
        sku = self.shelves.skus.get(slug.rpartition("-")[2])
        row = self.shelves.product(sku.code, store.store_id, self._day(store)) if sku else None
        if sku is None or row is None or not coles_rows.has_page(sku):
            return None
        return {**row, "gtin": coles_rows.shown_gtin(sku)}

    async def _product_page(self, request: Request) -> Response:
        product = self._detail(request, request.path_params["slug"])
        if product is None:
            return HTMLResponse(coles_pages.not_found(), 404)
        field = ("gtin", "gtin13", "mpn")[product["id"] % 3]
        head = coles_pages.linked_data(product, product["gtin"], field)
        props = {"initStoreId": _padded(self._visited(request)), "product": product}
        query = {"slug": request.path_params["slug"]}
        return HTMLResponse(coles_pages.page(self.build, "/product/[slug]", query, props, head))

    async def _product_data(self, request: Request) -> Response:
        product = self._detail(request, request.path_params["slug"].removesuffix(".json"))
        props = {"initStoreId": _padded(self._visited(request)), "product": product}
        return self._data(request, props if product else None)

    # the API -----------------------------------------------------------------------------------------------------

    def _refusal(self, request: Request) -> Response | None:
        """What an API request without the key, or to a route that is gone, gets."""
        if self.api_is_gone:
            return _json({"statusCode": 404, "message": "Resource not found"}, 404)
        key = request.headers.get("ocp-apim-subscription-key")
        if key != self.build.key:
            return _json({"statusCode": 401, "message": WRONG_KEY if key else NO_KEY}, 401)
        return None

    async def _graphql(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        asked = _json_object(await request.body())
        variables = asked.get("variables") or {}
        operation = str(asked.get("operationName"))
        if operation not in coles_graph.OPERATIONS or operation not in str(asked.get("query")):
            return _json(coles_graph.error(f"unknown operation {operation}", "GRAPHQL_VALIDATION_FAILED"), 400)
        if operation in {"GetStores", "FindStores"}:
            return _json(coles_graph.stores(self._market, variables))
        store = self._store(str(variables.get("storeId") or ""))
        if store is None:
            return _json(coles_graph.error("storeId: no such store", "BAD_USER_INPUT"))
        day = self._day(store)
        if operation == "GetProductCategories":
            return _json(coles_graph.categories(self._market, self.shelves.counts(store.store_id, day)))
        code = str(variables.get("productId"))
        sku = self.shelves.skus.get(code)
        row = self.shelves.product(code, store.store_id, day) if sku else None
        return _json(coles_graph.details(sku, row, code))

    async def _search(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        query = request.query_params
        node = self.shelves.branches.get(query.get("categoryId", ""), (None,))[-1]
        start = query.get("start", "0")
        named = node is not None and query.get("categoryName") == node.name
        store = self._store(query.get("storeId"))
        if node is None or not named or "categoryLevel" not in query or not start.isdecimal() or store is None:
            return _json({"statusCode": 400, "message": "bad request"}, 400)
        listing = Listing(store.store_id, self._day(store), node.id)
        page = self.shelves.page(listing, int(start) + 1, adverts=query.get("excludeAds") != "true")
        head: dict[str, Any] = {
            "didYouMean": None,
            "noOfResults": page.total,
            "start": int(start),
            "pageSize": PAGE_SIZE,
            "keyword": "",
            "resultType": 1,
            "filters": [],
            "banners": [],
            "pageRestrictions": None,
        }
        body = orjson.dumps(head)[:-1] + b',"results":' + page.rows + b"}"
        return Response(body, media_type="application/json")

    async def _product(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        store = self._store(request.query_params.get("storeId")) or self._default
        row = self.shelves.product(request.path_params["code"], store.store_id, self._day(store))
        return _json(row) if row else Response(b"", media_type="application/json")  # unknown: 200 without a body


def _padded(store: MarketStore) -> str:
    """Return a store's number as the pages echo it."""
    return store.store_id.partition(":")[2].zfill(4)


def _json_object(body: bytes) -> dict[str, Any]:
    """The body's object; nothing for a body that is none."""
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
