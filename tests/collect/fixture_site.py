"""A site that answers each path with the body of a fixture."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

FIXTURES = Path(__file__).parents[1] / "fixtures"


@contextmanager
def fixture_site(folder: Path, routes: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Serve ``folder/{routes[path]}/input.json``; the answer is (its URL, the paths that were asked for)."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            case = routes.get(self.path.partition("?")[0])
            body = (folder / case / "input.json").read_bytes() if case else b"{}"
            self.send_response(200 if case else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The test says what it needs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
