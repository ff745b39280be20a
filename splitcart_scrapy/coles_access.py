"""The way into Coles' site: the key and the build id that its pages name, read again when they have changed.

docs/retailers.md#coles-defence says what the site's refusals mean.
"""

from typing import Any

from scrapy import Request
from scrapy.http import JsonRequest

from splitcart.measures.slugs import slug
from splitcart_scrapy.browser import BROWSER_HEADERS, BROWSER_NAME, FETCH_HEADERS
from splitcart_scrapy.failures import SiteChangedError, SiteError
from splitcart_scrapy.parsers.coles_graph import DETAILS_QUERY, graph_request
from splitcart_scrapy.parsers.coles_pages import WayIn, parse_way_in
from splitcart_scrapy.spiders.base import SiteSpider

KEY_HEADER = "ocp-apim-subscription-key"
DATA_PATH = "/_next/data/"


class ColesAccess(SiteSpider):
    """What all spiders of Coles share: requests to its API and its pages, by the same visitor."""

    user_agent_prefix = BROWSER_NAME
    session_selector = "#__NEXT_DATA__"
    way_in: WayIn | None = None
    reads_pages = False  # instead of asking the API

    async def enter(self) -> WayIn:
        """Read key and build id from the home page."""
        home = Request(f"{self.base_url('site')}/", headers=BROWSER_HEADERS, dont_filter=True)
        self.way_in = await self.read(home, parse_way_in, is_page=True)
        return self.way_in

    def api_headers(self) -> dict[str, str]:
        """Return the headers that the site's own pages send to its API. Raises SiteChangedError without a key."""
        if self.way_in is None or self.way_in.key is None:
            raise SiteChangedError("Coles' home page names no key for its API")
        site = self.base_url("site")
        own = {KEY_HEADER: self.way_in.key, "dsch-channel": "coles.online.1site.desktop", "x-api-version": "2"}
        return BROWSER_HEADERS | FETCH_HEADERS | own | {"Origin": site, "Referer": f"{site}/"}

    def graph_request(self, operation: str, query: str, variables: dict[str, Any]) -> Request:
        """Return a request to the GraphQL gateway."""
        url = f"{self.base_url('site')}/api/graphql"
        return JsonRequest(url, data=graph_request(operation, query, variables), headers=self.api_headers())

    def data_request(self, path: str, store_number: str) -> Request:
        """Return a request for a store's data of the page at ``path`` (with its query, without a leading slash)."""
        assert self.way_in is not None
        address, _, query = path.partition("?")
        url = f"{self.base_url('site')}{DATA_PATH}{self.way_in.build_id}/en/{address}.json?{query}"
        headers = BROWSER_HEADERS | FETCH_HEADERS | {"x-nextjs-data": "1"}
        return Request(
            url,
            headers=headers,
            cookies=[  # for all of the site, so that they replace what it or a browser set
                {"name": "fulfillmentStoreId", "value": store_number.zfill(4), "path": "/"},
                {"name": "shopping-method", "value": "clickAndCollect", "path": "/"},
            ],
        )

    def details_request(self, sku: str, store_id: str) -> Request:
        """Return a request for what the API knows of one product, at any store."""
        return self.graph_request("GetProductDetails", DETAILS_QUERY, {"storeId": store_id, "productId": sku})

    def product_request(self, sku: str, name: str) -> Request:
        """Return a request for a product's own page; only the number at the end of its address counts."""
        return Request(f"{self.base_url('site')}/product/{slug(name) or 'p'}-{sku}", headers=BROWSER_HEADERS)

    def turn_to_pages(self, problem: SiteError) -> None:
        """Read pages from now on, the API does not answer."""
        self.logger.warning("coles: the API does not answer, reading pages from now on: %s", problem)
        self.count("turned_to_pages", not self.reads_pages)
        self.reads_pages = True

    async def renew(self, request: Request, problem: SiteChangedError) -> Request | None:
        """Send the request again with what the site names now, if that is something else."""
        before = self.way_in
        stale_key = problem.status == 401 and KEY_HEADER in request.headers
        stale_build = problem.status == 404 and DATA_PATH in request.url
        if before is None or not (stale_key or stale_build):
            return None
        self.logger.info("%s: reading key and build id again (%s)", self.company, problem)
        self.count("renewals")
        now = await self.enter()
        if stale_key and now.key and now.key.encode() != request.headers[KEY_HEADER]:
            headers = request.headers.copy()
            headers[KEY_HEADER] = now.key
            return request.replace(headers=headers)
        if stale_build and f"/{now.build_id}/" not in request.url:
            return request.replace(url=request.url.replace(f"/{before.build_id}/", f"/{now.build_id}/"))
        return None
