"""Running the application: in the foreground, or in a thread beside something else."""

import logging
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from splitcart.config import Settings, get_settings
from splitcart.database import open_database
from splitcart.errors import FailedError
from splitcart.server.app import create_app

BACKLOG = 512
KEEP_ALIVE_SECONDS = 30
WORKER_APP = "splitcart.server.serve:worker_app"
PROXIES = ["127.0.0.1", "::1"]  # whose X-Forwarded-For is believed
GRACE_SECONDS = 30  # for requests that run when the server is told to stop

logger = logging.getLogger(__name__)

# uvicorn's own, with our rooms speaking the same way.
_LOGGING: dict[str, Any] = {
    **uvicorn.config.LOGGING_CONFIG,
    "loggers": {
        **uvicorn.config.LOGGING_CONFIG["loggers"],
        "splitcart": {"handlers": ["default"], "level": "INFO", "propagate": False},
    },
}


def serve(settings: Settings, host: str, port: int, workers: int = 1) -> None:
    """Serve until interrupted; raise InputError without a key, FailedError where the address cannot be had.

    Several ``workers`` are processes that take connections from one listener; they read the settings anew.
    """
    engine = open_database(settings.resolved_database_url, settings.database_limits)
    try:
        app = create_app(settings, engine, settings.clock())  # also where workers serve: what is wrong shows here
        with _listen(host, port) as listener:
            config = _config(app if workers == 1 else WORKER_APP, _LOGGING, workers)
            logger.info("serving on %s", _url(listener))
            if workers == 1:
                uvicorn.Server(config).run([listener])
            else:
                _run_workers(config, listener)
    finally:
        engine.dispose()


def _run_workers(config: uvicorn.Config, listener: socket.socket) -> None:
    crew = Multiprocess(config, [listener])
    crew.run()
    if any(process.exitcode == STARTUP_FAILURE for process in crew.processes):
        raise FailedError("a worker could not start; the lines above say why")


def worker_app() -> FastAPI:
    """Return the application of one worker process."""
    settings = get_settings()
    engine = open_database(settings.resolved_database_url, settings.database_limits)
    return create_app(settings, engine, settings.clock())


class BackgroundServer:
    """The application in a thread of this process, on a port of its own choice: for the demo and for tests.

    As a context manager it runs from entering to leaving; ``url`` is good from the start, since connections wait until
    it listens to them.
    """

    def __init__(self, app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = _listen(host, port)
        self.port: int = self._listener.getsockname()[1]
        self.url = _url(self._listener)
        self._server = uvicorn.Server(_config(app, None))  # logging is the caller's
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), name="splitcart-server")

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let running requests end, then stop."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _url(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _config(app: FastAPI | str, log_config: dict[str, Any] | None, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        forwarded_allow_ips=PROXIES,
        log_config=log_config,
        ws="none",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise FailedError(f"cannot listen on {host} port {port}: {error.strerror or error}; choose another") from error
    # Connections inherit it: no answer waits for the acknowledgement of its own headers (Nagle's algorithm).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
