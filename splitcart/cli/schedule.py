"""``splitcart schedule``: what to scrape next and why, where every cluster stands, and which stores are out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, database, make_table, print_json
from splitcart.config import get_chain, get_chains, get_settings
from splitcart.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.table import Table
    from sqlalchemy.orm import Session

    from scheduler import ScrapeScheduler
    from splitcart.config import Chain

app = typer.Typer(no_args_is_help=True, help="Decide what to scrape next.")

Company = Annotated[str | None, typer.Option("--company", help="Only this company, by its slug (aldi, coles …).")]
Cluster = Annotated[str | None, typer.Option("--cluster", help="Only stores of this cluster, by its name (perth).")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many stores to show for each company.")]
Json = Annotated[bool, typer.Option("--json", help="Print the queue for programs.")]
LeaseIds = Annotated[list[int] | None, typer.Argument(metavar="[LEASE]...", help="Numbers of leases to take back.")]
Worker = Annotated[str | None, typer.Option("--worker", help="Take back all that this worker holds.")]


@app.command("show")
def show_command(company: Company = None, limit: Limit = 20, cluster: Cluster = None, as_json: Json = False) -> None:
    """Show the next stores of the queue, each with its reason; nothing is leased."""
    if cluster and not company:
        raise InputError("a cluster is one company's: name it with --company, too")
    with _reading() as session:
        if as_json:
            queues = {chain.slug: _scheduler(session, chain, cluster).get_queue(limit) for chain in _chains(company)}
            print_json(queues)
            return
        for chain in _chains(company):
            scheduler = _scheduler(session, chain, cluster)
            if not scheduler.roster.stores:
                console.print(f"{chain.slug}: no active store is stored", soft_wrap=True)
                continue
            table = _table("#", "store", "mode", "step", "reason")
            for number, entry in enumerate(scheduler.get_queue(limit), start=1):
                table.add_row(str(number), entry.store_id, entry.mode, entry.kind, entry.reason)
            _show(
                table, f"{chain.name}: what to scrape next" if table.row_count else f"{chain.slug}: nothing is due now"
            )


@app.command("status")
def status_command(company: Company = None) -> None:
    """Show each cluster's phase and coverage, the stores that are out, and those parked after repeated failures."""
    with _reading() as session:
        for chain in _chains(company):
            scheduler = _scheduler(session, chain, None)
            if not scheduler.roster.stores:
                console.print(f"{chain.slug}: no active store is stored", soft_wrap=True)
                continue
            _show(_clusters_table(scheduler), chain.name)
            for table, title in ((_leases_table(scheduler), "are out"), (_failing_table(scheduler), "failed last")):
                if table.row_count:
                    _show(table, f"{chain.name}: stores that {title}")


@app.command("release")
def release_command(leases: LeaseIds = None, worker: Worker = None) -> None:
    """Take stores back before their leases expire, from a worker that is known to be dead."""
    from scheduler import take_back
    from splitcart.database import transaction

    if bool(leases) == (worker is not None):
        raise InputError("name either leases by number or one --worker; splitcart schedule status lists what is out")
    engine = database()
    try:
        with transaction(engine) as session:
            taken = take_back(session, get_settings().clock(), lease_ids=leases or (), worker=worker)
    finally:
        engine.dispose()
    given = f"worker {worker}" if worker is not None else f"leases {', '.join(map(str, leases or ()))}"
    if not taken:
        raise InputError(f"{given}: nothing of it is held; splitcart schedule status lists what is out")
    console.print(f"took back leases {', '.join(map(str, taken))}", soft_wrap=True)


@contextmanager
def _reading() -> Iterator[Session]:
    from splitcart.database import reading

    engine = database()
    try:
        with reading(engine) as session:
            yield session
    finally:
        engine.dispose()


def _chains(company: str | None) -> list[Chain]:
    return [get_chain(company)] if company else list(get_chains().values())


def _scheduler(session: Session, chain: Chain, cluster: str | None) -> ScrapeScheduler:
    from random import SystemRandom

    from scheduler import ScrapeScheduler

    return ScrapeScheduler(session, chain, get_settings().clock(), SystemRandom(), cluster=cluster)


def _show(table: Table, title: str) -> None:
    console.print(title, style="bold", highlight=False, soft_wrap=True)
    if table.row_count:
        console.print(table)


def _table(*headings: str) -> Table:
    return make_table(*headings, right={"#", "stores", "covered", "out", "failures"})


def _clusters_table(scheduler: ScrapeScheduler) -> Table:
    table = _table("cluster", "phase", "stores", "covered", "parked", "out", "oldest data")
    for cluster in scheduler.roster.clusters.values():
        table.add_row(
            cluster.name,
            cluster.phase,
            str(len(cluster.stores)),
            str(cluster.covered),
            str(sum(store.is_parked for store in cluster.stores)),
            str(sum(store.held for store in cluster.stores)),
            _age(cluster.oldest, scheduler.now),
        )
    return table


def _leases_table(scheduler: ScrapeScheduler) -> Table:
    table = _table("lease", "store", "worker", "expires (UTC)", "reason")
    for lease in scheduler.roster.leases:
        if lease.released_at is None and lease.store_id in scheduler.roster.stores:
            store_id, expires = scheduler.roster.stores[lease.store_id].store_id, f"{lease.expires_at:%d %b %H:%M}"
            table.add_row(str(lease.id), store_id, lease.worker, expires, lease.reason)
    return table


def _failing_table(scheduler: ScrapeScheduler) -> Table:
    table = _table("store", "name", "failures", "last", "next try (UTC)", "")
    for store in scheduler.roster.stores.values():
        if store.strikes:
            due = f"{store.not_before:%d %b %H:%M}" if store.not_before else ""
            parked = "parked" if store.is_parked else ""
            table.add_row(store.store_id, store.name, str(store.strikes), store.last_failure, due, parked)
    return table


def _age(instant: datetime | None, now: datetime) -> str:
    if instant is None:
        return "none"
    hours = (now - instant).total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
