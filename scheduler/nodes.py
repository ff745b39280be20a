"""scrapyd nodes over HTTP: what they run, and what they are asked to run."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from splitcart.config import is_address
from splitcart.errors import FailedError, InputError

PROJECT = "splitcart"
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
MAX_AT_ONCE = 16
MAX_SHOWN, MAX_ADDRESS = 200, 255


class NodeError(FailedError):
    """A node was not reached, or its answer is no scrapyd's; whether it did what was asked is not known."""


class NodeRefusedError(NodeError):
    """A node answered that it does not do what was asked."""


def host_of(url: str) -> str:
    """Return what a site sees as one visitor: the host of a node's address, whatever the port."""
    return urlsplit(url).hostname or url


@dataclass(frozen=True, slots=True)
class NodeJobs:
    """The jobs that a node knows: spider by job id. Those of other projects are only counted (they take slots)."""

    pending: dict[str, str] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)
    others: int = 0


class ScrapydNode:
    """One scrapyd, reached at ``url``."""

    def __init__(self, url: str, auth: tuple[str, str] | None = None) -> None:
        if not is_address(url):
            raise InputError(f"node {url!r} is not an address; expected one like http://scraper-1:6800, without a user")
        self.url = url.strip().rstrip("/")
        if len(self.url) > MAX_ADDRESS:
            raise InputError(f"node {url[:MAX_SHOWN]!r} … is an address of more than {MAX_ADDRESS} characters")
        self.host = host_of(self.url)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, and no password of somebody's .netrc
        self._session.auth = auth

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def jobs(self) -> NodeJobs:
        """Return what the node has to do, does, and remembers to have done; raise NodeError."""
        answer = self._ask("GET", "listjobs.json")
        try:
            listed = {state: list(answer.get(state, ())) for state in ("pending", "running", "finished")}
            own = {
                state: {str(job["id"]): str(job["spider"]) for job in jobs if job.get("project", PROJECT) == PROJECT}
                for state, jobs in listed.items()
            }
        except (AttributeError, KeyError, TypeError) as error:
            raise NodeError(f"{self.url} is no scrapyd: listjobs.json lists what is no job") from error
        others = sum(len(listed[state]) - len(own[state]) for state in ("pending", "running"))
        return NodeJobs(**own, others=others)

    def spiders(self) -> frozenset[str]:
        """Return the names of the spiders that were deployed to the node; raise NodeError."""
        spiders = self._ask("GET", "listspiders.json", {"project": PROJECT}).get("spiders", ())
        if not isinstance(spiders, list | tuple):
            raise NodeError(f"{self.url} is no scrapyd: listspiders.json lists no spiders")
        return frozenset(map(str, spiders))

    def schedule(
        self, spider: str, job_id: str, arguments: Mapping[str, str], scrapy_settings: Iterable[str] = ()
    ) -> None:
        """Ask for a job; raise NodeRefusedError when the node says no, NodeError when it may have said yes."""
        body = {"project": PROJECT, "spider": spider, "jobid": job_id, **arguments}
        self._ask("POST", "schedule.json", {**body, "setting": list(scrapy_settings)})

    def cancel(self, job_id: str) -> None:
        """Take a job out of the queue, or ask it to end; raise NodeError."""
        self._ask("POST", "cancel.json", {"project": PROJECT, "job": job_id})

    def _ask(self, method: str, service: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._session.request(
                method,
                f"{self.url}/{service}",
                params=parameters if method == "GET" else None,
                data=parameters if method == "POST" else None,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
            if response.status_code == requests.codes.unauthorized:
                raise NodeRefusedError(
                    f"{self.url} does not know us; check SPLITCART_SCRAPYD_USERNAME and SPLITCART_SCRAPYD_PASSWORD"
                )
            answer = response.json()
        except requests.JSONDecodeError:
            answer = None  # a proxy's page, or another service
        except requests.RequestException as error:
            raise NodeError(f"{self.url} does not answer ({type(error).__name__}); is scrapyd up?") from error
        if not isinstance(answer, dict) or answer.get("status") not in {"ok", "error"}:
            raise NodeError(f"{self.url} is no scrapyd: {service} answered {response.status_code}")
        if answer["status"] == "error":
            message = " ".join(str(answer.get("message")).split())[-MAX_SHOWN:]
            raise NodeRefusedError(f"{self.url} refuses {service}: {message}")
        return answer


def ask_all(nodes: Iterable[ScrapydNode]) -> dict[str, NodeJobs | NodeError]:
    """Return by address what each node knows, or why it did not say; slow ones do not add up."""
    nodes = list(nodes)
    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        return dict(zip((node.url for node in nodes), pool.map(_jobs_or_error, nodes), strict=True))


def _jobs_or_error(node: ScrapydNode) -> NodeJobs | NodeError:
    try:
        return node.jobs()
    except NodeError as error:
        return error
