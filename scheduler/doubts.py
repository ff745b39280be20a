"""What a group waits for: the vote of a tie-breaker, a second voice for news, or a crawl of its Ambassador."""

from collections.abc import Iterator
from datetime import datetime

from scheduler.entry import QueueEntry
from scheduler.groups import STALE, GroupStanding, PendingCandidate
from scheduler.selection import Selection

TIE_BREAKERS = 2  # per group and run


def tie_breakers(selection: Selection, group: GroupStanding) -> Iterator[QueueEntry]:
    """Yield members that are neither Ambassador nor already tried, so many that two verdicts are under way."""
    since = group.diverged_at or group.last_event_at or selection.now - selection.window
    asked = {lease.store_id for lease in group.leased("tie-breaker", since)}
    asked |= {candidate.store for candidate in group.pending}
    settled = {store for store, at in group.judged if at >= since} | set(group.suspended)
    tried = asked | settled | {group.ambassador}
    untried = selection.least_recent(group, [store for store in group.members if store not in tried])
    for row_id in untried[: max(0, TIE_BREAKERS - len(asked - settled))]:
        reason = f"tie-breaker of {group.name}, where a rogue and the Ambassador disagree"
        yield selection.choose(row_id, "tie-breaker", reason, group)


def second_voice(selection: Selection, group: GroupStanding) -> Iterator[QueueEntry]:
    """Yield the member to ask whether it shows what waits for a second store, once since the news came."""
    since = group.news_waits_since
    if since is None or group.leased("second voice", since):
        return
    for row_id in selection.least_recent(group, [store for store in group.unsuspended if store != group.ambassador])[
        :1
    ]:
        reason = f"second voice for {group.name}: the Ambassador's news of {since:%d %b %H:%M} UTC waits for it"
        yield selection.choose(row_id, "second voice", reason, group)


def ambassador(selection: Selection, group: GroupStanding) -> Iterator[QueueEntry]:
    """Yield the group's Ambassador if its data is stale or awaited, or a stand-in if it cannot be scraped."""
    doubt = _doubt(selection, group)
    if doubt is None:
        return
    if group.ambassador is not None and selection.is_free(group.ambassador):
        yield selection.choose(group.ambassador, "ambassador", f"Ambassador of {group.name}: {doubt}", group)
    elif _is_lost(selection, group.ambassador):
        confirmed = [store for store in group.unsuspended if selection.is_free(store)]
        confirmed.sort(key=lambda store: (selection.hours_since(group.members[store]), store))
        for row_id in confirmed[:1]:
            lost = selection.roster.stores.get(group.ambassador or 0)
            why = f"failed {lost.strikes} times" if lost else "is gone"
            reason = f"stands in for the Ambassador of {group.name}, which {why}: {doubt}"
            yield selection.choose(row_id, "ambassador", reason, group)


def _doubt(selection: Selection, group: GroupStanding) -> str | None:
    """Say why the group needs a crawl of its Ambassador; None when it does not, or has been asked for it."""
    covered_at, observed_from = selection.seen(group, group.ambassador)
    change = _change_to_show(selection, group)
    settled = (candidate.observed_to + selection.roll_out for candidate in group.pending)
    marks = (
        group.last_event_at,
        change,
        selection.now - selection.window,
        *(at for at in settled if at <= selection.now),
    )
    if group.leased("ambassador", since=max(mark for mark in marks if mark is not None)):
        return None
    if covered_at is None or observed_from is None:
        return "no complete crawl of it is known"
    if group.status == STALE and not _is_unseen(selection, group):
        return "the last run found it stale"
    age_hours = selection.hours_since(covered_at)
    if age_hours > selection.chain.current_pricing_hours:
        return f"its data is {age_hours:.0f} h old"
    if change is not None and observed_from < change:
        had_them = "all" if change == selection.last_change(group.ambassador, reached=1.0) else "most"
        return f"its data is from before {had_them} stores had the new prices, {change:%d %b %H:%M} UTC"
    waiting = sum(_needs_after(selection, group, candidate, covered_at, observed_from) for candidate in group.pending)
    return f"{waiting} pending candidates wait for a crawl after theirs" if waiting else None


def _change_to_show(selection: Selection, group: GroupStanding) -> datetime | None:
    """From when on the Ambassador shows the last change of prices: once most stores have it, or, if it did not, all."""
    begun = selection.last_change(group.ambassador, reached=0.0)
    everywhere = selection.last_change(group.ambassador, reached=1.0)
    if begun is not None and group.changed_at is not None and group.changed_at >= begun:
        return begun
    mostly = selection.last_change(group.ambassador, reached=0.5)
    return max((at for at in (mostly, everywhere) if at is not None), default=None)


def _needs_after(
    selection: Selection, group: GroupStanding, candidate: PendingCandidate, covered_at: datetime, seen_from: datetime
) -> bool:
    """The candidate is later than the Ambassador, and either too much later to compare or left open by a run.

    What prices that were being rolled out left open asks once more when they have reached every store.
    """
    left_open = group.last_event_at is not None and group.last_event_at >= candidate.stamped_at
    gap = candidate.observed_to - covered_at
    if candidate.observed_to > covered_at:
        return left_open or gap > selection.window
    return left_open and seen_from < candidate.observed_to + selection.roll_out <= selection.now


def _is_unseen(selection: Selection, group: GroupStanding) -> bool:
    """The Ambassador's newest crawl came in after the group's last run, which will judge by it."""
    store = selection.roster.stores.get(group.ambassador or 0)
    ingested_at = store.ingested_at if store else None
    return ingested_at is not None and group.last_event_at is not None and ingested_at > group.last_event_at


def _is_lost(selection: Selection, row_id: int | None) -> bool:
    """No crawl of it is to be expected soon: gone, or failing."""
    store = selection.roster.stores.get(row_id or 0)
    return store is None or (store.strikes > 0 and not store.held)
