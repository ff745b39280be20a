"""What all commands share: the console, the database, progress, one clear line for an error."""

import os
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from splitcart.config import get_settings

if TYPE_CHECKING:  # a scraper host has no database packages
    from datetime import datetime

    import sqlalchemy as sa

PIPED_WIDTH = 1000  # characters: a row stays on one line for whatever program reads it


class _OutputConsole(Console):
    """A console that is as wide as its terminal or COLUMNS says, and wide enough for any row where a program reads."""

    @property
    def size(self) -> ConsoleDimensions:
        if self.is_terminal:
            return super().size
        columns = os.environ.get("COLUMNS", "")
        return ConsoleDimensions(int(columns) if columns.isdecimal() else PIPED_WIDTH, super().size.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    @property
    def width(self) -> int:
        return self.size.width

    @width.setter
    def width(self, width: int) -> None:
        self._width = width


# No markup and no emoji codes: a store's name or a path may hold brackets and colons.
console = _OutputConsole(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)
_opened = ExitStack()


def database() -> "sa.Engine":
    """Open the database that the settings name; ``close_databases`` closes it."""
    from splitcart.database import open_database

    settings = get_settings()
    engine = open_database(settings.resolved_database_url, settings.database_limits)
    _opened.callback(engine.dispose)
    return engine


def close_databases() -> None:
    """Close every database that this command line opened."""
    _opened.close()


def print_json(document: Any) -> None:
    """Print a document for programs: sorted keys, instants in ISO 8601."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(document, option=options).decode())


def print_line(line: str | Text) -> None:
    """Print one line that no terminal width breaks."""
    console.print(line, highlight=False, soft_wrap=True)


def print_refused(refused: Mapping[str, str]) -> None:
    """Print a line for each file (or other named thing) that was refused, with its reason."""
    for name, reason in refused.items():
        print_line(Text.assemble(("refused", "red"), f" {name}: {reason}"))


def make_table(*headings: str, right: Container[str] = (), **looks: Any) -> Table:
    """Return a table that folds what is too wide and cuts nothing; ``right`` names the columns of numbers."""
    columns = (Column(each, overflow="fold", justify="right" if each in right else "left") for each in headings)
    return Table(*columns, **looks)


def plain_table(*headings: str, right: Container[str] = (), title: str | None = None) -> Table:
    """Return a table without lines, so that it fits a terminal of 80 columns."""
    looks = {"title": title, "title_justify": "left", "box": None, "pad_edge": False, "padding": (0, 2, 0, 0)}
    return make_table(*headings, right=right, **looks)


def stamp(at: "datetime | None", *, days: bool = False) -> str:
    """An instant as people read it, in UTC, to the minute or (``days``) the day; nothing for None."""
    if at is None:
        return ""
    return f"{at:%Y-%m-%d}" if days else f"{at:%Y-%m-%d %H:%M}"


@contextmanager
def counting(unit: str, *, show: bool = True) -> Iterator[Callable[[str], None]]:
    """Show how many ``unit`` are done and which was the last; the answer is called with each one's name."""
    columns = (
        TextColumn("{task.completed} " + unit),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=errors, transient=True, disable=not (show and errors.is_terminal)) as bar:
        task = bar.add_task("", total=None)
        yield lambda name: bar.update(task, advance=1, description=name)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print one line on standard error and leave with ``exit_code``."""
    errors.print(Text.assemble(("error:", "bold red"), f" {message}"), soft_wrap=True, highlight=False)
    sys.exit(exit_code)
