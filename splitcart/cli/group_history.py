"""``splitcart group history``: how groups came to be what they are, and how right their inferences were over time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, database, plain_table, print_json, print_line, stamp
from splitcart.config import get_chain
from splitcart.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouping.accuracy import AccuracyLine
    from grouping.chronicle import Chronicle, LifeLine, MemberStep, PlaceLine, TenureLine
    from grouping.overview import EventLine


def history_command(
    group_id: Annotated[int | None, typer.Argument(metavar="GROUP", help="A group's id; without: all groups.")] = None,
    company: Annotated[
        str | None, typer.Option("--company", help="Only the groups of this company, by its slug (aldi, coles …).")
    ] = None,
    events: Annotated[int, typer.Option("--events", min=0, help="How many of the newest log entries to show.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print the history as JSON.")] = False,
) -> None:
    """Show how groups came to be what they are: members, Ambassadors, accuracy and decisions over time.

    Of one group, every stay of a store in it and everything that was decided about it; of all, their beginnings and
    ends, and what changed them. Steps are days, or weeks from Monday when it is a long time.
    """
    from grouping.chronicle import tell_group, tell_groups
    from splitcart.database import reading

    if group_id is not None and company is not None:
        raise InputError("name a GROUP or a --company, not both; a group is of one company")
    slug = get_chain(company).slug if company else None
    with reading(database()) as session:
        told = tell_groups(session, slug, events) if group_id is None else tell_group(session, group_id, events)
    if as_json:
        print_json(asdict(told))
    else:
        _print(told, one=group_id is not None)


def _print(told: Chronicle, *, one: bool) -> None:
    if not told.groups:
        print_line("no groups; splitcart group seed or splitcart group run makes them")
        return
    _print_lives(told.groups)
    _print_members(told.steps, told.step_days)
    print_accuracy(told.accuracy, told.step_days)
    if one:
        _print_tenures(told.tenures)
        _print_places(told.places)
        print_events(told.events)
    else:
        _print_changes(told.events)


def _print_lives(lives: Iterable[LifeLine]) -> None:
    numbers = ("members", "at most", "Ambassadors")
    table = plain_table("id", "group", "from", "to", *numbers, right={"id", *numbers}, title="Groups")
    for life in lives:
        counts = map(str, (life.group.members, life.most_members, life.ambassadors))
        days = stamp(life.since, days=True), stamp(life.until, days=True)
        table.add_row(str(life.group.id), life.group.name, *days, *counts)
    console.print(table)


def _print_members(steps: Iterable[MemberStep], days: int) -> None:
    numbers = ("joined", "left", "members", "groups")
    table = plain_table(_heading(days), *numbers, right=set(numbers), title="Members over time")
    for step in steps:
        table.add_row(f"{step.begins}", *map(str, (step.joined or "", step.left or "", step.members, step.groups)))
    console.print(table)


def print_accuracy(lines: Iterable[AccuracyLine], days: int) -> None:
    """Print the audits of each step, where there are any."""
    numbers = ("audits", "inferred", "right", "late", "own prices", "open")
    table = plain_table(_heading(days), *numbers, right=set(numbers), title="Accuracy over time")
    for line in lines:
        right = "" if line.accuracy is None else f"{line.accuracy:.2%}"
        wrong = (f"{count:,}" if count else "" for count in (line.stale, line.deviating, line.unsettled))
        table.add_row(f"{line.begins}", f"{line.audits:,}", f"{line.inferred:,}", right, *wrong)
    if table.row_count:
        console.print(table)


def print_events(events: Iterable[EventLine]) -> None:
    """Print the log entries of one group, with the figures that a comparison left, where there are any."""
    numbers = ("True Overlap", "shared")
    table = plain_table("at (UTC)", "what", "store", "verdict", *numbers, right=set(numbers), title="Log")
    for event in events:
        overlap, shared = event.figures.get("true_overlap"), event.figures.get("shared")
        figures = ("" if overlap is None else f"{overlap:.2%}", "" if shared is None else f"{shared:,}")
        table.add_row(stamp(event.at), event.kind, event.store_id or "", event.verdict or "", *figures)
    if table.row_count:
        console.print(table)


def _print_changes(events: Iterable[EventLine]) -> None:
    table = plain_table("at (UTC)", "what", "store", "verdict", "group", title="Log")
    for event in events:
        table.add_row(stamp(event.at), event.kind, event.store_id or "", event.verdict or "", event.group or "")
    if table.row_count:
        console.print(table)


def _print_tenures(tenures: Iterable[TenureLine]) -> None:
    table = plain_table("store", "from (UTC)", "to", title="Ambassadors")
    for tenure in tenures:
        table.add_row(tenure.store_id, stamp(tenure.since), stamp(tenure.until))
    if table.row_count:
        console.print(table)


def _print_places(places: Iterable[PlaceLine]) -> None:
    table = plain_table("store", "name", "from", "to", "how it ended", "last proven", title="Members")
    for place in places:
        days = (stamp(at, days=True) for at in (place.since, place.until))
        table.add_row(place.store_id, place.name, *days, place.ended_by or "", stamp(place.confirmed_at, days=True))
    console.print(table)


def _heading(days: int) -> str:
    return "day (UTC)" if days == 1 else "week from"
