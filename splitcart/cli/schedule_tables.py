"""What ``splitcart schedule`` prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splitcart.cli.common import console, make_table, print_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.table import Table

    from scheduler import Overview, Plan, QueueEntry
    from scheduler.overview import ClusterLine
    from splitcart.config import Chain
    from splitcart.measures.lease import StoreLease

NUMBERS = {"#", "lease", "stores", "covered", "left", "parked", "out", "failures", "crawls a day needed"}


def show_no_stores(chain: Chain) -> None:
    """Say that there is nothing to show."""
    print_line(f"{chain.slug}: no active store is stored")


def show_queue(chain: Chain, queue: Sequence[QueueEntry]) -> None:
    """Print the next stores with their reasons."""
    table = _table("#", "store", "mode", "step", "reason")
    for number, entry in enumerate(queue, start=1):
        table.add_row(str(number), entry.store_id, entry.mode, entry.kind, entry.reason)
    _show(table, f"{chain.name}: what to scrape next" if queue else f"{chain.slug}: nothing is due now")


def show_leases(leases: Sequence[StoreLease]) -> None:
    """Print stores that were just leased."""
    table = _table("lease", "company", "store", "expires (UTC)", "only", "reason")
    for lease in leases:
        categories = ", ".join(lease.categories or ())
        table.add_row(
            str(lease.lease_id), lease.company, lease.store_id, _instant(lease.expires_at), categories, lease.reason
        )
    console.print(table)


def show_overview(chain: Chain, overview: Overview) -> None:
    """Print phases and coverage, then what is out and what fails, if anything."""
    clusters = _table(
        *("cluster", "phase", "stores", "covered", "parked", "out", "oldest data"),
        *("discovered from (UTC)", "to", "spread", "in one window"),
    )
    for line in overview.clusters:
        clusters.add_row(
            line.name,
            line.phase,
            str(line.stores),
            f"{line.covered} ({line.covered / line.stores:.0%})",
            str(line.parked),
            str(line.out),
            _age(line.oldest, overview.at),
            _instant(line.discovered_from),
            _instant(line.discovered_to),
            f"{line.spread_hours:.1f} h" if line.spread_hours is not None else "",
            _in_window(line),
        )
    leases = _table("lease", "store", "worker", "expires (UTC)", "reason")
    for lease in overview.leases:
        leases.add_row(str(lease.lease), lease.store_id, lease.worker, _instant(lease.expires_at), lease.reason)
    failing = _table("store", "name", "failures", "last", "next try (UTC)", "")
    for store in overview.failing:
        parked = "parked" if store.parked else ""
        failing.add_row(store.store_id, store.name, str(store.failures), store.last, _instant(store.next_try), parked)
    _show(clusters, f"{chain.name}: while both phases have work, {overview.discovery_share:.0%} is discovery's")
    for table, title in ((leases, "are out"), (failing, "failed last")):
        if table.row_count:
            _show(table, f"{chain.name}: stores that {title}")


def show_plan(chain: Chain, plan: Plan) -> None:
    """Print when discovery of each cluster would be done, and what one window holds."""
    if not plan.clusters:
        print_line(f"{chain.slug}: nothing is left to discover")
        return
    table = _table(
        "cluster", "stores", "left", "begins (UTC)", "done", "within", "in one window", "crawls a day needed"
    )
    for line in plan.clusters:
        is_compared = line.cluster is not None
        table.add_row(
            line.name,
            str(line.stores),
            str(line.left),
            _instant(line.begins),
            _instant(line.done) or "never",
            _hours(line.begins, line.ends),
            f"{line.in_window} of {line.stores}" if is_compared else "",
            f"{line.needs}{'' if line.fits(plan.crawls_a_day) else ' !'}" if is_compared and line.needs else "",
        )
    _show(table, f"{chain.name}: discovery at {plan.crawls_a_day} crawls a day")
    print_line(f"One window of {plan.window_hours:g} h holds {plan.window_stores} stores of a target.")
    if large := plan.too_large:
        print_line(f"Not inside one window: {', '.join(large)}. Crawl more a day, or cut them into pieces.")


def _table(*headings: str) -> Table:
    return make_table(*headings, right=NUMBERS)


def _show(table: Table, title: str) -> None:
    console.print(title, style="bold", highlight=False, soft_wrap=True)
    if table.row_count:
        console.print(table)


def _instant(instant: datetime | None) -> str:
    return f"{instant:%d %b %H:%M}" if instant else ""


def _hours(begin: datetime | None, end: datetime | None) -> str:
    return f"{(end - begin).total_seconds() / 3600:.1f} h" if begin and end else ""


def _in_window(line: ClusterLine) -> str:
    return f"{line.in_window} of {line.covered} in {line.window_hours:g} h" if line.covered else ""


def _age(instant: datetime | None, now: datetime) -> str:
    if instant is None:
        return "none"
    hours = (now - instant).total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
