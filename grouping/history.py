"""What past ejections forbid: a store rejoins a group only on newer crawls of both, a merge is not repeated soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from grouping.journal import PLACING_KINDS
from grouping.references import Step, references
from grouping.verdict import Snapshot
from splitcart.database.models import Crawl, GroupEvent, StoreGroup


@dataclass(frozen=True, slots=True)
class Ban:
    """A store was ejected from a group on a pair of crawls; ``merged``: a merge had brought it there."""

    ejected_at: datetime
    candidate_seen: datetime
    reference_seen: datetime
    merged: bool

    def holds(self, step: Step, group: StoreGroup, store: Snapshot) -> bool:
        """Whether the store, with this snapshot, is still kept out of the group."""
        if self.merged and step.now - self.ejected_at < timedelta(days=step.chain.remerge_days):
            return True
        if store.observed_to <= self.candidate_seen:
            return True
        known = references(step, group, self.reference_seen)
        return not any(moment.observed_to > self.reference_seen for moment in known)


def read_bans(step: Step) -> dict[tuple[int, int], Ban]:
    """Return the newest ejection of each (store, group); row ids."""
    candidate, reference = sa.orm.aliased(Crawl), sa.orm.aliased(Crawl)
    ejected = sa.select(GroupEvent.store_id).where(
        GroupEvent.company_id == step.company_id, GroupEvent.kind == "ejected"
    )
    rows = step.session.execute(
        sa.select(GroupEvent, candidate.observed_to, reference.observed_to)
        .join(candidate, candidate.id == GroupEvent.candidate_crawl_id, isouter=True)
        .join(reference, reference.id == GroupEvent.reference_crawl_id, isouter=True)
        .where(
            GroupEvent.store_id.in_(ejected),
            GroupEvent.kind.in_(("joined", "merged", "ejected")),
            GroupEvent.group_id.is_not(None),
        )
        .order_by(GroupEvent.at, GroupEvent.id)
    )
    bans: dict[tuple[int, int], Ban] = {}
    merged: set[tuple[int, int]] = set()
    for event, candidate_seen, reference_seen in rows:
        pair = event.store_id or 0, event.group_id or 0
        if event.kind == "ejected":
            bans[pair] = Ban(event.at, candidate_seen or event.at, reference_seen or event.at, merged=pair in merged)
        else:
            merged.add(pair)
    return bans


def unresolved_ejections(step: Step) -> list[GroupEvent]:
    """Return, for each store whose last placing event is an ejection from a whole-list group, that event.

    Ordered by store id of the chain.
    """
    rows = step.session.scalars(
        sa.select(GroupEvent)
        .where(
            GroupEvent.company_id == step.company_id,
            GroupEvent.store_id.is_not(None),
            GroupEvent.kind.in_(PLACING_KINDS),
            GroupEvent.group_id.not_in(sa.select(StoreGroup.id).where(StoreGroup.category_id.is_not(None)))
            | GroupEvent.group_id.is_(None),
        )
        .order_by(GroupEvent.at, GroupEvent.id)
    )
    last = {event.store_id: event for event in rows}
    found = [event for event in last.values() if event.kind == "ejected"]
    return sorted(found, key=lambda event: step.names[event.store_id or 0])
