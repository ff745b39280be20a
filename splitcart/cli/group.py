"""``splitcart group``: which stores share a price list, how sure that is, and how well inference did."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from splitcart.cli.common import console, database, plain_table, print_json, stamp
from splitcart.cli.group_explain import explain_command
from splitcart.cli.group_history import history_command, print_accuracy, print_events
from splitcart.cli.group_reanalyse import reanalyse_command
from splitcart.cli.group_report import report_command
from splitcart.config import get_chain, get_chains, get_settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from grouping.overview import GroupDetails, GroupLine
    from grouping.run import RunReport
    from grouping.seed import SeedReport
    from splitcart.config import Chain

app = typer.Typer(no_args_is_help=True, help="Find stores that share a price list, and check that they still do.")

Company = Annotated[str | None, typer.Option("--company", help="Only this company, by its slug (aldi, coles …).")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@app.command("seed")
def seed_command(
    company: Company = None,
    how: Annotated[
        Literal["singletons", "geographic"],
        typer.Option(
            "--how", help="singletons: every store alone, merging does the rest; geographic: one per cluster."
        ),
    ] = "singletons",
    as_json: Json = False,
) -> None:
    """Make the first groups of every company, or of one; each must have none yet."""
    from grouping.seed import seed

    engine = database()
    try:
        chains = [get_chain(company)] if company else _known_chains(engine)
        reports = [seed(engine, chain, how, get_settings().clock()) for chain in chains]
    finally:
        engine.dispose()
    if as_json:
        print_json([report.as_dict() for report in reports])
        return
    for report in reports:
        _print_seed(report)


@app.command("run")
def run_command(company: Company = None, as_json: Json = False) -> None:
    """Judge the waiting candidates, re-home rogues, found and merge groups, settle audits."""
    from grouping.run import run_groups

    engine = database()
    try:
        chains = [get_chain(company)] if company else _known_chains(engine)
        reports = [run_groups(engine, chain, get_settings().clock()) for chain in chains]
    finally:
        engine.dispose()
    if as_json:
        print_json([report.as_dict() for report in reports])
        return
    for report in reports:
        _print_run(report)


@app.command("list")
def list_command(
    company: Company = None,
    ended: Annotated[bool, typer.Option("--ended", help="Groups that were dissolved or merged, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the groups with their Ambassador, status, last check, and how often their inferences were right."""
    from grouping.overview import list_groups
    from splitcart.database import reading

    slug = get_chain(company).slug if company else None
    engine = database()
    try:
        with reading(engine) as session:
            lines = list_groups(session, slug, ended=ended)
    finally:
        engine.dispose()
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    _print_list(lines)


@app.command("show")
def show_command(
    group_id: Annotated[int, typer.Argument(help="The group's id, as splitcart group list shows it.")],
    events: Annotated[int, typer.Option("--events", min=0, help="How many of its newest log entries to show.")] = 30,
    as_json: Json = False,
) -> None:
    """Show one group: its members, their exceptions, its accuracy over time, and what was decided about it."""
    from grouping.overview import show_group
    from splitcart.database import reading

    engine = database()
    try:
        with reading(engine) as session:
            details = show_group(session, group_id, events)
    finally:
        engine.dispose()
    print_json(asdict(details)) if as_json else _print_group(details)


app.command("explain")(explain_command)
app.command("history")(history_command)
app.command("report")(report_command)
app.command("reanalyse")(reanalyse_command)


def _known_chains(engine: sa.Engine) -> list[Chain]:
    """The chains of which the database has a company."""
    import sqlalchemy as sa

    from splitcart.database import reading
    from splitcart.database.models import Company as CompanyRow

    with reading(engine) as session:
        slugs = set(session.scalars(sa.select(CompanyRow.slug)))
    return [chain for slug, chain in sorted(get_chains().items()) if slug in slugs]


def _print_seed(report: SeedReport) -> None:
    if report.how == "singletons":
        console.print(f"{report.company}: every store stands alone; splitcart group run finds the groups")
        return
    table = plain_table(
        "group",
        "confirmed",
        "not known yet",
        "other list",
        title=f"{report.company}: one group per cluster",
    )
    for name, confirmed in report.confirmed.items():
        table.add_row(
            name, *(str(len(stores)) for stores in (confirmed, report.unconfirmed[name], report.left_out[name]))
        )
    console.print(table)
    if report.uncovered_clusters:
        console.print(f"no complete coverage yet, so no group: {', '.join(report.uncovered_clusters)}", soft_wrap=True)


def _print_run(report: RunReport) -> None:
    table = plain_table("group", "status", "Ambassador", "verdicts", "news", title=f"{report.company}: checks")
    for group in report.groups:
        verdicts = {
            "confirmed": group.confirmed_matches,
            "rogue": group.potential_rogues,
            "pending": group.pending,
            "expired": group.expired,
            "ejected": group.ejected,
        }
        told = "; ".join(f"{kind} {', '.join(stores)}" for kind, stores in verdicts.items() if stores)
        status = "dissolved" if group.dissolved else group.status
        table.add_row(group.name, status, group.ambassador or "", told, str(group.news or ""))
    if report.groups:
        console.print(table)
    lines = [f"founded {name} with {', '.join(stores)}" for name, stores in report.founded.items()]
    lines += [f"{store_id} joined {name}" for store_id, name in report.joined.items()]
    for name, stores in report.category_joined.items():
        lines.append(f"{', '.join(stores)} joined {name}")
    lines += [f"{name} merged into {survivor}" for name, survivor in report.merged.items()]
    lines += [f"{store_id} is back in {name} with exceptions" for store_id, name in report.excepted.items()]
    lines += [f"{store_id} is an outlier" for store_id in report.outliers]
    lines += [f"{store_id} closed and left its group" for store_id in report.inactive]
    if report.audits_settled:
        lines.append(f"{report.audits_settled} audits settled")
    for line in lines or ["nothing else changed"]:
        console.print(f"{report.company}: {line}", soft_wrap=True, highlight=False)


def _print_list(lines: list[GroupLine]) -> None:
    columns = ("id", "group", "members", "Ambassador", "status", "checked", "accuracy", "waiting")
    groups = plain_table(*columns)
    for line in lines:
        groups.add_row(
            str(line.id),
            line.name,
            str(line.members) + (f" ({line.unconfirmed} unconfirmed)" if line.unconfirmed else ""),
            line.ambassador or "",
            line.status if line.is_active else "ended",
            stamp(line.last_checked_at),
            "" if line.accuracy is None else f"{line.accuracy:.2%} of {line.audited:,}",
            str(line.candidates or ""),
        )
    console.print(groups if lines else "no groups; splitcart group seed or splitcart group run makes them")


def _print_group(details: GroupDetails) -> None:
    _print_list([details.line])
    members = plain_table("store", "name", "member since", "confirmed", "suspended", "exceptions", title="Members")
    for member in details.members:
        instants = (member.since, member.confirmed_at, member.suspended_at)
        members.add_row(member.store_id, member.name, *map(stamp, instants), ", ".join(member.exceptions))
    console.print(members)
    print_accuracy(details.accuracy, details.step_days)
    print_events(details.events)
