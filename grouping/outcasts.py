"""The end of placing: who shows a list in all but a few categories joins its group with exceptions.

An outcast asks the group that it came from first. A store that nobody takes so is an outlier.
"""

import sqlalchemy as sa

from grouping.crawl_verdict import judge_crawl
from grouping.history import read_bans, unresolved_ejections
from grouping.memberships import except_category, join_group, open_membership
from grouping.novelty import Subject, Vain, read_novelty
from grouping.overlap import compare
from grouping.placing import fits, follow_whole_lists, groups_in_scope
from grouping.references import Step, references
from grouping.ungrouped import ungrouped
from grouping.verdict import Match, Snapshot, match
from splitcart.database.models import GroupEvent, Store, StoreGroup


def settle_outcasts(step: Step, vain: Vain) -> tuple[dict[str, str], list[str]]:
    """Return the stores that joined a group with exceptions (group name by store id), and the outcasts that did not.

    ``vain`` keeps what was asked in this run without success.
    """
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
    for name, group_name in _join_with_exceptions(step, vain).items():
        excepted[name] = group_name
        if name in outliers:
            outliers.remove(name)
    return excepted, outliers


def _join_with_exceptions(step: Step, vain: Vain) -> dict[str, str]:
    """Give stores without a group the one that they show best but for a few categories; group names by store id."""
    groups, seekers = sorted(groups_in_scope(step), key=lambda group: group.name), ungrouped(step)
    novelty = read_novelty(step, groups, vain)
    if not (novelty.has_news(seekers) or novelty.has_group_news()):
        return {}
    step.snapshots.read_stores(seekers)
    bans = read_bans(step)
    joined = {}
    for store_id in seekers:
        best: tuple[tuple[int, float], StoreGroup, list[int], Snapshot, Match] | None = None
        for group in groups:
            pair: tuple[Subject, Subject] = ("store", store_id), ("group", group.id)
            if novelty.is_old(*pair) or (store := step.snapshots.of_store(store_id)) is None:
                continue
            ban = bans.get((store_id, group.id))
            if ban and ban.holds(step, group, store):
                continue
            if (found := _fits_but_for_some(step, group, store)) is None:
                novelty.was_in_vain(*pair)
                continue
            failing, rest = found
            rank = -len(failing), rest.comparison.true_overlap
            if best is None or rank > best[0]:
                best = rank, group, failing, store, rest
        if best:
            _, group, failing, store, rest = best
            _enter(step, group, failing, store, rest)
            joined[step.names[store_id]] = group.name
    return joined


def _fits_but_for_some(step: Step, group: StoreGroup, store: Snapshot) -> tuple[list[int], Match] | None:
    """The categories to except and the match of all others, which must prove as much as any whole list."""
    found = _exceptable(step, group, store)
    if found is None:
        return None
    rest = fits(step, group, store.without(found[0]))
    return (found[0], rest) if rest else None


def _rejoin(step: Step, event: GroupEvent) -> StoreGroup | None:
    group = step.session.get(StoreGroup, event.group_id) if event.group_id is not None else None
    active = step.session.scalar(sa.select(Store.is_active).where(Store.id == event.store_id))
    if group is None or not group.is_active or not active or event.candidate_crawl_id is None:
        return None
    store = step.snapshots.of_crawl(event.candidate_crawl_id)
    if (found := _exceptable(step, group, store)) is None:
        return None
    _enter(step, group, found[0], store, found[1])
    return group


def _enter(step: Step, group: StoreGroup, failing: list[int], store: Snapshot, rest: Match) -> None:
    store_id = store.store_id or 0
    join_group(step.session, store_id, group.id, step.now, store.observed_to)
    follow_whole_lists(step, store, but=failing)
    for category_id in failing:
        except_category(step.session, store_id, category_id, step.now)
    figures = {**rest.figures(), "excepted": failing}
    step.log("excepted", group, store_id, verdict="confirmed", candidate=store.crawl_id, figures=figures)


def _exceptable(step: Step, group: StoreGroup, store: Snapshot) -> tuple[list[int], Match] | None:
    """The categories to except, at most so many and so large a part of the range, with the match of all others."""
    listed = match(compare(store.prices, step.snapshots.of_list(group.id, step.now).prices), step.chain)
    if listed.comparison.true_overlap < step.chain.min_stable_share:
        return None
    moments = references(step, group, store.observed_from - step.bracket)
    verdict = judge_crawl(step, group.id, store, moments)
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
