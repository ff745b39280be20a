"""Filling free slots of scrapyd nodes with spiders, and looking after those that run."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.jobs import Patience, capacity, read_jobs, reconcile
from scheduler.leases import now_of
from scheduler.nodes import NodeError, NodeJobs, NodeRefusedError, ScrapydNode, ask_all, host_of
from scheduler.pauses import read_pauses
from scheduler.queue import ScrapeScheduler
from scheduler.roster import company_row_id
from scheduler.turns import by_last_lease
from splitcart.config import Chain
from splitcart.database import only_one, reading, transaction
from splitcart.database.models import Company, ScrapydJob
from splitcart.measures.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may run where.

    ``slots``: jobs of a node at once (its ``max_proc``); ``per_site``: jobs for one company at once from one host;
    ``stores``: how many a job may lease; ``cluster``: of which area only; ``scrapy_settings`` (``NAME=VALUE``) go with
    every job.
    """

    slots: int = 2
    per_site: int = 1
    stores: int = 10
    cluster: str | None = None
    scrapy_settings: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job that was started, or that has ended."""

    job: str
    company: str
    node: str
    state: str
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    """A node as it stands afterwards; ``problem``: why it gets nothing."""

    node: str
    pending: int
    running: int
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLine:
    """A company that gets no job on a host for a while."""

    host: str
    company: str
    until: datetime
    reason: str


@dataclass(slots=True, kw_only=True)
class DispatchReport:
    """What one dispatch found and did."""

    at: datetime
    nodes: list[NodeLine] = field(default_factory=list)
    started: list[JobLine] = field(default_factory=list)
    ended: list[JobLine] = field(default_factory=list)
    paused: list[PauseLine] = field(default_factory=list)


def dispatch(
    engine: sa.Engine, chains: Collection[Chain], nodes: Sequence[ScrapydNode], rules: Rules, clock: Clock, rng: Random
) -> DispatchReport:
    """Look after the jobs of these nodes, then fill their free slots with spiders of the companies that have work.

    Raises BusyError when another dispatch is running, and NodeError when no node at all answers. No transaction is open
    while a node is asked, so that a slow one holds up nobody else.
    """
    with only_one(engine, "schedule dispatch"):
        answers = ask_all(nodes)
        with transaction(engine) as session:
            now = now_of(session, clock)
            slugs = dict(session.execute(sa.select(Company.id, Company.slug)).all())
            due = _Due(session, chains, now, rng, rules)
            ended = reconcile(session, answers, now, rules.patience, due.is_due)
            lines = [_job_line(job, slugs) for job in ended]
        _cancel_stuck(ended, nodes)
        filler = _Filler(engine, chains, nodes, rules, clock, rng, answers)
        filler.fill()
        report = DispatchReport(at=now, nodes=filler.node_lines(), started=filler.started, ended=lines)
        report.paused = [
            PauseLine(host=host, company=company, until=pause.until, reason=pause.reason)
            for (host, company), pause in sorted(filler.pauses.items())
        ]
    problems = [answer for answer in answers.values() if isinstance(answer, NodeError)]
    if len(problems) == len(answers):
        raise NodeError("; ".join(map(str, problems)))
    return report


class _Due:
    """How many stores of a company wait to be crawled, looked up once."""

    def __init__(self, session: Session, chains: Collection[Chain], now: datetime, rng: Random, rules: Rules) -> None:
        self._session, self._now, self._rng, self._rules = session, now, rng, rules
        self._chains = {company_row_id(session, chain): chain for chain in chains}
        self._counts: dict[int, int] = {}

    def count(self, company_id: int, limit: int) -> int:
        if company_id not in self._counts:
            chain = self._chains.get(company_id)
            if chain is None:
                return 0
            scheduler = ScrapeScheduler(self._session, chain, lambda: self._now, self._rng, cluster=self._rules.cluster)
            self._counts[company_id] = len(scheduler.get_queue(limit))
        return self._counts[company_id]

    def is_due(self, company_id: int) -> bool:
        return self.count(company_id, 1) > 0


class _Filler:
    """One round of giving out free slots."""

    def __init__(
        self,
        engine: sa.Engine,
        chains: Collection[Chain],
        nodes: Sequence[ScrapydNode],
        rules: Rules,
        clock: Clock,
        rng: Random,
        answers: Mapping[str, NodeJobs | NodeError],
    ) -> None:
        self._engine, self._rules, self._clock, self._rng = engine, rules, clock, rng
        self._nodes = {node.url: node for node in nodes}
        self._problems = {url: str(answer) for url, answer in answers.items() if isinstance(answer, NodeError)}
        self._listed = {url: answer for url, answer in answers.items() if isinstance(answer, NodeJobs)}
        self._spiders: dict[str, frozenset[str]] = {}
        self.started: list[JobLine] = []
        slots = len(nodes) * rules.slots
        with reading(engine) as session:
            now = now_of(session, clock)
            self._company_ids = {
                chain.slug: company_id
                for chain in by_last_lease(session, chains)
                if (company_id := company_row_id(session, chain)) is not None
            }
            jobs = [job for job in read_jobs(session, now) if job.ended_at is None]
            promised = capacity(session, jobs)
            due = _Due(session, chains, now, rng, rules)
            limit = slots * rules.stores + max(promised.values(), default=0)
            self._due = {
                slug: due.count(company_id, limit) - promised.get(company_id, 0)
                for slug, company_id in self._company_ids.items()
            }
            self.pauses = read_pauses(session, now)
            of_company = {company_id: slug for slug, company_id in self._company_ids.items()}
            # What no node tells of may be at work all the same: it keeps its slot and its site.
            told = {job for listed in self._listed.values() for job in (*listed.pending, *listed.running)}
            self._untold = [(job.node, of_company.get(job.company_id)) for job in jobs if job.job_id not in told]

    def fill(self) -> None:
        """Give every node one job after the other, until no node can be given any."""
        waiting = list(self._listed)
        while waiting:
            waiting = [url for url in waiting if self._free_slots(url) > 0 and self._give(url)]

    def node_lines(self) -> list[NodeLine]:
        """Return how the nodes stand."""
        lines = []
        for url in self._nodes:
            listed = self._listed.get(url, NodeJobs())
            lines.append(
                NodeLine(
                    node=url,
                    pending=len(listed.pending),
                    running=len(listed.running),
                    problem=self._problems.get(url),
                )
            )
        return lines

    def _free_slots(self, url: str) -> int:
        listed = self._listed[url]
        untold = sum(node == url for node, _ in self._untold)
        return self._rules.slots - len(listed.pending) - len(listed.running) - listed.others - untold

    def _give(self, url: str) -> bool:
        """Start a job of the company whose turn it is on a node; False when there is none, or the node does not."""
        node = self._nodes[url]
        for slug in list(self._company_ids):
            if self._due[slug] <= 0 or (node.host, slug) in self.pauses or not self._may_visit(node.host, slug):
                continue
            if slug in self._deployed(node):
                self._company_ids[slug] = self._company_ids.pop(slug)  # to the end: the others' turn
                return self._start(node, slug)
        return False

    def _deployed(self, node: ScrapydNode) -> frozenset[str]:
        """Return the spiders of a node, which are named after their companies; none when it does not say."""
        if node.url not in self._spiders:
            try:
                self._spiders[node.url] = node.spiders()
            except NodeError as error:
                self._spiders[node.url] = frozenset()
                self._problems[node.url] = str(error)
        return self._spiders[node.url]

    def _may_visit(self, host: str, slug: str) -> bool:
        """Politeness: so many spiders of one host for one site, pending ones included, on all of its nodes."""
        visiting = sum(
            spider == slug
            for url, listed in self._listed.items()
            if self._nodes[url].host == host
            for spider in (*listed.pending.values(), *listed.running.values())
        )
        visiting += sum(company == slug and host_of(node) == host for node, company in self._untold)
        return visiting < self._rules.per_site

    def _start(self, node: ScrapydNode, slug: str) -> bool:
        with transaction(self._engine) as session:
            now = now_of(session, self._clock)
            job = ScrapydJob(
                job_id=f"{slug}-{now:%Y%m%dT%H%M%S}-{self._rng.getrandbits(24):06x}",
                company_id=self._company_ids[slug],
                node=node.url,
                stores=self._rules.stores,
                state="pending",
                scheduled_at=now,
            )
            session.add(job)
            session.flush()
        arguments = {"max_stores": str(self._rules.stores)}
        if self._rules.cluster:
            arguments["cluster"] = self._rules.cluster
        try:
            node.schedule(slug, job.job_id, arguments, self._rules.scrapy_settings)
        except NodeError as error:
            self._note(job, error)
            self._problems[node.url] = str(error)
            return False
        self._listed[node.url].pending[job.job_id] = slug
        self._due[slug] -= self._rules.stores
        self.started.append(JobLine(job=job.job_id, company=slug, node=node.url, state="pending", problem=None))
        return True

    def _note(self, job: ScrapydJob, error: NodeError) -> None:
        """A job that was refused has ended; one of which nothing is known stays open until its node says more."""
        with transaction(self._engine) as session:
            kept = session.get_one(ScrapydJob, job.id)
            kept.problem = str(error)[:255]
            if isinstance(error, NodeRefusedError):
                kept.state, kept.ended_at = "refused", kept.scheduled_at


def _cancel_stuck(ended: Iterable[ScrapydJob], nodes: Iterable[ScrapydNode]) -> None:
    """Take jobs that waited too long out of their nodes' queues; one that starts all the same leases like any other."""
    by_url = {node.url: node for node in nodes}
    for job in ended:
        if job.state == "stuck":
            try:
                by_url[job.node].cancel(job.job_id)
            except NodeError:
                continue


def _job_line(job: ScrapydJob, slugs: Mapping[int, str]) -> JobLine:
    return JobLine(job=job.job_id, company=slugs[job.company_id], node=job.node, state=job.state, problem=job.problem)
