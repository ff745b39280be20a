"""``splitcart schedule dispatch``: spiders on scrapyd nodes."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitcart.cli.common import console, database, make_table, print_json, print_line
from splitcart.config import get_chain, get_chains, get_settings
from splitcart.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scheduler import DispatchReport, Rules, ScrapydNode
    from splitcart.config import Chain

MOST, LONGEST_MINUTES = 1000, 7 * 24 * 60


def _minutes(name: str, text: str) -> Any:
    return typer.Option(name, min=0, max=LONGEST_MINUTES, help=text)


def dispatch_command(
    nodes: Annotated[
        list[str] | None,
        typer.Option("--nodes", help="A node, like http://scraper-1:6800; repeat it, or set SPLITCART_SCRAPYD_NODES."),
    ] = None,
    company: Annotated[str | None, typer.Option("--company", help="Only this company's spiders.")] = None,
    cluster: Annotated[str | None, typer.Option("--cluster", help="Only stores of this cluster.")] = None,
    slots: Annotated[int, typer.Option("--slots", min=1, max=MOST, help="Jobs of a node at once: its max_proc.")] = 2,
    per_site: Annotated[int, typer.Option("--per-site", min=1, help="Jobs for one company at once from one host.")] = 1,
    stores: Annotated[int, typer.Option("--stores", min=1, max=MOST, help="How many stores a job may lease.")] = 10,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", help="NAME=VALUE: a setting of Scrapy for the jobs.")
    ] = None,
    pending_minutes: Annotated[
        float, _minutes("--pending-minutes", "A job that waits longer for a process is taken back.")
    ] = 30,
    silent_minutes: Annotated[
        float,
        _minutes(
            "--silent-minutes", "A job that its node does not know is given up when its leases are silent for longer."
        ),
    ] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for programs.")] = False,
) -> None:
    """Look after the jobs on scrapyd nodes, and start spiders where slots are free and work is due."""
    from scheduler import Patience, Rules

    if cluster and not company:
        raise InputError("a cluster is one company's: name it with --company, too")
    rules = Rules(
        slots=slots,
        per_site=per_site,
        stores=stores,
        cluster=cluster,
        scrapy_settings=_scrapy_settings(setting or []),
        patience=Patience(pending=timedelta(minutes=pending_minutes), silent=timedelta(minutes=silent_minutes)),
    )
    report = _dispatch(nodes, [get_chain(company)] if company else list(get_chains().values()), rules)
    if as_json:
        print_json(report)
    else:
        _show(report)


def _scrapy_settings(given: list[str]) -> tuple[str, ...]:
    wrong = [each for each in given if not each.partition("=")[0].strip() or "=" not in each]
    if wrong:
        raise InputError(f"--setting {wrong[0]!r} is not of the form NAME=VALUE")
    return tuple(given)


def _dispatch(nodes: Iterable[str] | None, chains: list[Chain], rules: Rules) -> DispatchReport:
    from random import SystemRandom

    from scheduler import dispatch

    with ExitStack() as opened:
        reached = _nodes(nodes)
        for node in reached:
            opened.callback(node.close)
        engine = database()
        opened.callback(engine.dispose)
        return dispatch(engine, chains, reached, rules, get_settings().clock(), SystemRandom())


def _nodes(given: Iterable[str] | None) -> list[ScrapydNode]:
    from scheduler import ScrapydNode

    settings = get_settings()
    urls = [part for text in given or [settings.scrapyd_nodes or ""] for part in text.split(",") if part.strip()]
    if not urls:
        raise InputError("no node is named; use --nodes http://scraper-1:6800 or set SPLITCART_SCRAPYD_NODES")
    if (settings.scrapyd_username is None) != (settings.scrapyd_password is None):
        raise InputError("SPLITCART_SCRAPYD_USERNAME and SPLITCART_SCRAPYD_PASSWORD belong together: set both or none")
    auth = None
    if settings.scrapyd_username is not None and settings.scrapyd_password is not None:
        auth = (settings.scrapyd_username, settings.scrapyd_password.get_secret_value())
    nodes = {node.url: node for node in (ScrapydNode(url, auth) for url in urls)}
    return list(nodes.values())


def _show(report: DispatchReport) -> None:
    nodes = make_table("node", "pending", "running", "problem", right={"pending", "running"})
    for node in report.nodes:
        nodes.add_row(node.node, str(node.pending), str(node.running), node.problem or "")
    console.print(nodes)
    for job in report.ended:
        print_line(f"{job.state} {job.job} on {job.node}{f': {job.problem}' if job.problem else ''}")
    for job in report.started:
        print_line(f"started {job.job} on {job.node}")
    for pause in report.paused:
        print_line(f"no {pause.company} from {pause.host} before {pause.until:%d %b %H:%M} UTC: {pause.reason}")
