"""What nodes say of their jobs is held against our leases: no job is believed dead too early, none for ever alive."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from scheduler.jobs import Patience, reconcile
from scheduler.nodes import NodeError, NodeJobs
from scheduler.pauses import read_pauses
from splitcart.database import transaction
from splitcart.database.models import ScrapydJob
from splitcart.measures.lease import StoreLease
from tests.scheduler.world import World

NODE = "http://scraper-1:6800"
DOWN = NodeError("does not answer")
JOB = {"job-1": "testmart"}


class Jobs:
    """One job, its leases, and the clock of a world; by default something is due."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.cluster("Perth", 6)
        self.start("job-1")

    def start(self, job_id: str, node: str = NODE) -> None:
        facts = {"node": node, "stores": 10, "state": "pending", "scheduled_at": self.world.now}
        self.world._add(ScrapydJob(job_id=job_id, company_id=self.world.company_id, **facts))

    def take(self, count: int = 1, job: str = "job-1") -> list[StoreLease]:
        return self.world.lease(count, worker=f"scraper-1/{job}")

    def look(self, answer: NodeJobs | NodeError | None, *, due: bool = True) -> list[tuple[str, str | None]]:
        answers = {NODE: answer} if answer is not None else {}
        with transaction(self.world.engine) as session:
            ended = reconcile(session, answers, self.world.now, Patience(), lambda _: due)
            return [(job.state, job.problem) for job in ended]

    def state(self, job_id: str = "job-1") -> str:
        with Session(self.world.engine) as session:
            return session.query(ScrapydJob).filter_by(job_id=job_id).one().state

    def held(self, leases: Iterable[StoreLease]) -> list[bool]:
        return [self.world.lease_row(lease).released_at is None for lease in leases]


@pytest.fixture
def jobs(world: World) -> Jobs:
    return Jobs(world)


@pytest.fixture
def quick(embedded: World) -> Jobs:
    return Jobs(embedded)


def test_a_job_waits_runs_and_finishes(jobs: Jobs) -> None:
    assert jobs.look(NodeJobs(pending=JOB)) == []
    assert jobs.state() == "pending"
    (lease,) = jobs.take()
    jobs.world.wait(0.5)
    assert jobs.look(NodeJobs(running=JOB)) == []
    assert jobs.state() == "running"
    jobs.world.release(lease)
    assert jobs.look(NodeJobs(finished=JOB)) == [("finished", None)]
    assert jobs.look(NodeJobs(finished=JOB)) == []


def test_what_a_job_held_when_its_process_ended_comes_back_at_once(jobs: Jobs) -> None:
    done, held = jobs.take(2)
    jobs.world.release(done)
    (others,) = jobs.take(job="job-2")
    assert jobs.look(NodeJobs(finished=JOB)) == [("failed", f"ended with store {held.store_id} in hand")]
    assert jobs.held([done, held, others]) == [False, False, True]
    assert jobs.world.lease_row(held).outcome == "expired"


@pytest.mark.parametrize(
    ("outcomes", "end"),
    [
        ([("finished", None), ("failed", "blocked")], ("blocked", "blocked at store {1}")),
        ([("partial", "rate_limited")], ("blocked", "rate_limited at store {0}")),
        ([("failed", "network"), ("failed", "timeout")], ("failed", "timeout at store {1}")),
        ([("failed", "network"), ("finished", None)], ("finished", None)),
        ([("partial", "killed")], ("finished", None)),
    ],
)
def test_how_its_stores_ended_says_how_a_job_did(quick: Jobs, outcomes, end) -> None:
    leases = quick.take(len(outcomes))
    for lease, (outcome, failure) in zip(leases, outcomes, strict=True):
        quick.world.release(lease, outcome, failure)
    state, problem = end
    stores = [lease.store_id for lease in leases]
    assert quick.look(NodeJobs(finished=JOB)) == [(state, problem and problem.format(*stores))]


def test_a_job_that_took_no_store_failed_only_if_some_were_due(quick: Jobs) -> None:
    assert quick.look(NodeJobs(finished=JOB), due=False) == [("finished", None)]
    quick.start("job-2")
    (end,) = quick.look(NodeJobs(finished={"job-2": "testmart"}))
    assert end == ("failed", "took no store although some are due; its log on the node says why")


def test_a_job_that_waits_too_long_for_a_process_is_stuck(quick: Jobs) -> None:
    quick.world.wait(0.4)
    assert quick.look(NodeJobs(pending=JOB)) == []
    quick.world.wait(0.2)
    assert quick.look(NodeJobs(pending=JOB)) == [("stuck", "waited 36 minutes for a process")]


@pytest.mark.parametrize("answer", [NodeJobs(), DOWN], ids=["memory gone", "down"])
def test_a_job_that_nobody_tells_of_lives_as_long_as_its_leases_do(jobs: Jobs, answer) -> None:
    """An orphan of a restarted node goes on crawling; it must not be taken for dead."""
    (lease,) = jobs.take()
    for _ in range(4):
        jobs.world.wait(0.2)
        with transaction(jobs.world.engine) as session:
            from scheduler import renew_lease

            renew_lease(session, lease.lease_id, jobs.world.clock)
        assert jobs.look(answer) == []
        assert jobs.held([lease]) == [True]
    assert jobs.state() == ("lost" if answer is not DOWN else "pending")
    jobs.world.wait(0.3)
    ((state, problem),) = jobs.look(answer)
    assert (state, "no sign of life for 18 minutes" in problem) == ("vanished", True)
    assert jobs.held([lease]) == [False]


def test_a_job_whose_node_forgot_it_after_its_last_store_is_judged_by_its_stores(quick: Jobs) -> None:
    (lease,) = quick.take()
    quick.world.release(lease, "failed", "blocked")
    assert quick.look(NodeJobs()) == []
    quick.world.wait(0.3)
    assert quick.look(NodeJobs()) == [("blocked", f"blocked at store {lease.store_id}")]


def test_a_job_that_was_given_up_is_taken_up_again_when_its_node_comes_back_with_it(jobs: Jobs) -> None:
    jobs.world.wait(1)
    assert jobs.look(DOWN)[0][0] == "vanished"
    jobs.world.wait(1)
    assert jobs.look(NodeJobs(running=JOB)) == []
    assert jobs.state() == "running"
    jobs.take()
    assert jobs.look(NodeJobs(finished=JOB))[0][0] == "failed"


def test_jobs_of_a_node_that_is_not_asked_any_more_are_given_up_after_a_day(quick: Jobs) -> None:
    quick.world.wait(23)
    assert quick.look(None) == []
    quick.world.wait(2)
    assert quick.look(None)[0][0] == "vanished"


def end_job(jobs: Jobs, job_id: str, state: str, node: str = NODE) -> None:
    facts = {"stores": 1, "state": state, "problem": "why", "scheduled_at": jobs.world.now, "ended_at": jobs.world.now}
    jobs.world._add(ScrapydJob(job_id=job_id, company_id=jobs.world.company_id, node=node, **facts))


def pause_hours(jobs: Jobs) -> dict[tuple[str, str], float]:
    with Session(jobs.world.engine) as session:
        pauses = read_pauses(session, jobs.world.now)
        return {key: (pause.until - jobs.world.now) / timedelta(hours=1) for key, pause in pauses.items()}


def test_a_blocked_host_pauses_for_six_hours_then_twelve_and_two_days_at_most(jobs: Jobs) -> None:
    for number, hours in enumerate([6, 12, 24, 48, 48]):
        end_job(jobs, f"blocked-{number}", "blocked", node="http://scraper-1:6801")
        assert pause_hours(jobs) == {("scraper-1", "testmart"): hours}
        jobs.world.wait(hours - 0.1)
        assert len(pause_hours(jobs)) == 1
        jobs.world.wait(0.2)
        assert pause_hours(jobs) == {}
    end_job(jobs, "fine", "finished")
    end_job(jobs, "again", "blocked")
    assert pause_hours(jobs) == {("scraper-1", "testmart"): 6}


def test_a_pause_that_a_clock_wrote_that_was_a_year_ahead_does_not_last(quick: Jobs) -> None:
    quick.world.wait(365 * 24)
    end_job(quick, "blocked", "blocked")
    assert pause_hours(quick) == {("scraper-1", "testmart"): 6}
    quick.world.wait(-365 * 24)
    assert pause_hours(quick) == {}


def test_other_failures_pause_for_minutes_and_shorten_no_pause(quick: Jobs) -> None:
    for number, minutes in enumerate([10, 20, 40]):
        end_job(quick, f"failed-{number}", ["failed", "vanished", "stuck"][number])
        assert pause_hours(quick) == {("scraper-1", "testmart"): pytest.approx(minutes / 60)}
    end_job(quick, "blocked", "blocked", node="http://other:6800")
    end_job(quick, "failed", "failed", node="http://other:6800")
    end_job(quick, "finished", "finished", node="http://other:6800")
    assert pause_hours(quick)["other", "testmart"] == 6
