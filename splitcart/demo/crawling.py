"""The scraper host: spiders as real ``scrapy crawl`` processes against the replica."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from splitcart.demo.world import World
from splitcart.errors import FailedError

TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.02
SCRAPY = Path(__file__).with_name("tethered_scrapy.py")  # a killed demo leaves no spider behind


@dataclass
class SpiderRun:
    """One running ``scrapy crawl``."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=monotonic)

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None


def start_spider(world: World, spider: str, **arguments: str | int) -> SpiderRun:
    """Start ``scrapy crawl SPIDER -a NAME=VALUE …`` on the demo's scraper host; its log goes to logs/."""
    log = world.folder / "logs" / f"{world.clock():%Y%m%d-%H%M%S}-{spider}.log"
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-P", str(SCRAPY), "crawl", spider, "-s", "DOWNLOAD_DELAY=0", "-s", f"LOG_FILE={log}"]
    for name, value in arguments.items():
        command += ["-a", f"{name}={value}"]
    process = subprocess.Popen(  # noqa: S603 - our own command line
        command,
        cwd=_project(world.folder),
        env=world.host_environment(),
        stdin=world.lifeline,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return SpiderRun(spider, process, log)


def _project(folder: Path) -> Path:
    """Make the folder that tells scrapy which settings to use, wherever the demo was started from."""
    project = folder / "host"
    project.mkdir(exist_ok=True)
    (project / "scrapy.cfg").write_text("[settings]\ndefault = splitcart_scrapy.settings\n")
    return project


def wait_for(*runs: SpiderRun, may_die: SpiderRun | None = None) -> Iterator[None]:
    """Yield now and then until all spiders have ended; whatever happens, none outlives the loop.

    Raises FailedError for one that ends badly (``may_die`` excepted) or not at all.
    """
    try:
        while not all(run.is_over for run in runs):
            for run in runs:
                if monotonic() - run.began > TIMEOUT_SECONDS:
                    raise FailedError(f"spider {run.name} did not end within {TIMEOUT_SECONDS} s; see {run.log}")
            yield
            sleep(POLL_SECONDS)
    finally:
        for run in runs:
            if not run.is_over:
                run.process.kill()
            run.process.wait()
    for run in runs:
        if run.process.returncode and run is not may_die:
            raise FailedError(f"spider {run.name} ended with exit code {run.process.returncode}; see {run.log}")
