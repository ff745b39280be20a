"""``splitcart group reanalyse``: the groups as the latest coverage alone gives them, and what that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, database, plain_table, print_json, print_line
from splitcart.config import get_chain, get_settings

if TYPE_CHECKING:
    from grouping.reanalyse import Reanalysis


def reanalyse_command(
    company: Annotated[str, typer.Option("--company", help="The company, by its slug (aldi, coles …).")],
    apply: Annotated[bool, typer.Option("--apply", help="Bring the groups to it; else nothing is changed.")] = False,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Share the work on the Dask cluster of this scheduler."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Group all stores anew by their latest coverage, and show what differs from the present groups.

    Meant for a weekly cron job; crawls of the company wait to be taken in meanwhile.
    """
    from grouping.answering import answer_here, answer_on_dask
    from grouping.reanalyse import reanalyse

    chain = get_chain(company)
    answering = answer_on_dask(dask) if dask else answer_here
    report = reanalyse(database(), chain, get_settings().clock(), apply=apply, answering=answering)
    if as_json:
        print_json(report.as_dict())
    else:
        _print_report(report)


def _print_report(report: Reanalysis) -> None:
    print_line(
        f"{report.company}: {report.stores:,} stores with {report.distinct_lists:,} different price lists;"
        f" {report.stars:,} lists are shared"
    )
    if report.moved:
        table = plain_table("store", "from", "to")
        for store_id, (before, after) in report.moved.items():
            table.add_row(store_id, before or "(no group)", after or "(no group)")
        console.print(table)
    lines = [f"founded {name} with {', '.join(stores)}" for name, stores in report.founded.items()]
    lines += [f"merged {name} into {survivor}" for name, survivor in report.merged.items()]
    lines += [f"dissolved {name}" for name in report.dissolved]
    lines += [f"undecided, so left in place: {', '.join(report.undecided)}"] if report.undecided else []
    for line in lines:
        print_line(line)
    if not report.changes:
        print_line("the groups are as the latest coverage has them")
    elif not report.applied:
        print_line("nothing was changed; --apply does it")
