"""Running the lines of a crontab as cron does, each in a process of its own, without importing all anew for each."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

HEAVY = (
    "archive",
    "grouping.reanalyse",
    "grouping.run",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "scheduler.density",
    "scheduler.dispatch",
    "scheduler.map",
    "scrapy.cmdline",
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.engine",
    "scrapy.crawler",
    "splitcart.cli.app",
    "splitcart.cli.common",
    "splitcart.database",
    "splitcart_scrapy.pipelines",
    "splitcart_scrapy.spiders.aldi",
    "splitcart_scrapy.watching.monitors",
)


@dataclass(frozen=True)
class Outcome:
    """What a line came to."""

    line: str
    exit_code: int
    output: str
    errors: str


def run_at_once(lines: Sequence[str], environment: Mapping[str, str], folder: Path) -> list[Outcome]:
    """Start all lines at the same time (``cd FOLDER && splitcart … && …``, or scrapy) and wait for their ends.

    The processes are forked from one that has imported the heavy packages: real ones, a second sooner. What they write
    goes to files in ``folder``.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    outputs = [(folder / f"{number}.out", folder / f"{number}.err") for number in range(len(lines))]
    processes = [
        context.Process(target=_run, args=(line, dict(environment), *paths))
        for line, paths in zip(lines, outputs, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [
        Outcome(line, process.exitcode or 0, *(path.read_text(encoding="utf-8") for path in paths))
        for line, process, paths in zip(lines, processes, outputs, strict=True)
    ]


def _run(line: str, environment: Mapping[str, str], output: Path, errors: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((sys.stdout, output), (sys.stderr, errors)):
        stream.flush()
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    change, *steps = re.split(r" && ", line)
    os.chdir(change.removeprefix("cd "))
    for step in steps:
        sys.argv = shlex.split(step)
        try:
            _command(sys.argv[0].rpartition("/")[2])()
        except SystemExit as leaving:
            if leaving.code:
                raise


def _command(name: str) -> Callable[[], None]:
    if name == "scrapy":
        from scrapy.cmdline import execute

        return execute
    from splitcart.cli.app import main

    return main
