"""A server that speaks scrapyd's API and runs nothing: its jobs are where the test says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ERROR = {"status": "error", "message": "no such thing"}


class ScriptedNode:
    """A node whose jobs wait for ever, until the test moves them on."""

    def __init__(self, host: str = "127.0.0.1", spiders: tuple[str, ...] = ("one", "two")) -> None:
        self.pending: list[dict[str, str]] = []
        self.running: list[dict[str, str]] = []
        self.finished: list[dict[str, str]] = []
        self.asked: list[dict[str, list[str]]] = []
        self.cancelled: list[str] = []
        self.spiders, self.refuses = spiders, False
        self.says: bytes | None = None  # to whatever it is asked
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(node.tell(urlsplit(self.path).path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(node.do(self.path, parse_qs(body)))

            def _answer(self, document: dict) -> None:
                content = node.says or json.dumps({"status": "ok", **document}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://{host}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def tell(self, path: str) -> dict:
        if path == "/listspiders.json":
            return {"spiders": list(self.spiders)} if self.spiders else ERROR
        return {"pending": self.pending, "running": self.running, "finished": self.finished}

    def do(self, path: str, body: dict[str, list[str]]) -> dict:
        if path == "/cancel.json":
            self.cancelled += body["job"]
            return {"prevstate": "pending"}
        self.asked.append(body)
        if self.refuses:
            return ERROR
        self.pending.append({"id": body["jobid"][0], "spider": body["spider"][0], "project": "splitcart"})
        return {"jobid": body["jobid"][0]}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
