"""A mail server and a webhook for tests: real sockets, and what came in."""

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def mail_server(offers: tuple[str, ...] = ()) -> Iterator[tuple[str, list[EmailMessage], list[str]]]:
    """Speak SMTP; the answer is (its URL's host and port, the mails, all commands)."""
    mails: list[EmailMessage] = []
    commands: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        def handle(self) -> None:
            self.say("220 ready")
            while line := self.rfile.readline():
                words = line.decode().strip()
                commands.append(words)
                verb = words.split()[0].upper()
                if verb == "EHLO":
                    for each in ("here", *offers):
                        self.say(f"250-{each}")
                    self.say("250 HELP")
                elif verb == "AUTH":
                    self.say("235 welcome")
                elif verb == "DATA":
                    self.say("354 go on")
                    body = b"".join(iter(self.rfile.readline, b".\r\n"))
                    mails.append(message_from_bytes(body, policy=policy.default))
                    self.say("250 taken")
                else:
                    self.say("221 bye" if verb == "QUIT" else "250 well")

    with _serving(socketserver.TCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"127.0.0.1:{port}", mails, commands


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Take JSON; the answer is (its URL, what was posted)."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test says what it needs."""

    with _serving(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/hooks/secret", posted
