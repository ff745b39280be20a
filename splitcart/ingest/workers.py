"""Several processes that share the product inbox: each claims files, one store is serial, the results are one."""

import signal
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from splitcart.config import get_settings
from splitcart.database import open_database
from splitcart.errors import FailedError, SplitCartError
from splitcart.ingest.crawls import CrawlIngester
from splitcart.ingest.outcomes import ProductsUpdate
from splitcart.ingest.updates import Progress, inbox_updates
from splitcart.stopping import Stop, stopping_at
from splitcart.transfer.inbox import inbox_path

REPLACEMENTS = 2  # for each worker: what kills one again and again is not tried for ever
_processes = get_context("spawn")  # a forked process would share its parent's connections to the database


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    messages: Connection
    file: str | None = None  # under way

    @classmethod
    def start(cls) -> "_Worker":
        here, there = _processes.Pipe(duplex=False)
        process = _processes.Process(target=_work, args=(there,), daemon=True)
        process.start()
        there.close()  # so that this end closes when the worker's does
        return cls(process, here)


def update_products_together(
    data_dir: Path, workers: int, stop: Stop, progress: Progress | None = None
) -> ProductsUpdate:
    """Take in the product inbox with ``workers`` processes, which open the database that the settings name.

    The file of a worker that dies is free for the others, and a new one takes its place. Raises FailedError when a
    worker could not go on (a lost database), after the others have ended.
    """
    crew = _Crew(workers, progress)
    while crew.workers:
        ready = wait(crew.ears(stop))
        if stop.asked:
            crew.tell()
        for worker in [worker for worker in crew.workers if worker.messages in ready]:
            crew.hear(worker, may_replace=not stop.asked)
    crew.note_what_is_left(inbox_path(data_dir, "products"))
    if crew.failures:
        raise FailedError(crew.failures[0])
    return crew.update


class _Crew:
    def __init__(self, workers: int, progress: Progress | None) -> None:
        self.update = ProductsUpdate()
        self.workers = [_Worker.start() for _ in range(workers)]
        self.failures: list[str] = []
        self.told = False
        self._progress = progress
        self._replacements = REPLACEMENTS * workers

    def ears(self, stop: Stop) -> list[Any]:
        """All that can wake the one who waits for the workers; once they are told to end, only they."""
        return [*(worker.messages for worker in self.workers), *([] if self.told else [stop.ear])]

    def tell(self) -> None:
        """Tell the workers, once, to end after the file under way."""
        if not self.told:
            self.told = True
            for worker in self.workers:
                worker.process.terminate()

    def hear(self, worker: _Worker, *, may_replace: bool) -> None:
        """Take one message of a worker: a file begun, what became of it, a failure, or (no message) its end."""
        try:
            message = worker.messages.recv()
        except (EOFError, OSError):
            self._bury(worker, may_replace=may_replace)
            return
        if isinstance(message, ProductsUpdate):
            self.update.add(message)
            if self._progress and worker.file:
                self._progress(worker.file)
            worker.file = None
        elif isinstance(message, SplitCartError):
            self.failures.append(str(message))
        else:
            worker.file = message

    def _bury(self, worker: _Worker, *, may_replace: bool) -> None:
        worker.messages.close()
        worker.process.join()
        self.workers.remove(worker)
        if worker.process.exitcode == 0 or (self.told and worker.file is None):
            return
        how = _ending(worker.process.exitcode)
        self.update.deaths.append(f"a worker ended by {how} while taking {worker.file or 'no file'}")
        if may_replace and self._replacements:
            self._replacements -= 1
            self.workers.append(_Worker.start())

    def note_what_is_left(self, inbox: Path) -> None:
        """A file that killed its worker and that nobody took afterwards is a problem."""
        for death in self.update.deaths:
            name = death.rpartition(" ")[2]
            if (inbox / name).is_file():
                self.update.waiting[name] = f"{death}; it waits in the inbox"


def _ending(exitcode: int | None) -> str:
    return f"signal {-exitcode}" if exitcode is not None and exitcode < 0 else f"exit code {exitcode}"


def _work(messages: Connection) -> None:
    """The life of one worker; it ends at the end of the inbox, when it is told to, or when its parent has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes; the parent tells us
    settings = get_settings()
    with stopping_at(signal.SIGTERM) as stop:
        try:
            engine = open_database(settings.resolved_database_url, settings.database_limits)
            ingester = CrawlIngester(engine, settings.data_dir, settings.clock())
            for update in inbox_updates(ingester, stop, messages.send):
                messages.send(update)
            engine.dispose()
        except SplitCartError as error:
            messages.send(FailedError(str(error)))
        except BrokenPipeError:
            return  # nobody is left to tell
