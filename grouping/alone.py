"""Category groups of one store: they have no Ambassador, are told another group's news, and judge their store by it."""

import sqlalchemy as sa

from grouping.effects import end_exceptions
from grouping.memberships import prove
from grouping.references import Step, same_list
from splitcart.database.models import Candidate, Membership, StoreGroup


def is_alone(group: StoreGroup, members: int) -> bool:
    """Whether a group may live with one member: it is about a category, and was founded beside a whole-list group."""
    return members == 1 and group.category_id is not None and group.ambassador_id is None


def check_alone(step: Step, group: StoreGroup, place: Membership) -> bool:
    """Judge the newest crawl of a group's only store by the list that the group was told; False: the group is to end.

    What the store shows is no word on the list, so nothing but the list can be asked: whoever does not show it has its
    own prices, until it is found beside whatever list it does show.
    """
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == group.id))
    store = step.snapshots.of_store(place.store_id)
    if place.suspended_at is not None or store is None or place.confirmed_at is None:
        return False
    if store.observed_to <= place.confirmed_at:
        return True
    end_exceptions(step, group, store)
    found = same_list(step, store, step.snapshots.of_list(group.id, step.now))
    if place.until is not None or found is None:
        return False
    prove(step.session, place, store.observed_to)
    figures = {"by": "near", "heard": [], **found.figures()}
    step.log("verdict", group, place.store_id, verdict="confirmed", candidate=store.crawl_id, figures=figures)
    return True
