"""What all commands share: the console, the database, one clear line for an error."""

import sys
from typing import NoReturn

import sqlalchemy as sa
from rich.console import Console

from splitcart.config import get_settings

console = Console()
errors = Console(stderr=True)


def database() -> sa.Engine:
    """Open the database that the settings name."""
    from splitcart.database import open_database

    return open_database(get_settings().resolved_database_url)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print one line on standard error and leave with ``exit_code``."""
    errors.print(f"[bold red]error:[/] {message}", soft_wrap=True, highlight=False)
    sys.exit(exit_code)
