"""All commands in one place, and what happens to their errors."""

import logging
import sys
from importlib import import_module
from typing import Annotated

import typer

from splitcart import __version__
from splitcart.cli.common import close_databases, errors, fail
from splitcart.errors import FailedError, SplitCartError

GROUPS = ("inbox", "update", "group", "schedule", "generate", "archive", "products", "keys", "db")
COMMANDS = ("upload", "fetch", "history", "health", "serve", "replica", "demo")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Grocery prices for every store of a chain, without scraping every store. Spiders run with: scrapy crawl NAME",
)
for _name in GROUPS:
    app.add_typer(import_module(f"splitcart.cli.{_name}").app, name=_name)
for _name in COMMANDS:
    app.command(_name)(getattr(import_module(f"splitcart.cli.{_name}"), _name))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"splitcart {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and debug messages.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def main() -> None:
    """Run the command line; an error is one line on standard error and an exit code."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - a full disk, a lost database: nobody stands behind this door
        if "--debug" in sys.argv:
            errors.print_exception()
        if isinstance(error, SplitCartError):
            fail(str(error), error.exit_code)
        first_line = str(error).partition("\n")[0]
        fail(f"{type(error).__name__}: {first_line}; splitcart --debug … shows where", FailedError.exit_code)
    finally:
        close_databases()
