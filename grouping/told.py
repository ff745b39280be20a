"""Category groups that were founded beside a whole-list group: they are told its news, and judge their stores by it.

They have no Ambassador, and no store of theirs has a word on the list: it is another group's.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effects import dissolve, end_exceptions
from grouping.memberships import except_category, leave_group, open_membership, prove
from grouping.references import Step, same_list
from splitcart.database.models import Candidate, GroupEvent, Membership, StoreGroup


def is_told(group: StoreGroup) -> bool:
    """Whether a group has its list from others only."""
    return group.category_id is not None and group.ambassador_id is None


def origin(session: Session, group: StoreGroup) -> StoreGroup | None:
    """Return the group whose list the list of another began as; None: it was made of its founders' offers."""
    begun = session.scalar(sa.select(GroupEvent).where(GroupEvent.group_id == group.id, GroupEvent.kind == "listed"))
    return session.get(StoreGroup, begun.figures["from"]) if begun and "from" in begun.figures else None


def check_told(step: Step, group: StoreGroup, places: Collection[Membership]) -> list[int]:
    """Judge the newest crawl of each member by the list; return the stores (row ids) that it proves.

    Who does not show the list, because it left it or because the list is ahead of the crawl, keeps its own prices in
    the category until it finds the list that it does show. The group ends with its last store.
    """
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id))
    proven = [place.store_id for place in places if _shows_the_list(step, group, place)]
    if all(place.until is not None for place in places):
        dissolve(step, group, "no store is left that follows the list that it is told")
    return proven


def _shows_the_list(step: Step, group: StoreGroup, place: Membership) -> bool:
    store = step.snapshots.of_store(place.store_id)
    if store is None or (place.confirmed_at is not None and store.observed_to <= place.confirmed_at):
        return False
    end_exceptions(step, group, store)
    if place.until is not None:
        return False
    found = same_list(step, store, step.snapshots.of_list(group.id, step.now))
    if found is None and (teller := origin(step.session, group)):  # its news is shared at the end of a run
        found = same_list(step, store, step.snapshots.of_list(teller.id, step.now)) if teller.is_active else None
    if found is None:
        leave_group(step.session, place.store_id, step.now, "moved", category_id=step.scope)
        if open_membership(step.session, place.store_id) is not None:  # whose group does not show it either
            except_category(step.session, place.store_id, step.scope or 0, step.now)
        step.log("excepted", group, place.store_id, candidate=store.crawl_id, figures={"excepted": [step.scope]})
        return False
    prove(step.session, place, store.observed_to)
    figures = {"by": "near", "heard": [], **found.figures()}
    step.log("verdict", group, place.store_id, verdict="confirmed", candidate=store.crawl_id, figures=figures)
    return True
