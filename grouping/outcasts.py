"""The end of re-homing: an outcast that found no other place keeps its old group with exceptions, or is an outlier."""

import sqlalchemy as sa

from grouping.history import unresolved_ejections
from grouping.memberships import except_category, join_group, open_membership
from grouping.overlap import compare
from grouping.references import Step, judge_crawl, references
from grouping.verdict import Match, Snapshot, match
from splitcart.database.models import GroupEvent, Store, StoreGroup


def settle_outcasts(step: Step) -> tuple[dict[str, str], list[str]]:
    """Return the stores that rejoined their group with exceptions (group name by store id), and the outliers."""
    excepted: dict[str, str] = {}
    outliers = []
    for event in unresolved_ejections(step):
        store_id = event.store_id or 0
        if open_membership(step.session, store_id) is not None:
            continue
        if group := _rejoin(step, event):
            excepted[step.names[store_id]] = group.name
        else:
            step.log("outlier", None, store_id)
            outliers.append(step.names[store_id])
    return excepted, outliers


def _rejoin(step: Step, event: GroupEvent) -> StoreGroup | None:
    group = step.session.get(StoreGroup, event.group_id) if event.group_id is not None else None
    active = step.session.scalar(sa.select(Store.is_active).where(Store.id == event.store_id))
    if group is None or not group.is_active or not active or event.candidate_crawl_id is None:
        return None
    store = step.snapshots.of_crawl(event.candidate_crawl_id)
    if (found := _exceptable(step, group, store)) is None:
        return None
    failing, rest = found
    store_id = event.store_id or 0
    join_group(step.session, store_id, group.id, step.now, store.observed_to)
    for category_id in failing:
        except_category(step.session, store_id, category_id, step.now)
    figures = {**rest.figures(), "excepted": failing}
    step.log("excepted", group, store_id, verdict="confirmed", candidate=store.crawl_id, figures=figures)
    return group


def _exceptable(step: Step, group: StoreGroup, store: Snapshot) -> tuple[list[int], Match] | None:
    """The categories to except, at most so many and so large a part of the range, with the match of all others."""
    moments = references(step, group, store.observed_from - step.bracket)
    verdict = judge_crawl(step, group.id, store, moments)
    listed = match(compare(store.prices, step.snapshots.of_list(group.id, step.now).prices), step.chain)
    answers = [found for found in (verdict.match, listed) if found is not None]
    best = max(answers, key=lambda found: (found.comparison.true_overlap, found.comparison.shared))
    failing = list(best.failing_categories)
    share = int(store.prices.size - store.prices.without(failing).size) / max(store.prices.size, 1)
    if not failing or len(failing) > step.chain.max_exception_categories or share > step.chain.max_exception_share:
        return None
    silent = store.prices.without(failing)
    trimmed = Snapshot(silent, store.observed_from, store.observed_to, store.store_id, store.crawl_id)
    proof = judge_crawl(step, group.id, trimmed, moments)
    if proof.kind == "confirmed" and proof.match is not None:
        return failing, proof.match
    rest = match(compare(silent, step.snapshots.of_list(group.id, step.now).prices), step.chain)
    return (failing, rest) if rest.holds else None
