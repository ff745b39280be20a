"""Servers in processes of their own, which can be killed, starved and interrupted."""

import logging
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from splitcart.config import Settings
from splitcart.database import create_engine
from splitcart.measures.clock import system_clock
from splitcart.server import BackgroundServer, create_app, serve
from tests.children import children

ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Running:
    """A server; ``pipe`` ends it in good order when something is sent into it."""

    process: BaseProcess
    pipe: Connection
    url: str

    def end(self) -> None:
        self.pipe.send("end")
        self.process.join(ANSWER_SECONDS)
        assert self.process.exitcode == 0


def run_server(settings: Settings, database_url: str, port: int = 0) -> Running:
    """Serve in a process of its own, on a database that is there."""
    pipe, theirs = children.Pipe()
    process = children.Process(target=_serve, args=(settings, database_url, port, theirs), daemon=True)
    process.start()
    assert pipe.poll(ANSWER_SECONDS), "the server does not start"
    return Running(process, pipe, f"http://127.0.0.1:{pipe.recv()}")


def run_in_foreground(settings: Settings) -> Running:
    """Run what ``splitcart serve`` runs, on a free port; it is the first thing that its log tells."""
    pipe, theirs = children.Pipe()
    process = children.Process(target=_serve_in_foreground, args=(settings, theirs), daemon=True)
    process.start()
    assert pipe.poll(ANSWER_SECONDS), "the server does not start"
    return Running(process, pipe, pipe.recv().removeprefix("serving on "))


def _serve_in_foreground(settings: Settings, pipe: Connection) -> None:
    def pass_on(record: logging.LogRecord) -> bool:
        pipe.send(record.getMessage())
        return True

    logging.getLogger(serve.__module__).addFilter(pass_on)
    serve(settings, "127.0.0.1", 0)


def _serve(settings: Settings, database_url: str, port: int, pipe: Connection) -> None:
    app = create_app(settings, create_engine(database_url), system_clock)
    with BackgroundServer(app, port=port) as server:
        pipe.send(server.port)
        pipe.recv()
