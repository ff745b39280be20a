"""What becomes of a working file whose crawl died: finish what was decided, commit what is too old, keep the rest."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from splitcart.transfer.disk import publish
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, FailureClass
from splitcart.transfer.working_file import Begun, Checkpoint, Leftover, WorkingFile, belongs, scan, settle, write_final

RESUMED_TOO_LATE = "resumed_too_late"


@dataclass
class Recovered:
    """The crawl that can go on (None: there is none), and the files that were committed for its predecessor."""

    leftover: Leftover | None = None
    committed: list[Path] = field(default_factory=list)


def recover(path: Path, outbox: Path, cutoff: datetime, fresh: Callable[[datetime], Begun]) -> Recovered:
    """Settle the working file at ``path``, whose lock the caller holds.

    Categories observed from before ``cutoff`` are committed as a crawl of their own; younger ones go on, as the crawl
    that ``fresh`` names (given the instant it began) if part of the old one was committed. Killing this anywhere and
    calling it again gives the same files.
    """
    recovered = Recovered(scan(path) if path.exists() else None)
    while (leftover := recovered.leftover) is not None:
        kept = [one.category for one, _, _ in leftover.checkpoints if one.category]
        late = [category for category in kept if category.observed_from < cutoff]
        if leftover.closing is None and not late:
            break
        closing = leftover.closing or _decide_late(path, leftover, late)
        recovered.committed.append(commit(path, outbox, leftover, closing))
        recovered.leftover = _carry_over(path, leftover, closing, fresh)
    return recovered


def is_abandoned(path: Path, cutoff: datetime) -> bool:
    """Tell whether nothing in a working file is young enough to be gone on with, or its crawl was already decided."""
    leftover = scan(path)
    if leftover is None or leftover.closing is not None:
        return True
    begun = [one.category.observed_from for one, _, _ in leftover.checkpoints if one.category] or [
        leftover.begun.started_at
    ]
    return max(begun) < cutoff


def commit(path: Path, outbox: Path, leftover: Leftover, closing: CrawlRecord) -> Path:
    """Write the decided crawl into the outbox, whole or not at all; return its file."""
    outbox.mkdir(parents=True, exist_ok=True)
    final = outbox / f"{closing.crawl_id}.jsonl.gz"
    temporary = final.with_name(f"{final.name}.partial")
    write_final(path, leftover, encode_line(closing), closing, temporary)
    return publish(temporary, final)


def verified_by_all(checkpoints: list[Checkpoint]) -> bool | None:
    """Return what the store's echoes say together: one foreign answer spoils it, one silence leaves it open."""
    answers = [one.store_verified for one in checkpoints]
    if False in answers:
        return False
    return None if None in answers or not answers else True


def _decide_late(path: Path, leftover: Leftover, late: list[CategoryRecord]) -> CrawlRecord:
    kept = [one for one, _, _ in leftover.checkpoints if one.category in late]
    begun = leftover.begun
    rows = settle(kept)
    closing = CrawlRecord(
        crawl_id=begun.crawl_id,
        spider=begun.spider,
        company=begun.company,
        store_id=begun.store_id,
        started_at=begun.started_at,
        finished_at=max([begun.started_at, *(category.observed_to for category in late)]),
        rows=rows,
        complete=False,
        store_verified=verified_by_all(kept),
        categories=late,
        finish_reason=RESUMED_TOO_LATE,
        failure_class=FailureClass.KILLED,
        host=begun.host,
    )
    file = WorkingFile(path, leftover.end)
    try:
        file.decide(closing)
    finally:
        file.close()
    return closing


def _carry_over(
    path: Path, leftover: Leftover, closing: CrawlRecord, fresh: Callable[[datetime], Begun]
) -> Leftover | None:
    young = [
        (one, start, end) for one, start, end in leftover.checkpoints if one.category and not belongs(one, closing)
    ]
    if not young:
        path.unlink()
        return None
    raw = path.read_bytes()
    begun = fresh(min(one.category.observed_from for one, _, _ in young if one.category))
    WorkingFile.begin(path, begun, [raw[start:end] for _, start, end in young]).close()
    return scan(path)
