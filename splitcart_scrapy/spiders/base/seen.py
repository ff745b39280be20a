"""What a crawl has seen so far: of one root category, and of listings that are said not to be there."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from splitcart.transfer.records import CategoryRecord
from splitcart_scrapy.failures import GivenUpError, SiteChangedError
from splitcart_scrapy.parsers import Listing

MIN_FOREIGN_ROWS = 5
MAX_PROBLEM_LENGTH = 300


@dataclass
class SplitListing:
    """A listing that is longer than the site serves, walked by its parts: together they must show ``total`` skus."""

    listing: Listing
    total: int
    listed: set[str] = field(default_factory=set)


@dataclass
class SeenRoot:
    """What is being seen of one root category."""

    name: str
    observed_from: datetime
    listings: deque[Listing]  # still to be walked
    splits: list[SplitListing] = field(default_factory=list)
    pages_expected: int = 0
    pages_seen: int = 0
    problems: list[str] = field(default_factory=list)

    def record(self, now: datetime) -> CategoryRecord:
        """Return the verdict on it when its listings are walked."""
        problems = self.problems + [
            f"{split.listing.slug}: {len(split.listed)} of {split.total} rows in its parts"
            for split in self.splits
            if len(split.listed) < split.total
        ]
        return CategoryRecord(
            category=self.name,
            rows=0,
            complete=not problems,
            observed_from=self.observed_from,
            observed_to=max(self.observed_from, now),  # clocks are set back, too
            pages_expected=self.pages_expected,
            pages_seen=self.pages_seen,
            problem="; ".join(problems)[:MAX_PROBLEM_LENGTH] or None,
        )

    def judge_sellers(self, listing: Listing, others: Mapping[str, str | None]) -> None:
        """Do not believe that all rows of a listing are of other sellers where a name alone says so."""
        names = sorted({name for name in others.values() if name})
        if names and len(others) >= MIN_FOREIGN_ROWS:
            text = f"all {len(others)} rows are of other sellers, by their name alone, like {names[0]!r}"
            self.problems.append(f"{listing.slug}: {text}")


class AbsentListings:
    """Counts listings that are said not to be there, in a row; so many that no store can lack them are no such."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_a_row = 0
        self._sure = 0  # records of roots that ended before the first of them

    def resume(self, records: Sequence[CategoryRecord]) -> None:
        """Go on counting after a kill, if what is finished ends with roots that nothing was in."""
        empty = list(takewhile(lambda record: not record.rows and record.complete, reversed(records)))
        self._sure = len(records) - len(empty)
        self._in_a_row = sum(record.pages_seen for record in empty)

    def root_ended(self, records: Sequence[CategoryRecord]) -> None:
        """Note that the last of ``records`` is new."""
        if not self._in_a_row:
            self._sure = len(records)

    def answered(self, records: Sequence[CategoryRecord]) -> None:
        """Note that a listing was there."""
        self._in_a_row, self._sure = 0, len(records)

    def add(self, error: SiteChangedError, records: Sequence[CategoryRecord]) -> None:
        """Note one that is not; raise GivenUpError if they are too many, and take back what ended among them."""
        self._in_a_row += 1
        if self._in_a_row < self._most:
            return
        text = f"{self._in_a_row} listings in a row are said not to be there, the last with: {error}"
        for record in records[self._sure :]:
            record.complete, record.problem = False, text[:MAX_PROBLEM_LENGTH]
        raise GivenUpError(text, error.failure_class) from error
