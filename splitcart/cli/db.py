"""``splitcart db``: the schema, and rebuilding from the kept files."""

from typing import Annotated

import typer

from splitcart.cli.common import counting, database, print_line, print_refused
from splitcart.config import get_settings
from splitcart.errors import FailedError

app = typer.Typer(no_args_is_help=True, help="Look after the database.")


@app.command()
def upgrade() -> None:
    """Bring the schema of SPLITCART_DATABASE_URL to the newest revision."""
    from splitcart.database import create_engine
    from splitcart.database import upgrade as upgrade_schema

    settings = get_settings()
    engine = create_engine(settings.resolved_database_url, settings.database_limits)
    try:
        upgrade_schema(engine)
    finally:
        engine.dispose()
    print_line(f"the schema of {engine.url.render_as_string()} is current")


@app.command()
def replay(
    stores: Annotated[list[str] | None, typer.Argument(help="Stores, as company/store_id.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every store, and kept files that the database lacks.")
    ] = False,
) -> None:
    """Rebuild prices, history and coverage from the files kept below ingested/."""
    from splitcart.ingest import CrawlIngester
    from splitcart.ingest.replay import replay_all, replay_stores

    if bool(stores) == everything:
        raise typer.BadParameter("name stores as company/store_id, or give --all")
    settings = get_settings()
    ingester = CrawlIngester(database(), settings.data_dir, settings.clock())
    with counting("done") as advance:
        result = replay_all(ingester, advance) if everything else replay_stores(ingester, stores or [], advance)
    print_line(
        f"{result.stores} stores rebuilt from {result.crawls} crawls; {len(result.recovered.crawls)} files recovered"
    )
    print_refused(result.recovered.problems)
    if result.recovered.problems:
        raise FailedError(f"{len(result.recovered.problems)} stores or kept files could not be replayed")
