"""``splitcart health``: is every chain's data fresh? For people, and for cron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from splitcart.cli.common import console, database, make_table, plain_table, print_json, print_line, stamp
from splitcart.config import get_chain, get_chains, get_settings

if TYPE_CHECKING:
    from scheduler import ChainHealth

NUMBERS = ("stores", "covered", "fresh", "failing", "streak", "age (h)", "categories", "failures")


def health(
    company: Annotated[
        str | None, typer.Option("--company", help="Only this company, by its slug, and each of its stores.")
    ] = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="Send a notice of what is wrong, as the settings say.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs, with each store.")] = False,
) -> None:
    """Show how fresh each chain and store is, what fails, and what is covered; exit code 1 when a chain is not well."""
    from scheduler import read_health
    from splitcart.database import reading
    from splitcart.notices import Notice, send_notice

    settings = get_settings()
    chains = [get_chain(company)] if company else list(get_chains().values())
    with reading(database()) as session:
        healths = [read_health(session, chain, settings.clock()) for chain in chains]
    if as_json:
        print_json({each.company: each for each in healths})
    else:
        _show(healths)
        if company:
            _show_stores(healths[0])
    problems = [f"{each.company}: {problem}" for each in healths for problem in each.problems]
    if problems and notify:
        send_notice(settings, Notice(source="splitcart health", lines=problems))
    if problems:
        raise typer.Exit(1)


def _show(healths: list[ChainHealth]) -> None:
    table = make_table(
        "chain", "stores", "covered", "fresh", "failing", "newest (UTC)", "oldest (UTC)", "streak", right=NUMBERS
    )
    for each in healths:
        counts = map(str, (each.stores, each.covered, each.fresh, each.failing))
        table.add_row(each.company, *counts, stamp(each.newest), stamp(each.oldest), str(each.failure_streak))
    console.print(table)
    for each in healths:
        for problem in each.problems:
            print_line(Text.assemble((each.company, "bold red"), f": {problem}"))
    if not any(each.problems for each in healths):
        print_line("all chains are well")


def _show_stores(chain: ChainHealth) -> None:
    table = plain_table(
        "store",
        "name",
        "covered (UTC)",
        "age (h)",
        "categories",
        "failures",
        "last",
        right=NUMBERS,
        title=chain.company,
    )
    for line in chain.lines:
        age = "" if line.age_hours is None else f"{line.age_hours:.0f}"
        failures = str(line.failures or "")
        covered = f"{line.categories} of {chain.categories}"
        table.add_row(line.store_id, line.name, stamp(line.covered_at), age, covered, failures, line.last_failure or "")
    console.print(table)
