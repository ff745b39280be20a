"""``splitcart archive``: publish store lists and prices as JSON files with schemas and a manifest."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from splitcart.cli.common import console, database
from splitcart.config import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    import archive

app = typer.Typer(no_args_is_help=True, help="Publish company and store archives below SPLITCART_DATA_DIR/archive.")

Company = Annotated[str | None, typer.Option("--company", help="Only this company, by its slug (aldi, coles …).")]
Store = Annotated[str | None, typer.Option("--store", help="Only this store, by its id or slug (COL:404, col-404).")]
Rebuild = Annotated[bool, typer.Option("--rebuild", help="Write stores whose data did not change anew, too.")]
IncludeInactive = Annotated[
    bool, typer.Option("--include-inactive", help="Stores that their chain no longer lists, too.")
]


@app.command("company")
def company_command(company: Company = None) -> None:
    """Publish the store list of every company, or of one."""
    from archive import build_company

    with _reading() as session:
        report = build_company(session, company, get_settings().folder("archive"))
    _print(report)


@app.command("stores")
def stores_command(
    company: Company = None,
    store: Store = None,
    rebuild: Rebuild = False,
    include_inactive: IncludeInactive = False,
) -> None:
    """Publish the products and prices of every active store, of one company's stores, or of one store."""
    from archive import build_stores

    with _reading() as session, _progress() as progress:
        report = build_stores(
            session,
            get_settings().folder("archive"),
            company,
            store,
            progress,
            rebuild=rebuild,
            include_inactive=include_inactive,
        )
    _print(report)


@app.command("all")
def all_command(rebuild: Rebuild = False, include_inactive: IncludeInactive = False) -> None:
    """Publish all companies and stores in one step."""
    from archive import build_all

    with _reading() as session, _progress() as progress:
        folder = get_settings().folder("archive")
        report = build_all(session, folder, progress, rebuild=rebuild, include_inactive=include_inactive)
    _print(report)


@contextmanager
def _reading() -> Iterator[Session]:
    from splitcart.database import reading

    engine = database()
    try:
        with reading(engine) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def _progress() -> Iterator[archive.Progress]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("archive")
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name)


def _print(report: archive.BuildReport) -> None:
    changes = f"{len(report.changed)} changed, {report.unchanged} unchanged, {len(report.removed)} removed"
    as_of = f"{report.as_of:%Y-%m-%d %H:%M} UTC" if report.as_of else "no observation yet"
    console.print(
        f"{report.folder}: {changes}; {report.files} files, {decimal(report.size_bytes)}, as of {as_of}", soft_wrap=True
    )
    if report.without_prices:
        console.print(f"{report.without_prices} stores have no prices yet: no crawl has covered them")
