"""Writing a crawl so that killing it at any moment costs the category that was being read, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from splitcart.errors import FailedError
from splitcart.measures.clock import Clock
from splitcart.measures.ids import crawl_id, store_slug
from splitcart.transfer.lines import encode_line
from splitcart.transfer.lock import FileLock
from splitcart.transfer.records import (
    BarcodeRecord,
    CategoryRecord,
    CrawlRecord,
    FailureClass,
    ProductRecord,
    StoreRecord,
)
from splitcart.transfer.recovery import commit, is_abandoned, recover, verified_by_all
from splitcart.transfer.working_file import Begun, Checkpoint, WorkingFile, scan, settle

SWEEP = "stores"  # stands where a store's slug would, in the names of store sweeps


class WorkingFileBusyError(FailedError):
    """Another living process is crawling the same store."""


@dataclass(frozen=True)
class _Subject:
    """What is crawled, by which spider."""

    company: str
    spider: str
    store_id: str | None
    nonce: str
    host: str | None = None

    @property
    def slug(self) -> str:
        return SWEEP if self.store_id is None else store_slug(self.store_id)

    def begun(self, started_at: datetime) -> Begun:
        return Begun(
            crawl_id=crawl_id(self.company, self.slug, started_at, self.nonce),
            company=self.company,
            spider=self.spider,
            store_id=self.store_id,
            started_at=started_at,
            host=self.host,
        )


class CrawlWriter:
    """Collects the rows of one crawl, category by category, and commits them as one file in the outbox.

    Rows stay in memory until ``finish_category`` checkpoints them on disk (``state/crawling/`` beside the outbox), and
    ``drop_category`` forgets them. ``commit`` puts the file into the outbox, whole or not at all. ``close`` leaves the
    checkpoints for the next ``open`` of the same store by the same spider; so does a crash. As a context manager it
    closes itself.

    A row that a listing of another root category shows than its own is that category's guest: it goes into the file
    with the category that showed it, unless a category has it as its own.

    ``finished_categories`` need not be fetched again; ``seen_skus`` are the skus (or store ids) of all own rows held;
    ``store_verified`` is what the echoes of the crawl that is gone on with say together; ``committed_before`` are the
    files that ``open`` put into the outbox for the crawl that it found.
    """

    def __init__(self, outbox: Path, lock: FileLock, path: Path, clock: Clock, committed_before: list[Path]) -> None:
        leftover = scan(path)
        if leftover is None:
            raise ValueError(f"{path} names no crawl")
        self.crawl_id = leftover.begun.crawl_id
        self.started_at = leftover.begun.started_at
        self.finished_categories: dict[str, CategoryRecord] = {}
        self.seen_skus: set[str] = set()
        self.store_verified = verified_by_all([one for one, _, _ in leftover.checkpoints])
        self.committed_before = committed_before
        self._outbox = outbox
        self._lock = lock
        self._begun = leftover.begun
        self._file = WorkingFile(path, leftover.end)
        self._clock = clock
        self._rows: list[bytes] = []
        self._keys: list[str] = []
        self._guests: dict[str, bytes] = {}
        self._checkpoints: list[Checkpoint] = []
        self._open = True
        for checkpoint, _, _ in leftover.checkpoints:
            self._keep(checkpoint)

    @classmethod
    def open(
        cls,
        outbox: Path,
        company: str,
        spider: str,
        store_id: str | None,
        clock: Clock,
        *,
        nonce: str,
        resume_hours: float = 24.0,
        not_before: datetime | None = None,
        host: str | None = None,
    ) -> Self:
        """Begin a crawl of a store (None: a sweep of the store list), or go on with one that was cut off.

        Categories observed from over ``resume_hours`` ago, or from before ``not_before`` (the last change time), are
        committed as a crawl of their own with the finish reason ``resumed_too_late``; younger ones go on in a new one.
        ``nonce`` (a slug) makes a new crawl's id unique. Raises WorkingFileBusyError while another crawls the store.
        """
        subject = _Subject(company, spider, store_id, nonce, host)
        path = _crawling(outbox) / f"{company}-{spider}-{subject.slug}.partial"
        lock = _lock(path)
        if not lock.acquire():
            what = f"{company} {store_id or 'store list'}"
            raise WorkingFileBusyError(
                f"{what}: another process is crawling it and holds {lock.path}; let it end first"
            )
        try:
            now = clock()
            recovered = recover(path, outbox, _cutoff(now, resume_hours, not_before), subject.begun)
            # Rows without a category are a sweep's that was never decided: they are read again, whole and of one time.
            if recovered.leftover is None or not any(one.category for one, _, _ in recovered.leftover.checkpoints):
                WorkingFile.begin(path, subject.begun(now), []).close()
            return cls(outbox, lock, path, clock, recovered.committed)
        except BaseException:
            lock.release()
            raise

    @staticmethod
    def commit_leftovers(
        outbox: Path, company: str, spider: str, clock: Clock, *, nonce: str, resume_hours: float = 24.0
    ) -> list[Path]:
        """Commit what dead crawls of a spider left behind and nobody resumed in time; return the files in the outbox.

        A crawl that lives, or that may still be resumed, is left alone; one that finished nothing is removed.
        """
        cutoff = _cutoff(clock(), resume_hours, None)
        committed: list[Path] = []
        for path in sorted(_crawling(outbox).glob(f"{company}-{spider}-*.partial")):
            lock = _lock(path)
            if not lock.acquire():
                continue
            try:
                if path.exists() and is_abandoned(path, cutoff):
                    committed += _settle(path, outbox, cutoff, nonce)
            finally:
                lock.release()
        return committed

    def add(self, record: ProductRecord | StoreRecord | BarcodeRecord) -> None:
        """Hold a row for the category that is being read; raises UnicodeEncodeError for text that is no Unicode."""
        self._check_open()
        key = record.store_id if isinstance(record, StoreRecord) else record.sku
        self._rows.append(encode_line(record))
        self._keys.append(key)
        self.seen_skus.add(key)

    def add_guest(self, record: ProductRecord) -> None:
        """Hold a row that names another root category as its own for the one that is being read."""
        self._check_open()
        self._guests.setdefault(record.sku, encode_line(record))

    def finish_category(self, category: CategoryRecord, *, store_verified: bool | None = None) -> None:
        """Checkpoint the rows held as this root category's: when it returns they are on disk.

        ``store_verified`` is the echo while it was read; it closes the crawl if nobody comes back to commit it.
        """
        self._check_open()
        if category.category in self.finished_categories:
            raise ValueError(f"category {category.category!r} of {self.crawl_id} is finished already")
        self._checkpoint(
            Checkpoint(category=category, keys=self._keys, guests=list(self._guests), store_verified=store_verified)
        )

    def drop_category(self) -> None:
        """Forget the rows held since the last checkpoint."""
        kept = set(self.seen_skus)
        kept.difference_update(self._keys)
        self.seen_skus = kept
        self._forget()

    def commit(
        self,
        *,
        complete: bool,
        finish_reason: str = "finished",
        failure_class: FailureClass | None = None,
        store_verified: bool | None = None,
        host: str | None = None,
        asked: list[str] | None = None,
        stats: dict[str, Any] | None = None,
    ) -> Path:
        """Put the crawl into the outbox and return its file.

        ``asked`` names the root categories that were to be crawled (None: all).
        Rows held outside any category are part of a store sweep; for products they are an error (ValueError): finish or
        drop the category first.
        """
        self._check_open()
        if (held := len(self._rows) + len(self._guests)) and self._begun.store_id is not None:
            raise ValueError(f"{self.crawl_id} holds {held} rows of an unfinished category: finish or drop it first")
        if self._rows:
            self._checkpoint(Checkpoint(category=None, keys=self._keys))
        closing = CrawlRecord(
            crawl_id=self.crawl_id,
            spider=self._begun.spider,
            company=self._begun.company,
            store_id=self._begun.store_id,
            started_at=self.started_at,
            finished_at=max(self.started_at, self._clock()),  # clocks are set back, too
            rows=settle(self._checkpoints),
            complete=complete,
            store_verified=store_verified,
            categories=list(self.finished_categories.values()),
            finish_reason=finish_reason,
            failure_class=failure_class,
            host=host or self._begun.host,
            asked=asked,
            stats=stats or {},
        )
        self._file.decide(closing)
        leftover = scan(self._file.path)
        if leftover is None:
            raise FailedError(f"{self._file.path} was damaged while the crawl ran; crawl the store again")
        final = commit(self._file.path, self._outbox, leftover, closing)
        self.discard()
        return final

    def discard(self) -> None:
        """Remove all that was collected, or what a commit has made superfluous."""
        self._check_open()
        self._file.close()
        self._file.path.unlink(missing_ok=True)
        self._release()

    def close(self) -> None:
        """Leave the checkpoints to whoever opens the store next; does nothing after commit, discard or close."""
        if self._open:
            self._file.close()
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checkpoint(self, checkpoint: Checkpoint) -> None:
        self._file.checkpoint([*self._rows, *self._guests.values()], checkpoint)
        self._keep(checkpoint)
        self._forget()

    def _forget(self) -> None:
        self._rows, self._keys, self._guests = [], [], {}

    def _keep(self, checkpoint: Checkpoint) -> None:
        if checkpoint.category is not None:
            self.finished_categories[checkpoint.category.category] = checkpoint.category
        self.seen_skus.update(checkpoint.keys)
        self._checkpoints.append(checkpoint)

    def _release(self) -> None:
        self._open = False
        self._lock.release()

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError(f"{self.crawl_id} is committed, discarded or closed")


def _crawling(outbox: Path) -> Path:
    return outbox.parent / "state" / "crawling"


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"))


def _cutoff(now: datetime, resume_hours: float, not_before: datetime | None) -> datetime:
    oldest = now - timedelta(hours=resume_hours)
    return max(oldest, not_before) if not_before else oldest


def _settle(path: Path, outbox: Path, cutoff: datetime, nonce: str) -> list[Path]:
    """Commit an abandoned working file; what a half-done recovery would still carry over stays for the next crawl."""
    leftover = scan(path)
    if leftover is None or not (leftover.checkpoints or leftover.closing):
        path.unlink()
        return []
    begun = leftover.begun
    subject = _Subject(begun.company, begun.spider, begun.store_id, nonce, begun.host)
    return recover(path, outbox, cutoff, subject.begun).committed
