"""Merging groups whose lists are one: the larger group survives and its list stays."""

import sqlalchemy as sa

from grouping.history import Ban, read_bans
from grouping.memberships import except_category, join_group, leave_group, make_ambassador, members
from grouping.novelty import Novelty, Subject, Vain, read_novelty
from grouping.overlap import compare
from grouping.placing import fits, groups_in_scope
from grouping.references import Step, references, same_list, speak_for_most
from grouping.settled import PlainlyApart, groups_are_apart, members_second
from grouping.told import is_told
from grouping.verdict import Match, Snapshot, match
from splitcart.database.models import Candidate, Membership, StoreGroup

Proofs = dict[int, tuple[Snapshot, Match]]  # by store


def merge_groups(step: Step, vain: Vain) -> dict[str, str]:
    """Merge until nothing merges any more; return the surviving group's name by the name of the one that went into it.

    Larger groups are asked first, and of equals the one whose first store has the lower id. ``vain`` keeps what was
    compared in this run without success.
    """
    merged: dict[str, str] = {}
    while len(groups := groups_in_scope(step)) > 1:
        novelty = read_novelty(step, groups, vain)
        pair = _next_pair(step, groups, read_bans(step), novelty) if novelty.has_group_news() else None
        if pair is None:
            break
        survivor, other, proofs = pair
        _merge(step, survivor, other, proofs)
        merged[other.name] = survivor.name
    return merged


def _next_pair(
    step: Step, groups: list[StoreGroup], bans: dict[tuple[int, int], Ban], novelty: Novelty
) -> tuple[StoreGroup, StoreGroup, Proofs] | None:
    """The first pair that merges; those that do not are noted."""
    sized = []
    for group in groups:
        stores = novelty.members.get(group.id, ())
        if stores and group.status != "DIVERGENCE_DETECTED":
            sized.append((-len(stores), min(step.names[store_id] for store_id in stores), group))
    ranked = [group for *_, group in sorted(sized, key=lambda entry: entry[:2])]
    plainly_apart: PlainlyApart | None = None
    for position, survivor in enumerate(ranked):
        to_compare = []
        for other in ranked[position + 1 :]:
            pair: tuple[Subject, Subject] = ("group", survivor.id), ("group", other.id)
            banned = any((store_id, survivor.id) in bans for store_id in novelty.members.get(other.id, ()))
            if banned or not novelty.is_old(*pair):
                to_compare.append((pair, other))
        if not to_compare:
            continue
        plainly_apart = plainly_apart or PlainlyApart(step, ranked)
        apart = plainly_apart.later_than(position)
        for pair, other in to_compare:
            proofs = None if other.id in apart else _proofs(step, survivor, other, bans)
            if proofs is not None:
                return survivor, other, proofs
            novelty.was_in_vain(*pair)
    return None


def _proofs(step: Step, survivor: StoreGroup, other: StoreGroup, bans: dict[tuple[int, int], Ban]) -> Proofs | None:
    """The members of ``other`` with a comparable crawl and how they match the survivor; None: the two stay apart.

    A crawl of a few departments proves nothing, but keeps the two apart where one of these fails.
    """
    places = members(step.session, other.id)
    speaks = places[0].store_id if places and is_told(other) else other.ambassador_id
    ambassador = step.snapshots.of_store(speaks) if speaks is not None else None
    lists = step.snapshots.of_list(survivor.id, step.now), step.snapshots.of_list(other.id, step.now)
    alike = same_list(step, *lists) or not groups_are_apart(step, survivor, other)
    if not alike or ambassador is None or not (same_list(step, *lists) or fits(step, survivor, ambassador)):
        return None
    silent = step.exceptions([place.store_id for place in places])
    proofs: Proofs = {}
    for place in places:
        store = step.snapshots.of_store(place.store_id, silent.get(place.store_id, frozenset()))
        if store is None or not _comparable(step, survivor, store):
            continue
        ban = bans.get((place.store_id, survivor.id))
        if ban and ban.holds(step, survivor, store):
            return None
        if not speak_for_most(store, lists[0]):
            if match(compare(store.prices, lists[0].prices), step.chain).failing_categories:
                return None
            continue
        if (found := fits(step, survivor, store)) is None:
            return None
        proofs[place.store_id] = store, found
    if members_second(step, survivor, other, [store for store, _ in proofs.values()]):
        return None
    return proofs or None


def _comparable(step: Step, group: StoreGroup, store: Snapshot) -> bool:
    """Whether a crawl that speaks for the group lies within the window of the store's."""
    moments = references(step, group, store.observed_from - step.window)
    return any(moment.observed_from <= store.observed_to + step.window for moment in moments)


def _merge(step: Step, survivor: StoreGroup, other: StoreGroup, proofs: Proofs) -> None:
    places = members(step.session, other.id)
    silent = step.exceptions([place.store_id for place in places])
    for place in places:
        proof = proofs.get(place.store_id)
        leave_group(step.session, place.store_id, step.now, "merged", category_id=step.scope)
        confirmed_at = max(filter(None, (place.confirmed_at, proof[0].observed_to if proof else None)), default=None)
        joined = join_group(step.session, place.store_id, survivor.id, step.now, confirmed_at, category_id=step.scope)
        _keep_exceptions(step, joined, silent.get(place.store_id, frozenset()))
        step.log(
            "merged",
            survivor,
            place.store_id,
            verdict="confirmed" if proof else None,
            candidate=proof[0].crawl_id if proof else None,
            figures={"from": other.id, **(proof[1].figures() if proof else {})},
        )
    known = sa.select(Candidate.crawl_id).where(Candidate.group_id == survivor.id)
    step.session.execute(
        sa.update(Candidate)
        .where(Candidate.group_id == other.id, Candidate.crawl_id.not_in(known))
        .values(group_id=survivor.id)
        .execution_options(synchronize_session=False)
    )
    step.session.execute(sa.delete(Candidate).where(Candidate.group_id == other.id))
    make_ambassador(step.session, other, None, step.now)
    other.is_active = False
    step.log("dissolved", other, figures={"reason": f"merged into {survivor.name}", "into": survivor.id})


def _keep_exceptions(step: Step, place: Membership, category_ids: frozenset[int]) -> None:
    for category_id in sorted(category_ids):
        except_category(step.session, place.store_id, category_id, step.now)
