"""``splitcart db``: the schema, what must hold of the rows, their sizes, and rebuilding from the kept files."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.text import Text

from splitcart.cli.common import (
    console,
    counting,
    database,
    make_table,
    print_json,
    print_line,
    print_refused,
)
from splitcart.cli.update_shown import show_post_processed
from splitcart.config import get_settings
from splitcart.errors import FailedError

if TYPE_CHECKING:
    from datetime import datetime

    from splitcart.database.statistics import ChainFreshness, TableSize
    from splitcart.ingest.invariants import Finding
    from splitcart.ingest.replay import Replay

app = typer.Typer(no_args_is_help=True, help="Look after the database.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def upgrade(as_json: AsJson = False) -> None:
    """Bring the schema of SPLITCART_DATABASE_URL to the newest revision."""
    from splitcart.database import create_engine
    from splitcart.database import upgrade as upgrade_schema

    settings = get_settings()
    engine = create_engine(settings.resolved_database_url, settings.database_limits)
    try:
        revision = upgrade_schema(engine)
    finally:
        engine.dispose()
    if as_json:
        print_json({"database": engine.url.render_as_string(), "revision": revision})
    else:
        print_line(f"the schema of {engine.url.render_as_string()} is current")


@app.command()
def replay(
    stores: Annotated[list[str] | None, typer.Argument(help="Stores, as company/store_id.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every store, and kept files that the database lacks.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild prices, history and coverage from the files kept below ingested/.

    With --all, brands and products are post-processed afterwards, as after an update.
    """
    from splitcart.cli.update import post_process_now
    from splitcart.ingest import CrawlIngester
    from splitcart.ingest.replay import replay_all, replay_stores

    if bool(stores) == everything:
        raise typer.BadParameter("name stores as company/store_id, or give --all")
    settings = get_settings()
    engine = database()
    ingester = CrawlIngester(engine, settings.data_dir, settings.clock())
    with counting("done", show=not as_json) as advance:
        result = replay_all(ingester, advance) if everything else replay_stores(ingester, stores or [], advance)
    if everything:
        result.recovered.post_processed = post_process_now(engine)
    if as_json:
        print_json({"stores": result.stores, "crawls": result.crawls, "recovered": result.recovered.as_json()})
    else:
        _show_replay(result)
    if result.recovered.problems:
        raise FailedError(f"{len(result.recovered.problems)} stores or kept files could not be replayed")


def _show_replay(result: Replay) -> None:
    print_line(
        f"{result.stores} stores rebuilt from {result.crawls} crawls; {len(result.recovered.crawls)} files recovered"
    )
    if any(result.recovered.post_processed.values()):
        show_post_processed(result.recovered.post_processed)
    print_refused(result.recovered.problems)


@app.command()
def check(
    no_files: Annotated[bool, typer.Option("--no-files", help="Leave the kept files unread.")] = False,
    as_json: AsJson = False,
) -> None:
    """Verify what must hold of the rows and the kept files; say what is wrong, and what to run."""
    from splitcart.database import reading
    from splitcart.ingest.invariants import check_database

    settings = get_settings()
    with reading(database()) as session, counting("checks", show=not as_json) as advance:
        findings = []
        for finding in check_database(session, None if no_files else settings.data_dir):
            findings.append(finding)
            advance(finding.check)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _show_findings(findings)
    wrong = sum(bool(finding.problems) for finding in findings)
    if wrong:
        raise FailedError(f"{wrong} of {len(findings)} checks found something; what to run stands with each")


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Show rows, size and newest instant of every table, and how fresh the data of every chain is."""
    from splitcart.database import reading
    from splitcart.database.statistics import chain_freshness, database_size, table_sizes

    with reading(database()) as session:
        size_bytes = database_size(session)
        tables, chains = table_sizes(session), chain_freshness(session)
    if as_json:
        print_json(
            {
                "size_bytes": size_bytes,
                "tables": [asdict(table) for table in tables],
                "chains": [asdict(chain) for chain in chains],
            }
        )
    else:
        print_line(f"the database takes {decimal(size_bytes)}")
        _show_tables(tables)
        _show_chains(chains)


@app.command()
def vacuum(
    full: Annotated[
        bool,
        typer.Option("--full", help="Give free space back to the disk; nobody else can work meanwhile."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Free the space of dead rows and refresh what the query planner goes by; after retention, and weekly."""
    from splitcart.database import only_one, reading
    from splitcart.database.engine import explaining
    from splitcart.database.statistics import database_size
    from splitcart.database.statistics import vacuum as vacuum_tables

    engine = database()
    sizes = []
    with only_one(engine, "db vacuum"), explaining(engine):
        for step in ("before", "after"):
            if step == "after":
                vacuum_tables(engine, full=full)
            with reading(engine) as session:
                sizes.append(database_size(session))
    if as_json:
        print_json({"size_bytes_before": sizes[0], "size_bytes": sizes[1]})
    else:
        print_line(f"vacuumed and analysed; the database takes {decimal(sizes[1])}, before {decimal(sizes[0])}")


@app.command()
def retain(
    keep_months: Annotated[
        int, typer.Option("--keep-months", help="How many whole months of history to keep before the present one.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Retire old history: archive each month to a file below retired/, then drop it, and thin its coverage."""
    from splitcart.database import only_one
    from splitcart.ingest.retention import retire_history

    settings = get_settings()
    engine = database()
    with only_one(engine, "db retain"):
        result = retire_history(engine, settings.data_dir, keep_months, settings.clock())
    if as_json:
        print_json(result.as_dict())
        return
    for file, (month, rows) in zip(result.files, result.months.items(), strict=True):
        print_line(f"{month}: {rows:,} intervals archived to {settings.data_dir / file}")
    print_line(
        f"history is kept from {result.horizon:%Y-%m-%d} UTC on; {result.intervals:,} intervals dropped,"
        f" {result.coverage:,} coverage rows thinned"
    )


def _show_findings(findings: list[Finding]) -> None:
    for finding in findings:
        if not finding.problems:
            print_line(Text.assemble(("ok", "green"), f" {finding.check}"))
            continue
        more = finding.problems - len(finding.examples)
        listed = "; ".join(finding.examples) + (f" and {more:,} more" if more else "")
        print_line(Text.assemble(("wrong", "red"), f" {finding.check}: {finding.problems:,} found ({listed})"))
        print_line(f"  {finding.run}")


def _show_tables(tables: list[TableSize]) -> None:
    rows = make_table("table", "rows", "size", "a row", "newest (UTC)", right={"rows", "size", "a row"})
    for table in tables:
        if table.rows:
            size = "" if table.size_bytes is None else decimal(table.size_bytes)
            per_row = "" if table.size_bytes is None else f"{table.size_bytes / table.rows:,.0f} B"
            rows.add_row(table.name, f"{table.rows:,}", size, per_row, _instant(table.newest))
    console.print(rows)


def _show_chains(chains: list[ChainFreshness]) -> None:
    numbers = ("stores", "covered", "skus", "crawls")
    rows = make_table("chain", *numbers, "newest coverage (UTC)", "oldest", right=set(numbers))
    for chain in chains:
        counts = (chain.stores, chain.covered_stores, chain.skus, chain.crawls)
        rows.add_row(chain.company, *(f"{count:,}" for count in counts), _instant(chain.newest), _instant(chain.oldest))
    console.print(rows)


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
