"""Where processes are killed: named steps of a file's way, put into the running program from outside."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Load = Literal["crawl", "plain", "twin", "untrue", "unknown"]


@dataclass(frozen=True)
class Step:
    """The moment before a function begins, or after it has returned; ``load``: the kind of file that gets there."""

    side: Literal["client", "server", "worker"]
    name: str
    module: str
    function: str
    when: Literal["before", "after"]
    load: Load = "crawl"


def _client(name: str, function: str, when: Any, load: Load = "crawl", module: str = "outbox") -> Step:
    return Step("client", name, f"splitcart.transfer.{module}", function, when, load)


def _server(name: str, function: str, when: Any, module: str = "splitcart.server.uploads") -> Step:
    return Step("server", name, module, function, when)


def _worker(name: str, function: str, when: Any, load: Load = "crawl", module: str = "splitcart.ingest.crawls") -> Step:
    return Step("worker", name, module, function, when, load)


STEPS = [
    _client("plain file compressed, not yet named", "publish", "before", "plain", "plain"),
    _client("compressed file named, the plain one still there", "publish", "after", "plain", "plain"),
    _client("hashed, nothing sent", "Client._send", "before", module="client"),
    _client("answer there, not looked at", "judge", "before", module="client"),
    _client("acknowledged, still in the outbox", "move_into", "before"),
    _client("among the sent files", "move_into", "after"),
    _client("refused, still in the outbox", "set_aside", "before", "untrue"),
    _client("refused, its reason written", "move_into", "before", "untrue", "inbox"),
    _client("refused and set aside", "set_aside", "after", "untrue"),
    _server("a piece came, not written", "_take", "before", "splitcart.server.receiving"),
    _server("a piece written", "_take", "after", "splitcart.server.receiving"),
    _server("all came, not synced", "_finish", "before", "splitcart.server.receiving"),
    _server("verified and synced", "_finish", "after", "splitcart.server.receiving"),
    _server("about to be named", "publish", "before", "splitcart.transfer.inbox"),
    _server("in the inbox, not written down", "accept", "after"),
    _server("written down, not acknowledged", "_answer", "before"),
    _server("kept, the answer made", "_keep", "after"),
    _worker("claimed and read, nothing stored", "CrawlIngester._ingest", "before"),
    _worker("copy written, not named", "publish", "before", module="splitcart.ingest.keeping"),
    _worker("copy kept, not committed", "publish", "after", module="splitcart.ingest.keeping"),
    _worker("all stored, not committed", "_finish", "after"),
    _worker("committed, still in the inbox", "CrawlIngester.ingest", "after"),
    _worker("gone from the inbox, still claimed", "FileLock.release", "before", module="splitcart.transfer.lock"),
    _worker("refused, still in the inbox", "reject", "before", "unknown", "splitcart.ingest.updates"),
    _worker("refused, its reason written", "move_into", "before", "unknown", "splitcart.transfer.inbox"),
    _worker("refused and rejected", "reject", "after", "unknown", "splitcart.ingest.updates"),
]


def die_at(step: Step, times: int) -> None:
    """Have this process killed, as by ``kill -9``, when it comes to ``step`` for the given time (from 1)."""
    *owners, name = step.function.split(".")
    owner: Any = import_module(step.module)
    for part in owners:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), step.when, times))


def _deadly(function: Callable[..., Any], when: str, times: int) -> Callable[..., Any]:
    left, lock = times, threading.Lock()

    def count() -> None:
        nonlocal left
        with lock:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def called(*args: Any, **options: Any) -> Any:
        if when == "before":
            count()
        result = function(*args, **options)
        if when == "after":
            count()
        return result

    return called
