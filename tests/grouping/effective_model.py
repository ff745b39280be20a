"""Effective prices, found the slow and simple way: the model that the real thing is held against.

It looks at whole crawls, list news and memberships every time it is asked, and keeps no intervals.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

ROOTS = {"k0": "A", "k1": "A", "k2": "A", "k3": "B", "k4": "B", "k5": "B"}
START = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
STEP = timedelta(hours=1)
OFFSET = {"A": timedelta(0), "B": timedelta(minutes=2)}
LENGTH = timedelta(minutes=3)


@dataclass(frozen=True)
class ModelCrawl:
    """One crawl: ``saw`` gives offers (price, was), None for an unusable one; ``complete`` the roots seen whole."""

    store: str
    step: int
    saw: dict[str, tuple[int, int | None] | None]
    complete: frozenset[str]

    def begin(self, root: str) -> datetime:
        return START + self.step * STEP + OFFSET[root]

    def end(self, root: str) -> datetime:
        return self.begin(root) + LENGTH


@dataclass(frozen=True)
class ModelNews:
    group: int
    sku: str
    offer: tuple[int, int | None] | None
    at: datetime


@dataclass(frozen=True)
class ModelStay:
    """A membership: ``root`` None is the whole list; ``group`` None an exception that keeps own prices."""

    store: str
    group: int | None
    root: str | None
    since: datetime
    until: datetime | None = None
    confirmed_at: datetime | None = None
    suspended_at: datetime | None = None
    ended_by: str | None = None


@dataclass
class Model:
    crawls: list[ModelCrawl] = field(default_factory=list)
    news: list[ModelNews] = field(default_factory=list)
    stays: list[ModelStay] = field(default_factory=list)

    def own(self, store: str, sku: str, at: datetime) -> tuple[tuple[int, int | None], datetime] | None:
        """The offer that the store's crawls show as of ``at``, and since when."""
        root = ROOTS[sku]
        shown: tuple[tuple[int, int | None], datetime] | None = None
        for crawl in sorted((c for c in self.crawls if c.store == store), key=lambda c: c.step):
            if crawl.begin(root) > at:
                continue
            if (offer := crawl.saw.get(sku)) is not None:
                if shown is None or shown[0] != offer:
                    shown = (offer, crawl.begin(root))
            elif root in crawl.complete or sku in crawl.saw:
                shown = None  # off the shelf, or there at an unknown price
        return shown

    def covered(self, store: str, root: str, at: datetime) -> datetime | None:
        ends = [c.end(root) for c in self.crawls if c.store == store and root in c.complete and c.begin(root) <= at]
        return max(ends, default=None)

    def stay(self, store: str, root: str, at: datetime) -> ModelStay | None:
        for scope in (root, None):
            for stay in self.stays:
                if (
                    stay.store == store
                    and stay.root == scope
                    and stay.since <= at
                    and (stay.until is None or at < stay.until)
                ):
                    return stay
        return None

    def listed(
        self, group: int, sku: str, at: datetime
    ) -> tuple[tuple[int, int | None] | None, datetime, datetime] | None:
        """The list's line as of ``at``: offer (None: left), its last change, the begin of its run on the shelf."""
        line: tuple[tuple[int, int | None] | None, datetime, datetime] | None = None
        for item in sorted(
            (n for n in self.news if (n.group, n.sku) == (group, sku) and n.at <= at), key=lambda n: n.at
        ):
            if line is None or line[0] is None:
                line = (item.offer, item.at, item.at) if item.offer else line
            elif item.offer != line[0]:
                line = (item.offer, item.at, line[2])
        return line

    def effective(
        self, store: str, sku: str, at: datetime
    ) -> tuple[tuple[int, int | None], str, datetime, bool] | None:
        """(offer, source, seen_at, is_new_range) by the rule, or None."""
        root = ROOTS[sku]
        covered = self.covered(store, root, at)
        if covered is None:
            return None
        stay = self.stay(store, root, at)
        suspended = stay is not None and stay.suspended_at is not None and stay.suspended_at <= at
        group = stay.group if stay and stay.confirmed_at and not suspended else None
        line = self.listed(group, sku, at) if group is not None else None
        withdrawn_after = stay.confirmed_at if stay and stay.ended_by == "ejected" else None
        own = self.own(store, sku, at)
        if own is not None:
            seen = max(own[1], covered)
            if line is None or line[1] <= seen:
                return own[0], "direct_scrape", seen, False
        elif line is None or line[0] is None or line[2] <= covered:
            return None
        if line is None or line[0] is None or (withdrawn_after is not None and line[1] > withdrawn_after):
            return None
        return line[0], "inferred_group", line[1], own is None
