"""Where a store stands now, in a sentence or two."""

from datetime import datetime

import sqlalchemy as sa

from grouping.memberships import open_membership
from grouping.references import Step
from grouping.told import is_told, origin
from splitcart.database.models import AmbassadorTenure, Category, Membership, Store, StoreGroup


def describe_standing(step: Step, store: Store) -> list[str]:
    """Say in which group a store is, since when and how sure that is, and which categories it keeps to itself."""
    place = open_membership(step.session, store.id)
    group = step.session.get(StoreGroup, place.group_id) if place and place.group_id else None
    lines = [_whole_list(step, store, place, group)] if place and group else [_outside(step, store)]
    own = step.session.execute(
        sa.select(Category.name, StoreGroup)
        .join_from(Membership, Category, Category.id == Membership.category_id)
        .join(StoreGroup, StoreGroup.id == Membership.group_id, isouter=True)
        .where(Membership.store_id == store.id, Membership.until.is_(None), Membership.category_id.is_not(None))
        .order_by(Category.name)
    )
    lines += [f"{category}: {_in_category(step, group)}" for category, group in own]
    if not store.is_active:
        lines.append("it is closed")
    return lines


def _whole_list(step: Step, store: Store, place: Membership, group: StoreGroup) -> str:
    parts = [f"{store.store_id} is in {group.name} since {_instant(place.since)}"]
    if group.ambassador_id == store.id:
        since = step.session.scalar(
            sa.select(AmbassadorTenure.since).where(
                AmbassadorTenure.group_id == group.id, AmbassadorTenure.until.is_(None)
            )
        )
        parts.append(f"its Ambassador{f' since {_instant(since)}' if since else ''}: its crawls feed the list")
    if place.confirmed_at is None:
        parts.append("not proven by any crawl yet, so nothing is inferred for it")
    else:
        parts.append(f"proven last by a crawl of {_instant(place.confirmed_at)}")
    if place.suspended_at is not None:
        parts.append(f"suspended since {_instant(place.suspended_at)}: own prices only until the tie-breaker's verdict")
    return ", ".join(parts)


def _in_category(step: Step, group: StoreGroup | None) -> str:
    if group is None:
        return "keeps its own prices"
    teller = origin(step.session, group) if is_told(group) else None
    told = f", whose list began as that of {teller.name} and shares its news" if teller and teller.is_active else ""
    return f"follows {group.name}{told}"


def _outside(step: Step, store: Store) -> str:
    last = step.session.execute(
        sa.select(StoreGroup.name, Membership.until, Membership.ended_by)
        .join_from(Membership, StoreGroup, StoreGroup.id == Membership.group_id)
        .where(Membership.store_id == store.id, Membership.category_id.is_(None))
        .order_by(Membership.until.desc())
        .limit(1)
    ).first()
    if last is None:
        return f"{store.store_id} has never been in a group: own prices only"
    how = {"ejected": "ejected from", "dissolved": "left without", "inactive": "closed in"}.get(last.ended_by, "left")
    return f"{store.store_id} is in no group: own prices only; {how} {last.name} on {_instant(last.until)}"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
