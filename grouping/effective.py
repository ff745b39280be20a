"""Effective prices: a store's list as it was last seen, with its group's news since then applied.

``effective_prices`` answers for now through the view of that name. For any other instant, and for a whole history, the
same rule (docs/data-model.md) is evaluated here on the intervals of one store.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.offers import intervals, list_history_table, list_table
from splitcart.database.models import (
    OFFER_COLUMNS,
    Coverage,
    Crawl,
    Membership,
    Sku,
)
from splitcart.database.retention import read_horizon
from splitcart.errors import InputError

Source = Literal["direct_scrape", "inferred_group"]
WITHDRAWN_BY = frozenset({"ejected"})


class Offer(NamedTuple):
    """The parts of one offer, in the order of ``OFFER_COLUMNS``; money in cents."""

    price_cents: int
    was_cents: int | None = None
    unit_price_cents: int | None = None
    unit_measure: str | None = None
    special_kind: str | None = None
    multi_buy_quantity: int | None = None
    multi_buy_cents: int | None = None
    member_cents: int | None = None


class EffectivePrice(NamedTuple):
    """What one sku costs at one store, and how that is known. ``store_id`` and ``inferred_from`` are row ids."""

    store_id: int
    sku_id: int
    offer: Offer
    source: Source
    seen_at: datetime
    available: bool | None = None
    inferred_from: int | None = None
    group_id: int | None = None
    is_new_range: bool = False


@dataclass(frozen=True, slots=True)
class EffectiveInterval:
    """One offer of a sku at a store over ``[since, until)``; ``until`` None: it stands."""

    since: datetime
    until: datetime | None
    offer: Offer
    source: Source
    inferred_from: int | None = None
    group_id: int | None = None


class _Line(NamedTuple):
    """An interval of a shelf or of a list; what no other interval follows left the shelf at ``until``."""

    since: datetime
    until: datetime | None
    offer: Offer
    listed_from: datetime
    source_store: int | None


class _Stay(NamedTuple):
    """A membership interval. News after ``cutoff`` is withdrawn."""

    since: datetime
    until: datetime | None
    group_id: int | None
    cutoff: datetime | None


@dataclass(slots=True)
class _StoreFacts:
    """Everything that the rule needs to know of one store, in memory."""

    horizon: datetime | None = None
    root_of: dict[int, int] = field(default_factory=dict)
    own: dict[int, list[_Line]] = field(default_factory=lambda: defaultdict(list))
    coverage: dict[int, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))
    stays: dict[int | None, list[_Stay]] = field(default_factory=lambda: defaultdict(list))
    lists: dict[int, dict[int, list[_Line]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))


def effective_prices(session: Session, store_id: int, at: datetime | None = None) -> list[EffectivePrice]:
    """Return the effective prices of a store (its row id), now or as of ``at``, ordered by sku id.

    ``available`` is known only for what stands now. Raises InputError for an instant before the history begins.
    """
    if at is None:
        return _current(session, store_id)
    facts = _load(session, store_id)
    if facts.horizon is not None and at < facts.horizon:
        raise InputError(f"the history before {facts.horizon:%Y-%m-%d} UTC was retired to files; ask for a later day")
    answers = (_rule(facts, store_id, sku_id, at) for sku_id in _skus(facts))
    return sorted((answer for answer in answers if answer), key=lambda price: price.sku_id)


def effective_history(session: Session, store_id: int, sku_id: int | None = None) -> dict[int, list[EffectiveInterval]]:
    """Return, for each sku that ever had an effective price at the store, its intervals, oldest first.

    By row ids; ``sku_id`` asks for one sku only. Where older history was retired, the first interval of a sku is the
    one that held when the history begins, dated from the beginning of its offer.
    """
    facts = _load(session, store_id, sku_id)
    history: dict[int, list[EffectiveInterval]] = {}
    for each in sorted(_skus(facts)):
        if found := list(_timeline(facts, store_id, each)):
            history[each] = found
    return history


def _current(session: Session, store_id: int) -> list[EffectivePrice]:
    view = sa.table(
        "effective_prices",
        sa.column("store_id"),
        sa.column("sku_id"),
        sa.column("is_new_range", sa.Boolean),
        sa.column("available", sa.Boolean),
        sa.column("seen_at", Coverage.observed_to.type),
        *map(sa.column, [*OFFER_COLUMNS, "source", "inferred_from", "group_id"]),
    )
    told = (view.c[name] for name in ("source", "seen_at", "available", "inferred_from", "group_id", "is_new_range"))
    offer = (view.c[name] for name in OFFER_COLUMNS)
    query = sa.select(view.c.sku_id, *told, *offer).where(view.c.store_id == store_id).order_by(view.c.sku_id)
    return [
        EffectivePrice(store_id, sku_id, Offer(*offer), source, seen_at, available, inferred_from, group_id, is_new)
        for sku_id, source, seen_at, available, inferred_from, group_id, is_new, *offer in session.execute(query)
    ]


def _rule(facts: _StoreFacts, store_id: int, sku_id: int, at: datetime) -> EffectivePrice | None:
    """The rule itself, for one sku of one store at one instant."""
    root = facts.root_of[sku_id]
    covered_at = _covered_at(facts.coverage.get(root, []), at)
    if covered_at is None:
        return None
    stay = _stay_at(facts, root, at)
    group_id = stay.group_id if stay else None
    line = _last_line(facts.lists[group_id].get(sku_id, []), at) if group_id is not None else None
    own = _last_line(facts.own.get(sku_id, []), at)
    if own and _is_gone(own, at):
        own = None
    on_list = line is not None and not _is_gone(line, at)
    news_at = None if line is None else line.since if on_list else line.until
    if own is not None:
        seen_at = max(own.since, covered_at)
        if news_at is None or news_at <= seen_at:
            return EffectivePrice(store_id, sku_id, own.offer, "direct_scrape", seen_at)
    elif not on_list or line is None or line.listed_from <= covered_at:
        return None
    if line is None or not on_list or news_at is None or _is_withdrawn(stay, news_at):
        return None
    return EffectivePrice(
        store_id, sku_id, line.offer, "inferred_group", news_at, None, line.source_store, group_id, own is None
    )


def _covered_at(coverages: list[tuple[datetime, datetime]], at: datetime) -> datetime | None:
    """The latest end of the coverages that had begun by ``at``; they are sorted by their beginning."""
    begun = coverages[: bisect_right(coverages, at, key=lambda window: window[0])]
    return max((end for _, end in begun), default=None)


def _stay_at(facts: _StoreFacts, root: int, at: datetime) -> _Stay | None:
    for category in (root, None):  # an exception for the category comes before the place in a whole-list group
        for stay in facts.stays.get(category, []):
            if stay.since <= at and (stay.until is None or at < stay.until):
                return stay
    return None


def _last_line(lines: list[_Line], at: datetime) -> _Line | None:
    position = bisect_right(lines, at, key=lambda line: line.since)
    return lines[position - 1] if position else None


def _is_gone(line: _Line, at: datetime) -> bool:
    return line.until is not None and line.until <= at


def _is_withdrawn(stay: _Stay | None, news_at: datetime) -> bool:
    return stay is not None and stay.cutoff is not None and news_at > stay.cutoff


def _skus(facts: _StoreFacts) -> set[int]:
    found = set(facts.own)
    for lines in facts.lists.values():
        found.update(sku_id for sku_id in lines if facts.root_of[sku_id] in facts.coverage)
    return found


def _timeline(facts: _StoreFacts, store_id: int, sku_id: int) -> Iterator[EffectiveInterval]:
    """Evaluate the rule wherever its answer can change, and join what stays the same."""
    current: EffectivePrice | None = None
    began: datetime | None = None
    for at in _instants(facts, sku_id):
        answer = _rule(facts, store_id, sku_id, at)
        if _provenance(answer) == _provenance(current):
            continue
        if current is not None and began is not None:
            yield _interval(current, began, at)
        current, began = answer, _begin(facts, answer, at)
    if current is not None and began is not None:
        yield _interval(current, began, None)


def _begin(facts: _StoreFacts, answer: EffectivePrice | None, at: datetime) -> datetime:
    """When the answer began to hold; at the horizon, when its offer did."""
    if answer is None or at != facts.horizon:
        return at
    if answer.source == "inferred_group":
        return answer.seen_at
    own = _last_line(facts.own[answer.sku_id], at)
    return own.since if own else at


def _instants(facts: _StoreFacts, sku_id: int) -> list[datetime]:
    """When the rule's answer can change; without a list, coverage matters only as having begun."""
    root = facts.root_of[sku_id]
    listed = [line for group in facts.lists.values() for line in group.get(sku_id, [])]
    coverage = facts.coverage.get(root, [])
    found: set[datetime] = {begin for begin, _ in (coverage if listed else coverage[:1])}
    for line in [*facts.own.get(sku_id, []), *listed]:
        found.update({line.since} | ({line.until} if line.until else set()))
    if listed:
        for stay in [*facts.stays.get(root, []), *facts.stays.get(None, [])]:
            found.update({stay.since} | ({stay.until} if stay.until else set()))
    if facts.horizon is not None:
        found = {at for at in found if at > facts.horizon} | {facts.horizon}
    return sorted(found)


def _provenance(price: EffectivePrice | None) -> tuple[Any, ...] | None:
    return None if price is None else (price.offer, price.source, price.inferred_from, price.group_id)


def _interval(price: EffectivePrice, since: datetime, until: datetime | None) -> EffectiveInterval:
    return EffectiveInterval(since, until, price.offer, price.source, price.inferred_from, price.group_id)


def _load(session: Session, store_id: int, sku_id: int | None = None) -> _StoreFacts:
    facts = _StoreFacts(horizon=read_horizon(session))
    chosen = sa.true() if sku_id is None else Sku.id == sku_id
    _load_own(session, store_id, chosen, facts)
    windows = sa.select(Coverage.category_id, Coverage.observed_from, Coverage.observed_to).where(
        Coverage.store_id == store_id
    )
    for category_id, begin, end in session.execute(windows.order_by(Coverage.observed_from)):
        facts.coverage[category_id].append((begin, end))
    _load_stays(session, store_id, facts)
    groups = {stay.group_id for stays in facts.stays.values() for stay in stays if stay.group_id is not None}
    _load_lists(session, groups, chosen, facts)
    return facts


def _load_own(session: Session, store_id: int, chosen: sa.ColumnElement[bool], facts: _StoreFacts) -> None:
    every = intervals(store_ids=[store_id])
    rows = session.execute(
        sa.select(every, Sku.root_category_id)
        .join(Sku, Sku.id == every.c.sku_id)
        .where(chosen)
        .order_by(every.c.sku_id, every.c.since)
    )
    for row in rows.mappings():
        facts.root_of[row["sku_id"]] = row["root_category_id"]
        offer = Offer(*(row[name] for name in OFFER_COLUMNS))
        facts.own[row["sku_id"]].append(_Line(row["since"], row["until"], offer, row["since"], None))


def _load_stays(session: Session, store_id: int, facts: _StoreFacts) -> None:
    """Memberships that prove something; a suspension turns the rest of a stay into one without group."""
    rows = session.scalars(
        sa.select(Membership).where(Membership.store_id == store_id).order_by(Membership.since, Membership.id)
    )
    for row in rows:
        group_id = row.group_id if row.confirmed_at else None
        cutoff = row.confirmed_at if row.ended_by in WITHDRAWN_BY else None
        until = row.until
        if row.suspended_at and (until is None or row.suspended_at < until):
            facts.stays[row.category_id].append(_Stay(row.since, row.suspended_at, group_id, cutoff))
            facts.stays[row.category_id].append(_Stay(row.suspended_at, until, None, None))
        else:
            facts.stays[row.category_id].append(_Stay(row.since, until, group_id, cutoff))


def _load_lists(session: Session, group_ids: set[int], chosen: sa.ColumnElement[bool], facts: _StoreFacts) -> None:
    if not group_ids:
        return
    for table in (list_history_table, list_table):  # the history is older than what stands
        rows = session.execute(
            sa.select(table, Sku.root_category_id, Crawl.store_id.label("source_store"))
            .join(Sku, Sku.id == table.c.sku_id)
            .join(Crawl, Crawl.id == table.c.crawl_id)
            .where(table.c.group_id.in_(group_ids), chosen)
            .order_by(table.c.sku_id, *([table.c.since] if table is list_history_table else []))
        )
        for row in rows.mappings():
            facts.root_of[row["sku_id"]] = row["root_category_id"]
            if line := _list_line(row):
                facts.lists[row["group_id"]][row["sku_id"]].append(line)


def _list_line(row: sa.RowMapping) -> _Line | None:
    offer = Offer(*(row[name] for name in OFFER_COLUMNS))
    if "changed_at" not in row:
        return _Line(row["since"], row["until"], offer, row["listed_from"], row["source_store"])
    if row["left_at"]:
        return None  # its last interval stands in the history
    return _Line(row["changed_at"], None, offer, row["listed_from"], row["source_store"])
