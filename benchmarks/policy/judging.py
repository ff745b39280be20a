"""The judge of a play: keeps what the crawls showed, asks everybody each evening, and scores places and verdicts."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from benchmarks.policy.crawling import Crawl
from benchmarks.policy.looking import Looking, Prices, add_errors, answers, common_keys, together, wrong_by_store
from benchmarks.policy.oracle import Oracle
from benchmarks.policy.rivals import FlatRule, Shelves
from benchmarks.policy.score import Mover, Score
from benchmarks.policy.world import Key, World
from splitcart.database import reading
from splitcart.database.models import Crawl as CrawlRow
from splitcart.database.models import GroupEvent, Store, StoreGroup


class Judge:
    """Knows the truth; looks at the database of one play."""

    def __init__(self, engine: sa.Engine, world: World, score: Score) -> None:
        self.looking = Looking(engine, world)
        self._engine, self._world, self._score = engine, world, score
        self._oracle = Oracle(world, sees_moves=True)
        self._second = Oracle(world, sees_moves=False)
        self._shelves = Shelves(world)
        self._flat = FlatRule(self._shelves)
        self._seen_on: dict[str, int] = {}  # the last market day of which a whole crawl of a store came in
        self._showing: set[str] = set()  # the crawls that saw the new list of a mover
        self._last_event = 0
        self._figures: dict[tuple[str, int | None], list[str]] = {}  # what was decided, by store and crawl

    def see(self, crawl: Crawl) -> None:
        """A crawl came in."""
        for sight in crawl.sights:
            self._oracle.see(sight)
            self._second.see(sight)
        self._shelves.see(crawl.sights)
        self._flat.see(crawl.store_id)
        mover = self._score.movers.get(crawl.store_id)
        if mover and self._shows(crawl, mover):
            self._showing.add(crawl.crawl_id)
        if crawl.complete:
            day = min(sight.day for sight in crawl.sights)
            self._seen_on[crawl.store_id] = day
            if mover and mover.crawled_on is None and crawl.crawl_id in self._showing:
                mover.crawled_on = day

    def _shows(self, crawl: Crawl, mover: Mover) -> bool:
        """Whether a crawl saw a category that a change of list is about."""
        before = self._world.key(crawl.store_id, mover.day - 1)
        return any(
            sight.day >= mover.day and self._world.key(crawl.store_id, sight.day)[sight.root] != before[sight.root]
            for sight in crawl.sights
        )

    def look(self, day: int, now: datetime) -> None:
        """Score the evening of a day, after the run."""
        today = {store_id: self._world.day(store_id, now) for store_id in self._world.stores}
        groups = self.looking.groups()
        keys = common_keys(self._world, groups, today)
        self._score.groups = len(groups)
        self._read_events(day, groups, keys, today)
        standing = self._places(day, groups, keys, today)
        if day:
            self._prices(groups, standing, today)
            self._score.flat_merged = max(self._score.flat_merged, self._flat.mixed_groups(self._world, day))

    def conclude(self, day: int) -> None:
        """Score the partition at the end; a move that no crawl has shown yet is nobody's fault."""
        groups = self.looking.groups()
        placed = {store_id for members in groups.values() for store_id in members}
        shared = [name for name in self._world.stores if not self._world.is_solo(name) and not self._is_unseen(name)]
        self._score.together = together(groups, shared, lambda store_id: self._world.key(store_id, day))
        solos = [store_id for store_id in self._world.stores if self._world.is_solo(store_id)]
        self._score.alone = sum(store_id not in placed for store_id in solos) / max(len(solos), 1)

    def _is_unseen(self, store_id: str) -> bool:
        mover = self._score.movers.get(store_id)
        return mover is not None and mover.crawled_on is None

    def _places(
        self, day: int, groups: dict[int, list[str]], keys: dict[int, Key], today: dict[str, int]
    ) -> dict[str, str]:
        """Score where every store stands; return it in words."""
        place = {store_id: group for group, stores in groups.items() for store_id in stores}
        suspended, excepted = self.looking.suspended(), self.looking.excepted()
        strangers: dict[tuple[int, Key], int] = {}
        standing: dict[str, str] = {}
        for store_id in self._seen_on:
            key, group = self._world.key(store_id, today[store_id]), place.get(store_id)
            apart = excepted.get(store_id, set())
            if group is None:
                right = not any(self._world.is_priced_by(store_id, other, today[store_id]) for other in keys.values())
            else:
                carried = self._world.carried(store_id)
                right = all(
                    one == other or root in apart or not carried[root]
                    for root, (one, other) in enumerate(zip(keys[group], key, strict=True))
                )
            if right:
                words = "in its group" if group is not None else "rightly without a group"
            elif self._is_unseen(store_id):
                words = "moved unseen"
            elif group is None:
                words = "homeless"
                self._score.homeless += 1
            else:
                words = "in a wrong group"
                self._score.strangers += 1
                strangers[group, key] = strangers.get((group, key), 0) + 1
            kind = "solo " if self._world.is_solo(store_id) else "mixed " if self._world.is_mixed(store_id) else ""
            standing[store_id] = kind + words + (", suspended" if store_id in suspended else "")
            mover = self._score.movers.get(store_id)
            if mover and mover.right_on is None and right and mover.crawled_on is not None:
                mover.right_on = day
            if mover and mover.ejected_on == day:
                mover.right_after = right
        self._score.merged = max(self._score.merged, sum(count > 1 for count in strangers.values()))
        return standing

    def _prices(self, groups: dict[int, list[str]], standing: dict[str, str], today: dict[str, int]) -> None:
        truth = answers(self._world, lambda store_id: self._world.shelf(store_id, today[store_id]))
        ours, inferred = self.looking.effective_prices()
        oracle = answers(self._world, lambda store_id: self._oracle.answer(store_id, today[store_id]))
        ambassadors = self.looking.ambassadors()
        ambassador_of = {name: ambassadors.get(group) for group, stores in groups.items() for name in stores}
        beside: dict[str, Prices] = {
            "second oracle": answers(self._world, lambda store_id: self._second.answer(store_id, today[store_id])),
            "flat 98 %": answers(
                self._world, lambda name: self._shelves.freshest(name, self._flat.ambassador_of.get(name))
            ),
            "freshest wins": answers(self._world, lambda name: self._shelves.freshest(name, ambassador_of.get(name))),
        }
        for name, prices in {"ours": ours, "oracle": oracle, **beside}.items():
            add_errors(self._score.errors[name], prices, truth)
        self._score.inferred.append(inferred)
        more = wrong_by_store(ours, truth) - wrong_by_store(oracle, truth)
        for position, store_id in enumerate(self._world.stores):
            self._score.causes[standing.get(store_id, "never seen whole")] += int(more[position])

    def _read_events(self, day: int, groups: dict[int, list[str]], keys: dict[int, Key], today: dict[str, int]) -> None:
        """Count checks and ejections; a store that prices as most of those that are left was ejected falsely."""
        place = {store_id: group for group, stores in groups.items() for store_id in stores}
        query = (
            sa.select(GroupEvent.id, GroupEvent.kind, GroupEvent.verdict, GroupEvent.group_id, GroupEvent.at)
            .add_columns(GroupEvent.candidate_crawl_id, GroupEvent.reference_crawl_id, GroupEvent.figures)
            .add_columns(Store.store_id, CrawlRow.crawl_id, CrawlRow.observed_to, StoreGroup.category_id)
            .join(Store, Store.id == GroupEvent.store_id)
            .join(CrawlRow, CrawlRow.id == GroupEvent.candidate_crawl_id, isouter=True)
            .join(StoreGroup, StoreGroup.id == GroupEvent.group_id, isouter=True)
            .where(GroupEvent.id > self._last_event)
            .order_by(GroupEvent.id)
        )
        with reading(self._engine) as session:
            rows = session.execute(query).all()
        for row in rows:
            self._figures.setdefault((row.store_id, row.candidate_crawl_id), []).append(_evidence(row))
            self._last_event = row.id
            mover = self._score.movers.get(row.store_id)
            since = row.crawl_id in self._showing
            if row.kind == "verdict" and row.verdict in {"confirmed", "rogue"}:
                self._score.checks += 1
            on_whole_list = row.kind in {"verdict", "ambassador_rogue"} and row.category_id is None
            if mover and since and mover.verdict is None and on_whole_list:
                mover.verdict = row.verdict
                if row.verdict == "confirmed":
                    self._score.evidence.append(f"mover of day {mover.day} confirmed: {_evidence(row)}")
            if row.kind == "ejected":
                back = place.get(row.store_id) == row.group_id and self._world.is_mixed(row.store_id)
                if mover and since and mover.ejected_on is None and row.category_id is None:
                    mover.ejected_on = day
                left = keys.get(row.group_id)
                false = left is not None and self._world.is_priced_by(row.store_id, left, today[row.store_id])
                false &= not back
                self._score.falsely_ejected += false
                if false:
                    decided = self._figures[row.store_id, row.candidate_crawl_id]
                    self._score.evidence.append(f"falsely ejected: {'; '.join(decided)}")
                self._score.rightly_ejected += not false


def _evidence(row: sa.Row[Any]) -> str:
    """One decision with what it was made on; the instant that of the crawl that it is about."""
    figures = row.figures or {}
    wanted = ("by", "true_overlap", "shared", "categories", "bracket")
    told = {name: figures[name] for name in wanted if name in figures}
    seen = f"{row.observed_to:%d %H:%M}" if row.observed_to else "no"
    return (
        f"{row.at:%d %H:%M} {row.kind} {row.verdict or ''} {row.store_id} of group {row.group_id}, "
        f"crawl {row.candidate_crawl_id} ({seen}) against {row.reference_crawl_id}: {told}"
    )
