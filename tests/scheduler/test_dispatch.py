"""Free slots of nodes are filled by turns and with politeness. The nodes speak scrapyd's API and run nothing."""

from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import NodeError, Rules, ScrapydNode, dispatch
from splitcart.config import Chain
from splitcart.database import BusyError, only_one
from splitcart.database.models import ScrapydJob
from splitcart.errors import InputError
from tests.scheduler.scripted_node import ScriptedNode
from tests.scheduler.world import CHAIN, World


def chain(slug: str) -> Chain:
    return msgspec.structs.replace(CHAIN, slug=slug, name=slug)


class Stage:
    """Two companies with 30 stores each, and nodes."""

    def __init__(self, engine: sa.Engine, stack: ExitStack) -> None:
        self.engine, self._stack = engine, stack
        self.one, self.two = World(engine, chain("one")), World(engine, chain("two"))
        self.one.cluster("Perth", 30)
        self.two.cluster("Perth", 30)
        self.nodes: list[ScriptedNode] = []

    def node(self, *arguments, **options) -> ScriptedNode:
        node = ScriptedNode(*arguments, **options)
        self._stack.callback(node.close)
        self.nodes.append(node)
        return node

    def dispatch(self, **rules):
        clients = [ScrapydNode(node.url) for node in self.nodes]
        chains = [chain("one"), chain("two"), chain("three")]
        report = dispatch(self.engine, chains, clients, Rules(**rules), self.one.clock, self.one.rng)
        for client in clients:
            client.close()
        return report

    def started(self, **rules) -> list[str]:
        return [job.company for job in self.dispatch(**rules).started]

    def jobs(self) -> list[ScrapydJob]:
        with Session(self.engine) as session:
            return list(session.scalars(sa.select(ScrapydJob).order_by(ScrapydJob.id)))


@pytest.fixture
def stage(engine: sa.Engine) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(engine, stack)


@pytest.fixture
def quick(sqlite: sa.Engine) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(sqlite, stack)


def test_a_job_says_how_much_it_may_take_and_is_remembered(stage: Stage) -> None:
    node = stage.node()
    report = stage.dispatch(stores=4, slots=1, scrapy_settings=("LOG_LEVEL=DEBUG", "DOWNLOAD_DELAY=2"))
    (asked,), (job,) = node.asked, stage.jobs()
    assert (asked["spider"], asked["max_stores"], asked["project"]) == (["one"], ["4"], ["splitcart"])
    assert asked["setting"] == ["LOG_LEVEL=DEBUG", "DOWNLOAD_DELAY=2"]
    assert asked["jobid"] == [job.job_id] == [report.started[0].job]
    assert (job.node, job.stores, job.state, job.scheduled_at) == (node.url, 4, "pending", stage.one.now)
    assert job.job_id.startswith("one-20261120T020000-")


def test_one_host_visits_a_site_once_at_a_time_however_many_nodes_it_has(stage: Stage) -> None:
    stage.node(), stage.node()
    assert stage.started(slots=5) == ["one", "two"]
    assert stage.started(slots=5) == []
    assert stage.started(slots=5, per_site=2) == ["one", "two"]


def test_hosts_take_turns_and_so_do_companies(quick: Stage) -> None:
    first, second = quick.node("127.0.0.1"), quick.node("127.0.0.2")
    quick.one.lease(1)  # the company that was served last goes last
    assert quick.started(slots=2, stores=2) == ["two", "one", "one", "two"]
    assert [len(node.asked) for node in (first, second)] == [2, 2]


def test_no_more_jobs_are_started_than_stores_are_due(quick: Stage) -> None:
    for number in range(1, 5):
        quick.node(f"127.0.0.{number}")
    quick.two.lease(30)
    quick.one.lease(15)
    assert quick.started(stores=10) == ["one", "one"]
    assert quick.started(stores=10) == []  # what was started has taken nothing yet, but will


def test_a_full_node_gets_nothing_whoever_fills_it(quick: Stage) -> None:
    node = quick.node()
    node.running = [{"id": "x", "spider": "other", "project": "another project"}]
    assert quick.started(slots=1) == []
    assert quick.started(slots=2) == ["one"]


def test_a_spider_that_somebody_started_by_hand_is_visiting_too(quick: Stage) -> None:
    quick.node().running = [{"id": "x", "spider": "one", "project": "splitcart"}]
    assert quick.started(slots=5) == ["two"]


def test_a_lost_job_keeps_its_site_and_its_slot(quick: Stage) -> None:
    node = quick.node()
    assert quick.started(slots=1) == ["one"]
    node.pending = []  # the node was restarted; its spider may live on as an orphan
    quick.one.lease(1, worker=f"host/{quick.jobs()[0].job_id}")
    assert quick.started(slots=1) == []
    assert quick.jobs()[0].state == "lost"
    assert quick.started(slots=2) == ["two"]


def test_a_node_is_asked_only_for_spiders_that_it_has(quick: Stage) -> None:
    quick.node(spiders=("two",))
    assert quick.started() == ["two"]
    quick.nodes[0] = quick.node("127.0.0.9", spiders=())
    report = quick.dispatch()
    assert "refuses listspiders.json: no such thing" in report.nodes[0].problem
    assert report.started == []


def test_a_node_that_refuses_a_job_gets_no_other_for_ten_minutes(stage: Stage) -> None:
    node = stage.node(spiders=("one",))
    node.refuses = True
    report = stage.dispatch()
    assert "refuses schedule.json: no such thing" in report.nodes[0].problem
    assert [(job.state, job.ended_at) for job in stage.jobs()] == [("refused", stage.one.now)]
    node.refuses = False
    stage.one.wait(0.1)
    report = stage.dispatch()
    assert (report.started, [(pause.host, pause.company) for pause in report.paused]) == ([], [("127.0.0.1", "one")])
    stage.one.wait(0.1)
    assert stage.started() == ["one"]


def test_a_host_whose_job_was_blocked_is_not_fed_with_that_company(stage: Stage) -> None:
    node, other = stage.node("127.0.0.1"), stage.node("127.0.0.2")
    assert stage.started(slots=1, stores=3) == ["one", "two"]
    (lease,) = stage.one.lease(1, worker=f"host/{stage.jobs()[0].job_id}")
    stage.one.release(lease, "failed", "blocked")
    node.pending, other.pending = [], []
    stage.one.wait(1)
    report = stage.dispatch(slots=1)
    assert [(job.state, job.company) for job in report.ended] == [("blocked", "one"), ("vanished", "two")]
    assert [(job.company, job.node) for job in report.started] == [("two", node.url), ("one", other.url)]
    assert "blocked at store" in report.paused[0].reason


def test_a_stuck_job_is_taken_out_of_its_nodes_queue(quick: Stage) -> None:
    node = quick.node(spiders=("one",))
    quick.dispatch()
    quick.one.wait(0.6)
    (ended,) = quick.dispatch().ended
    assert (ended.state, node.cancelled) == ("stuck", [ended.job])


def test_one_node_that_is_down_holds_up_no_other_and_all_of_them_are_an_error(quick: Stage) -> None:
    down, up = quick.node("127.0.0.1"), quick.node("127.0.0.2")
    down.close()
    report = quick.dispatch()
    assert "does not answer" in report.nodes[0].problem
    assert [job.node for job in report.started] == [up.url, up.url]
    quick.nodes = [down]
    with pytest.raises(NodeError, match="does not answer"):
        quick.dispatch()


@pytest.mark.parametrize(
    "says",
    [
        b"<html><title>Sign in to the network</title></html>",
        b'["ok"]',
        b'{"status": "up"}',
        b'{"status": "ok", "pending": null}',
        b'{"status": "ok", "running": [{"id": "aldi-1"}]}',
        b'{"status": "ok", "finished": ["aldi-1"]}',
        b'{"status": "ok", "pending": [{"id": "a", "spider": "one"}], "running": 3}',
    ],
)
def test_what_answers_in_another_language_is_no_scrapyd_and_gets_nothing(quick: Stage, says: bytes) -> None:
    stranger, node = quick.node("127.0.0.1"), quick.node("127.0.0.2")
    stranger.says = says
    report = quick.dispatch(slots=1)
    assert (report.nodes[0].problem or "").startswith(f"{stranger.url} is no scrapyd: listjobs.json ")
    assert [job.node for job in report.started] == [node.url]


def test_a_node_that_becomes_another_service_in_the_middle_keeps_the_job_open(quick: Stage) -> None:
    """Whether it took the job is not known: it is waited for."""
    node = quick.node(spiders=("one",))
    schedule = node.do

    def answer_with_a_page(path: str, body: dict[str, list[str]]) -> dict:
        node.says = b"<html>502 Bad Gateway</html>"
        return schedule(path, body)

    node.do = answer_with_a_page  # type: ignore[method-assign]
    report = quick.dispatch()
    assert "is no scrapyd: schedule.json answered 200" in (report.nodes[0].problem or "")
    assert [(job.state, job.ended_at) for job in quick.jobs()] == [("pending", None)]


def test_a_second_dispatch_at_the_same_time_does_nothing(stage: Stage) -> None:
    node = stage.node()
    with only_one(stage.engine, "schedule dispatch"), pytest.raises(BusyError, match="another schedule dispatch"):
        stage.dispatch()
    assert node.asked == []


def test_an_address_that_is_too_long_to_be_kept_is_refused() -> None:
    with pytest.raises(InputError, match="more than 255 characters"):
        ScrapydNode(f"http://scraper-1:6800/{'a' * 250}")


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(InputError, match="without a user"):
        ScrapydNode("http://user:secret@scraper-1:6800")
