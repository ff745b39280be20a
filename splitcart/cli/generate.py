"""``splitcart generate``: derive from what is stored; here the clusters of stores and their maps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads the annotations of a command
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from splitcart.cli.common import console, database, errors, make_table, print_json
from splitcart.config import get_chain, get_chains, get_settings
from splitcart.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from scheduler import ClusterReport
    from splitcart.config import Chain

app = typer.Typer(no_args_is_help=True, help="Derive clusters and maps from what is stored.")

Company = Annotated[str | None, typer.Option("--company", help="Only this company, by its slug (aldi, coles …).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("clusters")
def clusters_command(
    company: Company = None,
    crawls: Annotated[
        int | None,
        typer.Option(
            "--crawls",
            min=0,
            help="How many stores of each company are crawled a day, in place of the chain's crawls_a_day: larger"
            " clusters than one comparison window can hold are cut into pieces. 0: cut nothing.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the dense areas of each chain's stores anew; a cluster keeps its id while most of its stores remain."""
    from scheduler import update_clusters
    from splitcart.database import transaction

    documents = {}
    with _chains(company, "generate clusters") as (engine, chains):
        for chain in chains:
            with transaction(engine) as session:
                report = update_clusters(session, chain, get_settings().clock(), crawls)
            documents[chain.slug] = asdict(report)
            if not as_json:
                _print(report)
    if as_json:
        print_json(documents)


@app.command("map")
def map_command(
    company: Company = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder for the pictures, in place of SPLITCART_DATA_DIR/maps."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw each chain's clusters as a PNG: COMPANY_clusters.png."""
    from scheduler import draw_map, read_clusters
    from splitcart.database import reading

    folder = out or get_settings().folder("maps")
    documents = {}
    with _chains(company, "generate map") as (engine, chains):
        for chain in chains:
            with reading(engine) as session:
                report = read_clusters(session, chain, get_settings().clock())
            path = _drawn(draw_map, report, folder / f"{chain.slug}_clusters.png")
            documents[chain.slug] = {"path": str(path), **_counts(report)}
            if as_json:
                continue
            if not report.clusters:
                console.print(f"{chain.slug} has no clusters; run: splitcart generate clusters", soft_wrap=True)
            console.print(f"{path}: {_summary(report)}", soft_wrap=True)
    if as_json:
        print_json(documents)


def _drawn(draw: Callable[[ClusterReport, Path], Path], report: ClusterReport, path: Path) -> Path:
    try:
        return draw(report, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; expected a folder that can be written") from error


@contextmanager
def _chains(company: str | None, job: str) -> Iterator[tuple[Engine, Sequence[Chain]]]:
    """Open the database for a job that runs once at a time; choose the chains that have stores to scrape, or one."""
    import sqlalchemy as sa

    from scheduler import has_stores
    from splitcart.database import only_one, reading
    from splitcart.database.models import Company as CompanyRow
    from splitcart.database.models import Store

    named = [get_chain(company)] if company else None
    engine = database()
    try:
        with reading(engine) as session:
            stored = set(session.scalars(sa.select(CompanyRow.slug).join(Store, Store.company_id == CompanyRow.id)))
            known = [chain for slug, chain in get_chains().items() if slug in stored]
            chains = named or [chain for chain in known if has_stores(session, chain)] or known
        for chain in () if named else known:
            if chain not in chains:
                where = f"in {' or '.join(chain.divisions_kept)}" if chain.divisions_kept else "known"
                errors.print(f"{chain.slug}: left out, no active store of it is {where}", soft_wrap=True)
        if not chains:
            raise InputError("no store is stored yet; run: scrapy crawl aldi_stores, then: splitcart update stores")
        with only_one(engine, job):
            yield engine, chains
    finally:
        engine.dispose()


def _print(report: ClusterReport) -> None:
    console.print(Text.assemble((report.company, "bold"), f": {_summary(report)}"), soft_wrap=True)
    clusters = make_table("cluster", "stores", "change", right={"stores"})
    changes = dict.fromkeys(report.created, "new") | {name: f"was {old}" for name, old in report.renamed.items()}
    for name, stores in report.clusters.items():
        clusters.add_row(name, str(len(stores)), changes.get(name, ""))
    for name in report.ended:
        clusters.add_row(name, "0", "ended")
    console.print(clusters)
    if report.isolated or report.invalid:
        _print_left_out(report)


def _print_left_out(report: ClusterReport) -> None:
    console.print(Text.assemble((report.company, "bold"), ": stores in no cluster"))
    left_out = make_table("store", "name", "why")
    for store, reason in report.invalid:
        left_out.add_row(store.store_id, store.name, Text(reason, "red"))
    for store in report.isolated:
        left_out.add_row(store.store_id, store.name, f"isolated at {store.latitude:.4f}, {store.longitude:.4f}")
    console.print(left_out)


def _counts(report: ClusterReport) -> dict[str, int]:
    return {
        "clustered": sum(map(len, report.clusters.values())),
        "clusters": len(report.clusters),
        "isolated": len(report.isolated),
        "invalid": len(report.invalid),
    }


def _summary(report: ClusterReport) -> str:
    return (
        "{clustered} stores in {clusters} clusters, {isolated} isolated, {invalid} with coordinates that cannot be used"
    ).format(**_counts(report))
