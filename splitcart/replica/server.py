"""The replica sites over real HTTP on this machine."""

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self

import uvicorn

from splitcart.errors import FailedError, InputError
from splitcart.measures.clock import Clock
from splitcart.replica.market import Market
from splitcart.replica.sites.aldi import AldiSite
from splitcart.replica.sites.coles import ColesSite
from splitcart.replica.sites.front import Front, Site, Visit
from splitcart.replica.sites.iga import IgaSite
from splitcart.replica.sites.weather import Weather
from splitcart.replica.sites.woolworths import WoolworthsSite

HOST = "127.0.0.1"
START_SECONDS = 30


def make_sites(market: Market, clock: Clock, *, ignores_store: bool = False) -> dict[str, Site]:
    """Make the sites of the market's chains."""
    makers: dict[str, Callable[..., Site]] = {
        "aldi": AldiSite,
        "coles": ColesSite,
        "iga": IgaSite,
        "woolworths": WoolworthsSite,
    }
    return {chain: makers[chain](market, clock, ignores_store=ignores_store) for chain in market.chains}


class ReplicaServer:
    """All sites of a market on one loopback port, served from a thread of their own. A context manager.

    ``urls`` are the settings that point spiders at it. ``requests`` counts requests by (chain, store id or None),
    ``book`` keeps every visit. ``weather`` may be changed while it runs, and so may the switches of the ``sites``.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        weather: Weather | None = None,
        *,
        port: int = 0,
        ignores_store: bool = False,
    ) -> None:
        """Serve ``market`` as it is at the time of ``clock``, on ``port`` (0: a free one).

        ``ignores_store``: the sites answer for a store of their own choice, whatever store was asked for.
        """
        self.weather = weather or Weather()
        self.market, self._port, self._running = market, port, Event()
        self.sites = make_sites(market, clock, ignores_store=ignores_store)
        self._front = Front(self.sites, self.weather, clock)
        self._socket: socket.socket | None = None
        self._thread: Thread | None = None
        self._server = _Server(self._front, self._running)

    def __enter__(self) -> Self:
        self._socket = listen(self._port)
        self._port = self._socket.getsockname()[1]
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="replica", daemon=True)
        self._thread.start()
        if not self._running.wait(START_SECONDS):
            raise FailedError(f"the replica did not start within {START_SECONDS} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = self._server.force_exit = True
        if self._thread is not None:
            self._thread.join()

    @property
    def requests(self) -> Counter[tuple[str, str | None]]:
        """How many requests each store had; None counts those that asked for no store."""
        return self._front.requests

    @property
    def book(self) -> Sequence[Visit]:
        """The visits, the latest last."""
        return list(self._front.book)

    @property
    def url(self) -> str:
        """Where the server is; a port of 0 before it runs."""
        return f"http://{HOST}:{self._port}"

    @property
    def urls(self) -> dict[str, str]:
        """The settings that point spiders at this server."""
        return site_urls(self.url, self.market.chains)


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready."""

    def __init__(self, app: Front, ready: Event) -> None:
        # proxy_headers off: the front needs uvicorn's own send to reset a connection.
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,  # the process's own logging, which a server beside this one uses too
                log_level="warning",
                access_log=False,
                lifespan="off",
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


def listen(port: int) -> socket.socket:
    """Open a listening socket on loopback; raise InputError for a port that is taken or not a port."""
    # With the protocol named, asyncio turns Nagle's algorithm off; else each answer on loopback waits 40 ms for an ACK.
    opened = socket.socket(proto=socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
        opened.listen(512)
    except (OSError, OverflowError) as error:
        opened.close()
        raise InputError(
            f"cannot listen on {HOST}:{port}: {error}; choose another port, or 0 for a free one"
        ) from error
    return opened


def site_urls(base: str, chains: Sequence[str]) -> dict[str, str]:
    """The base URLs by the names of the settings that take them."""
    names = {
        "aldi": ("ALDI_API_URL", "ALDI_SITE_URL"),
        "coles": ("COLES_SITE_URL",),
        "iga": ("IGA_SITE_URL", "IGA_GATEWAY_URL", "IGA_STORES_URL"),
        "woolworths": ("WOOLWORTHS_SITE_URL",),
    }
    return {name: f"{base}/{chain}" for chain in chains for name in names[chain]}
