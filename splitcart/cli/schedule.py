"""``splitcart schedule``: what to scrape next and why, where every cluster stands, and stores lent by hand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli import schedule_tables as tables
from splitcart.cli.common import database, print_json, print_line
from splitcart.cli.dispatch import dispatch_command
from splitcart.config import get_chain, get_chains, get_settings
from splitcart.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from splitcart.config import Chain
    from splitcart.measures.lease import StoreLease

app = typer.Typer(no_args_is_help=True, help="Decide what to scrape next.")

MAX_LEASES, MAX_MINUTES = 1000, 7 * 24 * 60

Company = Annotated[str | None, typer.Option("--company", help="Only this company, by its slug (aldi, coles …).")]
Cluster = Annotated[str | None, typer.Option("--cluster", help="Only stores of this cluster, by its name (perth).")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many stores to show for each company.")]
Json = Annotated[bool, typer.Option("--json", help="Print it for programs.")]
LeaseIds = Annotated[
    list[int] | None, typer.Argument(metavar="[LEASE]...", min=1, max=2**31 - 1, help="Numbers of leases to end.")
]


@app.command("show")
def show_command(company: Company = None, limit: Limit = 20, cluster: Cluster = None, as_json: Json = False) -> None:
    """Show the next stores of the queue, each with its reason; nothing is leased."""
    from random import SystemRandom

    from scheduler import ScrapeScheduler

    chains, clock = _chains(company, cluster), get_settings().clock()
    with _reading() as session:
        schedulers = [ScrapeScheduler(session, chain, clock, SystemRandom(), cluster=cluster) for chain in chains]
        queues = [scheduler.get_queue(limit) for scheduler in schedulers]
    if as_json:
        print_json({chain.slug: queue for chain, queue in zip(chains, queues, strict=True)})
        return
    for chain, scheduler, queue in zip(chains, schedulers, queues, strict=True):
        if scheduler.roster.stores:
            tables.show_queue(chain, queue)
        else:
            tables.show_no_stores(chain)


@app.command("status")
def status_command(company: Company = None, cluster: Cluster = None, as_json: Json = False) -> None:
    """Show each cluster's phase and coverage, how far apart its discovery crawls are, what is out, and what fails."""
    from scheduler import read_overview

    chains, clock = _chains(company, cluster), get_settings().clock()
    with _reading() as session:
        overviews = [read_overview(session, chain, clock, cluster) for chain in chains]
    if as_json:
        print_json({overview.company: overview for overview in overviews})
        return
    for chain, overview in zip(chains, overviews, strict=True):
        if overview.clusters:
            tables.show_overview(chain, overview)
        else:
            tables.show_no_stores(chain)


@app.command("plan")
def plan_command(
    crawls: Annotated[int, typer.Option("--crawls", min=1, help="How many stores of each company are crawled a day.")],
    company: Company = None,
    cluster: Cluster = None,
    as_json: Json = False,
) -> None:
    """Show when discovery of each cluster would be done, and whether one comparison window can hold it."""
    from scheduler import plan_discovery

    chains, clock = _chains(company, cluster), get_settings().clock()
    with _reading() as session:
        plans = [plan_discovery(session, chain, crawls, clock, cluster) for chain in chains]
    if as_json:
        print_json({chain.slug: plan for chain, plan in zip(chains, plans, strict=True)})
        return
    for chain, plan in zip(chains, plans, strict=True):
        tables.show_plan(chain, plan)


@app.command("lease")
def lease_command(
    company: Company = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MAX_LEASES, help="How many stores to lease.")] = 1,
    worker: Annotated[str | None, typer.Option("--worker", help="For whom; default: SPLITCART_WORKER.")] = None,
    cluster: Cluster = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=MAX_MINUTES, help="How long they are lent without a sign of life.")
    ] = 60,
    as_json: Json = False,
) -> None:
    """Lease the next stores to be crawled by hand; without a company all companies take turns."""
    chains = _chains(company, cluster)
    leases = _lease(chains, worker or get_settings().worker, limit, cluster, minutes)
    if as_json:
        print_json(leases)
    elif leases:
        tables.show_leases(leases)
    else:
        print_line(f"{company or 'all companies'}: nothing is due now")


@app.command("release")
def release_command(
    leases: LeaseIds = None,
    worker: Annotated[str | None, typer.Option("--worker", help="All that this worker holds.")] = None,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", help="How the crawl ended: finished, partial or failed; default: taken back."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why it failed, in a word (blocked, network …); with --outcome.")
    ] = None,
) -> None:
    """End leases: take them back from a worker that is known to be dead, or tell how a crawl by hand ended."""
    from scheduler import release_lease, take_back
    from splitcart.database import transaction

    if bool(leases) == (worker is not None):
        raise InputError("name either leases by number or one --worker; splitcart schedule status lists what is out")
    leases = sorted(set(leases or ()))
    if (worker and outcome) or (reason and outcome not in {"partial", "failed"}):
        raise InputError("--outcome is of leases by number, and --reason says why one is partial or failed")
    engine, clock = database(), get_settings().clock()
    try:
        with transaction(engine) as session:
            if outcome:
                for lease_id in leases:
                    release_lease(session, lease_id, outcome, reason, clock)
                ended = leases
            else:
                ended = take_back(session, clock, lease_ids=leases, worker=worker)
    finally:
        engine.dispose()
    if not ended:
        given = f"worker {worker}" if worker is not None else f"leases {', '.join(map(str, leases))}"
        raise InputError(f"{given}: nothing of it is held; splitcart schedule status lists what is out")
    numbers = ", ".join(map(str, ended))
    print_line(f"ended leases {numbers} as {outcome}" if outcome else f"took back leases {numbers}")


app.command("dispatch")(dispatch_command)


def _lease(chains: list[Chain], worker: str, limit: int, cluster: str | None, minutes: int) -> list[StoreLease]:
    from random import SystemRandom

    from scheduler import lease_in_turns, lease_stores
    from splitcart.database import transaction

    engine, clock, rng = database(), get_settings().clock(), SystemRandom()
    try:
        with transaction(engine) as session:
            if len(chains) == 1:
                return lease_stores(session, chains[0], worker, limit, clock, rng, cluster, minutes)
            return lease_in_turns(session, chains, worker, limit, clock, rng, minutes)
    finally:
        engine.dispose()


@contextmanager
def _reading() -> Iterator[Session]:
    from splitcart.database import reading

    engine = database()
    try:
        with reading(engine) as session:
            yield session
    finally:
        engine.dispose()


def _chains(company: str | None, cluster: str | None) -> list[Chain]:
    if cluster and not company:
        raise InputError("a cluster is one company's: name it with --company, too")
    return [get_chain(company)] if company else list(get_chains().values())
