"""Woolworths' site as a local replica: home page, stores, category tree, browse (docs/retailers.md#woolworths)."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from splitcart.measures.clock import Clock
from splitcart.replica.market import Market
from splitcart.replica.sites.woolworths_browse import Browse, Listing
from splitcart.replica.sites.woolworths_rows import store_row
from splitcart.replica.sites.woolworths_tree import RESTRICTED, tree_body
from splitcart.replica.stores import MarketStore, distance_km

MAX_PAGE_SIZE = 36
BROWSER_HEADERS = ("accept", "accept-language", "sec-ch-ua", "sec-fetch-mode", "sec-fetch-site")


class WoolworthsSite:
    """The site. A listing is answered for the body's ``storeId``; ``ignores_store``: always for the visitor's default.

    A store id that is unknown, missing or without a range gets the default store too, as the real site never refuses.
    """

    def __init__(self, market: Market, clock: Clock, *, ignores_store: bool = False) -> None:
        """Serve what ``market`` shows at the time of ``clock``."""
        self._market, self._clock = market, clock
        self.ignores_store = ignores_store
        self._token = hashlib.sha256(f"visitor of {market.config.seed}".encode()).hexdigest().upper()
        self._tree = orjson.dumps(tree_body(market.tree("woolworths")))
        self._stores = {store.store_id: store for store in market.stores("woolworths") if store.priced}
        self._default = next(iter(self._stores.values()))
        self._browse = Browse(market)
        self.app = Starlette(
            routes=[
                Route("/", self._home),
                Route("/apis/ui/StoreLocator/Stores", self._store_locator),
                Route("/apis/ui/PiesCategoriesWithSpecials", self._category_tree),
                Route("/apis/ui/browse/category", self._category, methods=["GET", "POST"]),
            ]
        )

    def store_of(
        self,
        query: Mapping[str, list[str]],
        body: bytes,
        cookies: Mapping[str, str],  # noqa: ARG002 - the site asks no cookie
    ) -> str | None:
        """The ``storeId`` of a browse request's body or query."""
        asked = _json_object(body).get("storeId") if body else query.get("storeId", [None])[0]
        return str(asked) if asked else None

    def block_page(self, path: str) -> Response:
        """The page of the site's defence: 403, some 400 bytes, its punctuation escaped."""
        reference = hashlib.sha256(path.encode()).hexdigest()
        reference = f"18&#46;{reference[:8]}&#46;{int(reference[8:16], 16)}&#46;{reference[16:24]}"
        address = path.replace("/", "&#47;").replace(".", "&#46;")
        page = (
            "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \n"
            f'You don\'t have permission to access "http&#58;&#47;&#47;www&#46;woolworths&#46;com&#46;au{address}" '
            f"on this server.<P>\nReference&#32;&#35;{reference}\n<P>\n"
            f"https&#58;&#47;&#47;errors&#46;edgesuite&#46;net&#47;{reference}\n</P>\n</BODY>\n</HTML>\n"
        )
        return HTMLResponse(page, 403)

    def challenge_page(self, path: str) -> Response:
        """No page was ever seen that a browser passes by itself."""
        return self.block_page(path)

    async def _home(self, request: Request) -> Response:
        """The page that a visitor opens first; it sets the cookies of the defence for whoever looks like a browser."""
        page = HTMLResponse(
            "<!DOCTYPE html><html><head><title>Woolworths Supermarket</title></head><body></body></html>"
        )
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            page.set_cookie("_abck", f"{self._token}~-1~YAAQ")
            for name in ("bm_sz", "ak_bmsc", "AKA_A2", "w-rctx"):
                page.set_cookie(name, self._token[:24])
        return page

    def _is_welcome(self, request: Request) -> bool:
        """Whether a request looks like a browser's that has opened the site before."""
        browser = request.headers.get("user-agent", "").startswith("Mozilla/")
        dressed = all(name in request.headers for name in BROWSER_HEADERS)
        return browser and dressed and request.cookies.get("_abck", "").startswith(self._token)

    async def _store_locator(self, request: Request) -> Response:
        query = request.query_params
        most, divisions = query.get("Max", "30"), query.get("Division", "SUPERMARKETS").split(",")
        if not most.isdecimal():
            return _error(400, "Max must be a whole number")
        stores = [store for store in self._market.stores("woolworths") if store.division in divisions]
        if postcode := query.get("postcode"):
            found = [(0.0, store) for store in stores if postcode in ("*", store.postcode)]
        else:
            try:
                here = float(query["latitude"]), float(query["longitude"])
            except (KeyError, ValueError):
                return _error(400, "latitude and longitude, or postcode, are required")
            found = sorted(
                ((distance_km(store, *here), store) for store in stores), key=lambda pair: (pair[0], pair[1].store_id)
            )
        rows = [store_row(store, away) for away, store in found[: int(most)]]
        headers = {"cache-control": "no-store", "access-control-allow-origin": "*"}
        return Response(orjson.dumps({"Stores": rows}), media_type="application/json", headers=headers)

    async def _category_tree(self, request: Request) -> Response:
        if not self._is_welcome(request):
            return self.block_page(request.url.path)
        return Response(self._tree, media_type="application/json")

    async def _category(self, request: Request) -> Response:
        if not self._is_welcome(request) or (request.method == "POST" and "origin" not in request.headers):
            return self.block_page(request.url.path)
        asked = _json_object(await request.body()) if request.method == "POST" else dict(request.query_params)
        try:
            page, size = int(asked.get("pageNumber", 1)), int(asked.get("pageSize", 24))
        except (TypeError, ValueError):
            return _error(400, "pageNumber and pageSize must be whole numbers")
        if page < 1 or not 1 <= size <= MAX_PAGE_SIZE:
            return _error(400, f"pageNumber must be from 1 on, pageSize from 1 to {MAX_PAGE_SIZE}")
        node = str(asked.get("categoryId", ""))
        if node in RESTRICTED:
            return _error(400, "this category is restricted")
        store = self._store(str(asked.get("storeId", "")))
        day = self._market.day(self._clock(), store.state)
        listing = Listing(store.store_id, day, node, str(asked.get("sortType", "TraderRelevance")))
        return Response(self._browse.page(listing, page, size), media_type="application/json")

    def _store(self, asked: str) -> MarketStore:
        return self._default if self.ignores_store else self._stores.get(asked, self._default)


def _json_object(body: bytes) -> dict[str, Any]:
    """The body's object; nothing for a body that is none."""
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _error(status: int, message: str) -> Response:
    return Response(orjson.dumps({"Message": message, "Success": False}), status, media_type="application/json")
