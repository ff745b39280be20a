"""What all commands share: the console, the database, progress, one clear line for an error."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from splitcart.config import get_settings

if TYPE_CHECKING:  # a scraper host has no database packages
    import sqlalchemy as sa

console = Console()
errors = Console(stderr=True)
_opened = ExitStack()


def database() -> "sa.Engine":
    """Open the database that the settings name; ``close_databases`` closes it."""
    from splitcart.database import open_database

    engine = open_database(get_settings().resolved_database_url)
    _opened.callback(engine.dispose)
    return engine


def close_databases() -> None:
    """Close every database that this command line opened."""
    _opened.close()


def print_json(document: Any) -> None:
    """Print a document for programs: sorted keys, instants in ISO 8601."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(document, option=options).decode())


def print_line(markup: str) -> None:
    """Print one line that no terminal width breaks; text from elsewhere in it must be escaped."""
    console.print(markup, highlight=False, soft_wrap=True)


def print_refused(refused: Mapping[str, str]) -> None:
    """Print a line for each file (or other named thing) that was refused, with its reason."""
    for name, reason in refused.items():
        print_line(f"[red]refused[/] {escape(name)}: {escape(reason)}")


@contextmanager
def counting(unit: str, *, show: bool = True) -> Iterator[Callable[[str], None]]:
    """Show how many ``unit`` are done and which was the last; the answer is called with each one's name."""
    columns = (
        TextColumn("{task.completed} " + unit),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=errors, transient=True, disable=not (show and errors.is_terminal)) as bar:
        task = bar.add_task("", total=None)
        yield lambda name: bar.update(task, advance=1, description=escape(name))


def fail(message: str, exit_code: int) -> NoReturn:
    """Print one line on standard error and leave with ``exit_code``."""
    errors.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True, highlight=False)
    sys.exit(exit_code)
