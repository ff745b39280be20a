"""A verdict in words: which rule gave it, on which figures."""

from collections.abc import Sequence
from datetime import timedelta

from grouping.choosing import Moment
from grouping.memberships import root_categories
from grouping.overlap import compare
from grouping.references import Step, read_moments, speak_for_most
from grouping.verdict import (
    MIN_COMPARABLE_SHARE,
    PROMOTED_OVERLAP,
    REGULAR_OVERLAP,
    Match,
    Snapshot,
    Testimony,
    Verdict,
    match,
)
from splitcart.database.models import Crawl, StoreGroup

RECORDED = {
    "founded": "It shows the list on which the group was founded.",
    "joined": "It had no group, and shows this one's list.",
    "merged": "Its group went into this one, whose list it shows.",
    "seeded": "Its first crawl shows the list of its cluster's first Ambassador.",
    "excepted": "It was ejected, and came back for all categories but those that it keeps to itself.",
    "unseeded": "Its first crawl shows another list than its cluster's first Ambassador, so it was let go.",
    "ambassador_rogue": "Two stores that it had called rogues agree with each other: the Ambassador was the rogue.",
    "cleared": "It was called a rogue by an Ambassador that proved to be one itself.",
    "verdict": "The log of this verdict is of an older form and does not name the crawls that were asked.",
    "pending": "The log of this verdict is of an older form and does not name the crawls that were asked.",
}
NO_GROUPS = "the company has no groups yet; splitcart group run finds them"
_TOO_LITTLE = (
    f"But the store is in doubt, and the crawl holds less than {MIN_COMPARABLE_SHARE:.0%} of what is known of it or of"
    " the list, or lacks the categories that failed before: too little to prove it. It stays pending."
)


def why(step: Step, candidate: Snapshot, verdict: Verdict) -> list[str]:
    """Say why a candidate crawl was confirmed, a rogue, or left pending; one sentence a line."""
    if verdict.match is None:
        return ["No crawl that speaks for the group completed a category of this one: nothing to compare with yet."]
    if verdict.testimony is not None:
        return [*_bracketed(step, verdict.testimony), *_bracket_answer(step, verdict, verdict.match, verdict.testimony)]
    if verdict.kind == "confirmed":
        return [f"{_holds(step, verdict.match)} Lists do not agree so far by chance, so this one is confirmed."]
    if verdict.match.holds:
        return [_holds(step, verdict.match), _TOO_LITTLE]
    return [_fails(step, verdict.match), *_missing(step, candidate, verdict)]


def why_recorded(step: Step, kind: str, found: Match) -> list[str]:
    """Say what a decision came from that was no verdict on a candidate; ``kind`` is its kind in the log."""
    return [_holds(step, found) if found.holds else _fails(step, found), RECORDED[kind]]


def why_no_place(
    step: Step, store: Snapshot, listed: Snapshot, group: StoreGroup, groups: int, verdict: Verdict, *, due: bool
) -> list[str]:
    """Say why a store without a group has no place in the one whose list is most like its own."""
    if due:
        return [
            f"It shows the list of {group.name}: the next run gives it a place there, unless it was ejected lately."
        ]
    found = match(compare(store.prices, listed.prices), step.chain)
    opening = f"Of {groups} lists, that of {group.name} is most like its own." if groups > 1 else ""
    lines = [opening] if opening else []
    if found.comparison.range_overlap < step.chain.range_overlap:
        lines.append(
            f"Range Overlap {_percent(found.comparison.range_overlap)} is below {_percent(step.chain.range_overlap)}:"
            " too different a range."
        )
    if not speak_for_most(store, listed):
        lines.append(
            f"Comparable categories hold less than {MIN_COMPARABLE_SHARE:.0%} of the range: too little to tell."
        )
    lines.append(_holds(step, found) if found.holds else _fails(step, found))
    if verdict.testimony and verdict.match:
        lines += [
            *_bracketed(step, verdict.testimony),
            *_bracket_answer(step, verdict, verdict.match, verdict.testimony),
        ]
    return lines


def why_pair(step: Step, a: Snapshot, b: Snapshot, found: Match, verdict: Verdict, same: bool) -> list[str]:
    """Say whether two stores show one list, and if not, whether that is known to be place."""
    apart = max(a.observed_from - b.observed_to, b.observed_from - a.observed_to, timedelta(0))
    lines = [f"Seen {_hours(apart)} apart." if apart else "Seen at the same time."]
    lines.append(_holds(step, found) if found.holds else _fails(step, found))
    if same and apart <= step.window:
        return [*lines, "So they show one list."]
    if found.holds and not same:
        lines.append("But their ranges are too different, or too few categories are complete, to call it one list.")
    if verdict.testimony and verdict.match:
        return [*lines, *_bracketed(step, verdict.testimony), *_pair_answer(step, verdict, verdict.match)]
    if verdict.kind == "confirmed" and not found.holds and verdict.reference:
        older = step.names[min(a, b, key=lambda store: store.observed_to).store_id or 0]
        then = f"They matched at {_at(verdict.reference)}; what differs came later"
        return [*lines, f"{then}, and {older} has not been seen since: it may be time."]
    if not found.holds:
        lines.append(
            "The older crawl does not lie between two crawls of the other store, so the difference may be time."
        )
    return lines


def _pair_answer(step: Step, verdict: Verdict, found: Match) -> list[str]:
    if verdict.kind == "pending":
        return ["Too few stood still to tell time from place."]
    told = _holds(step, found) if found.holds else _fails(step, found, brief=True)
    return [f"On these, {told}", "So what differs besides is time." if found.holds else "So it is place, not time."]


def _holds(step: Step, found: Match) -> str:
    figures = found.comparison
    opening = f"True Overlap {_percent(figures.true_overlap)} of {figures.shared:,} shared skus"
    if found.rule == "regular":
        return (
            f"{opening} is at least {_percent(PROMOTED_OVERLAP)}, and regular prices agree to"
            f" {_percent(figures.regular_overlap)} (at least {_percent(REGULAR_OVERLAP)}): one list, local promotions."
        )
    return f"{opening} is at least {_percent(step.chain.true_overlap)}, and no category fails: one list."


def _fails(step: Step, found: Match, *, brief: bool = False) -> str:
    figures, parts = found.comparison, []
    if not found.enough:
        parts.append(f"{figures.shared:,} shared skus are fewer than {step.chain.min_shared_skus}")
    if figures.true_overlap < step.chain.true_overlap:
        parts.append(f"True Overlap {_percent(figures.true_overlap)} is below {_percent(step.chain.true_overlap)}")
    if found.failing_categories:
        names = root_categories(step.session, step.company_id)
        failing = ", ".join(names.get(each, str(each)) for each in found.failing_categories)
        chance = f" (chance shows so many differences less often than once in {1 / step.chain.category_tail:,.0f})"
        fail = "fails" if len(found.failing_categories) == 1 else "fail"
        parts.append(f"{failing} {fail}{'' if brief else chance}")
    return f"{'; '.join(parts)}: not one list."


def _bracketed(step: Step, found: Testimony) -> list[str]:
    before, after = (f"{_store(step, crawl)} ({_at(crawl)})" for crawl in (found.before[0], found.after[0]))
    stood = f"{found.stable:,} of {found.shared:,} shared skus kept their offer and can testify"
    return [f"Between the crawls of {before} and {after}, {stood}; {found.needed:,} are needed."]


def _bracket_answer(step: Step, verdict: Verdict, found: Match, testimony: Testimony) -> list[str]:
    if testimony.stable < testimony.needed:
        return ["Too few stood still to tell time from place. It stays pending."]
    if verdict.kind == "rogue":
        return [f"On these, {_fails(step, found)}", "So the difference is place, not time: a rogue."]
    if verdict.kind == "confirmed":
        return [f"On these, {_holds(step, found)}", "So what differs besides is time: confirmed."]
    if found.holds:
        return [
            "On these it matches, but the crawl shows too little to prove a store that is in doubt. It stays pending."
        ]
    return [
        f"On these it matches, but not on the categories that no two crawls hold: {_fails(step, found)}",
        "It stays pending until these lie between two crawls, too.",
    ]


def _missing(step: Step, candidate: Snapshot, verdict: Verdict) -> list[str]:
    """What a verdict waits for."""
    heard = read_moments(step.session, Crawl.id.in_(verdict.heard))
    stores = {candidate.store_id or 0, *(moment.store_id for moment in heard)}
    apart = step.roll_out(stores, candidate.observed_to)
    if lacks := _lacking(candidate, heard, timedelta(0)):
        missing = f"; the one {lacks} it is missing."
    elif lacks := _lacking(candidate, heard, apart):
        missing = (
            ". What differs may be a change of prices that has not reached every store yet:"
            f" a crawl at least {_hours(apart)} {lacks} it is missing."
        )
    else:
        missing = ", for the same categories."
    until = candidate.observed_to + step.bracket
    rule = (
        "A mismatch counts only between two crawls that speak for the group, one before and one after it,"
        f" at most {step.chain.bracket_days:g} days apart"
    )
    return [f"{rule}{missing} It stays pending, at most until {until:%Y-%m-%d %H:%M}."]


def _lacking(candidate: Snapshot, heard: Sequence[Moment], apart: timedelta) -> str:
    """On which sides of a candidate there is no crawl at least so far apart from it."""
    earlier = any(moment.observed_to <= candidate.observed_from - apart for moment in heard)
    later = any(moment.observed_from >= candidate.observed_to + apart for moment in heard)
    return " and ".join(word for word, known in (("before", earlier), ("after", later)) if not known)


def _store(step: Step, snapshot: Snapshot) -> str:
    return step.names.get(snapshot.store_id or 0, "the list")


def _at(snapshot: Snapshot) -> str:
    return f"{snapshot.observed_to:%Y-%m-%d %H:%M}"


def _hours(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def _percent(share: float) -> str:
    return f"{100 * round(share, 5):.2f}".rstrip("0").rstrip(".") + "%"
