"""Settling audits: which wrong inferences were only late, and which were deviations."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from grouping.offers import list_history_table, list_table
from grouping.references import Step, read_references, references
from splitcart.database.models import Crawl, GroupEvent, InferenceAudit, StoreGroup


def settle_audits(step: Step) -> int:
    """Settle the audits whose group has a reference crawl later than the audited one; return how many.

    A mismatch is stale when the observed price is what the list said next, by the first such crawl; else the store
    deviates. Crawls whose news still waits for a second store do not settle anything.
    """
    audits = step.session.execute(
        sa.select(InferenceAudit, Crawl.observed_to, StoreGroup)
        .join(Crawl, Crawl.id == InferenceAudit.crawl_id)
        .join(StoreGroup, StoreGroup.id == InferenceAudit.group_id)
        .where(InferenceAudit.settled_at.is_(None), StoreGroup.company_id == step.company_id)
        .order_by(InferenceAudit.group_id, InferenceAudit.id)
    ).all()
    settled = 0
    by_group: dict[int, list[tuple[InferenceAudit, Any]]] = {}
    groups = {}
    for audit, seen_at, group in audits:
        by_group.setdefault(group.id, []).append((audit, seen_at))
        groups[group.id] = group
    if audits:
        read_references(step, groups.values(), min(seen_at for _, seen_at, _ in audits))
    unsure = _waiting_news(step, groups) if groups else set()
    for group_id, waiting in by_group.items():
        moments = references(step, groups[group_id], min(seen_at for _, seen_at in waiting))
        for audit, seen_at in waiting:
            later = [one for one in moments if one.observed_from > seen_at and (group_id, one.crawl_id) not in unsure]
            if not later:
                continue
            first = min(later, key=lambda moment: (moment.observed_to, moment.crawl_id))
            said = _said_after(step, audit, seen_at, first.observed_to)
            mismatches = audit.mismatches or []
            audit.stale = sum(price in said.get(sku_id, {None}) for sku_id, price in mismatches)
            audit.deviating = audit.compared - audit.equal - audit.stale
            audit.mismatches = None
            audit.settled_at = step.now
            settled += 1
    step.session.flush()
    return settled


def _waiting_news(step: Step, group_ids: Collection[int]) -> set[tuple[int, int]]:
    """By group, the crawls of the Ambassador whose news waits: those after the group's last check."""
    rows = step.session.execute(
        sa.select(StoreGroup.id, GroupEvent.candidate_crawl_id)
        .join(StoreGroup, StoreGroup.id == GroupEvent.group_id)
        .where(GroupEvent.group_id.in_(group_ids), GroupEvent.kind == "news_waiting")
        .where(sa.or_(StoreGroup.last_checked_at.is_(None), GroupEvent.at > StoreGroup.last_checked_at))
    )
    return {(group_id, crawl_id or 0) for group_id, crawl_id in rows}


def _said_after(step: Step, audit: InferenceAudit, since: Any, until: Any) -> dict[int, set[int | None]]:
    """What the list said of each mismatching sku as it stood at ``until`` or now; None: off the list."""
    sku_ids = [sku_id for sku_id, _ in audit.mismatches or []]
    said: dict[int, set[int | None]] = {}
    standing = sa.select(list_table.c.sku_id, list_table.c.price_cents, list_table.c.left_at).where(
        list_table.c.group_id == audit.group_id, list_table.c.sku_id.in_(sku_ids), list_table.c.changed_at <= until
    )
    for sku_id, price, left_at in step.session.execute(standing):
        said.setdefault(sku_id, set()).add(None if left_at and left_at <= until else price)
    closed = sa.select(list_history_table.c.sku_id, list_history_table.c.price_cents).where(
        list_history_table.c.group_id == audit.group_id,
        list_history_table.c.sku_id.in_(sku_ids),
        list_history_table.c.since <= until,
        list_history_table.c.until > since,
    )
    for sku_id, price in step.session.execute(closed):
        said.setdefault(sku_id, set()).add(price)
    return said
