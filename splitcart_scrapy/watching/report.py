"""The report of one crawl (docs/watching.md#the-report-of-a-crawl)."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a crawl; ``monitor`` names the check that found it."""

    monitor: str
    text: str


@dataclass(slots=True, kw_only=True)
class CategoryFigures:
    """A root category; ``expected_rows`` are those of the store's last complete crawl of it, None if not known."""

    category: str
    rows: int
    expected_rows: int | None
    complete: bool
    problem: str | None


@dataclass(slots=True, kw_only=True)
class CrawlReport:
    """What one crawl came to.

    ``outcome``: ``complete``, ``partial``, or ``nothing`` when no file was written. ``field_coverage``: the share of
    the rows of this run that have the field. ``figures``: what Scrapy counted during this crawl. ``doubts``: what could
    not be verified, though nothing speaks against it.
    """

    spider: str
    company: str
    kind: str
    store_id: str | None
    host: str
    started_at: datetime
    finished_at: datetime
    outcome: str
    finish_reason: str
    failure_class: str | None
    problem: str | None
    store_verified: bool | None
    rows: int
    expected_rows: int | None
    categories: list[CategoryFigures]
    field_coverage: dict[str, float]
    figures: dict[str, int]
    doubts: list[str]
    files: list[str]
    findings: list[Finding] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What was crawled, in two words."""
        return f"{self.company} {self.store_id or self.kind}"
