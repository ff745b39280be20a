"""``splitcart serve``: the server."""

from typing import Annotated

import typer

from splitcart.config import get_settings


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a TLS proxy before anything but loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer; they share rates, counts and locks.")
    ] = 1,
) -> None:
    """Take uploads, lease stores, publish over HTTP, until interrupted. Requests that run then are answered first."""
    from splitcart.server import serve as run

    run(get_settings(), host, port, workers)
