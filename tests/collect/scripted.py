"""A site in Woolworths' form that answers exactly what a test wrote down."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Page = Mapping[str, Any]
REDIRECT: Page = {"status": 307}
AWAY: Page = {"status": 503}


def row(sku: int, department: str = "Pantry", *, store: int = 1147, **facts: Any) -> dict[str, Any]:
    return {
        "Stockcode": sku,
        "Name": f"Article {sku}",
        "Price": 2.5,
        "WasPrice": 2.5,
        "IsAvailable": True,
        "FulfilmentStoreId": store,
        "AdditionalAttributes": {"piesdepartmentnamesjson": json.dumps([department])},
        **facts,
    }


def page(total: int, *rows: Mapping[str, Any]) -> Page:
    return {"Bundles": [{"Products": [each]} for each in rows], "TotalRecordCount": total, "Success": True}


def tree(*departments: str) -> Page:
    """Departments that are their own leaves; a node's id is its name."""
    return {
        "Categories": [
            {"NodeId": name, "Description": name, "UrlFriendlyName": name.lower(), "Children": []}
            for name in departments
        ]
    }


class Site:
    """``listings``: the pages of each department; the last one is repeated for ever.

    ``REDIRECT`` leads to itself, ``AWAY`` is a 503 that asks to come back in an hour.
    """

    def __init__(self, listings: Mapping[str, Sequence[Page]]) -> None:
        self.listings = listings
        self.asked: list[tuple[str, int]] = []

    def answer(self, path: str, body: bytes) -> Page:
        if path == "/apis/ui/PiesCategoriesWithSpecials":
            return tree(*self.listings)
        question = json.loads(body)
        pages = self.listings[question["categoryId"]]
        self.asked.append((question["categoryId"], question["pageNumber"]))
        return pages[min(question["pageNumber"], len(pages)) - 1]


@contextmanager
def serving(site: Site) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({} if self.path == "/" else site.answer(self.path, b""))

        def do_POST(self) -> None:
            self._say(site.answer(self.path, self.rfile.read(int(self.headers["Content-Length"]))))

        def _say(self, page: Page) -> None:
            body = json.dumps(page).encode()
            self.send_response(page.get("status", 200))
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", self.path)
            self.send_header("Retry-After", "3600")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The test says what it needs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
