"""What a list was told and others contradict, it takes back: a clearance, another list's arrival, a rogue's word."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grouping.effective import Offer
from grouping.journal import record
from grouping.lists import ListLine, News, apply_news, offers_before, read_list
from grouping.memberships import active_groups
from grouping.offers import intervals, list_table, price_table
from grouping.pace import roll_out
from splitcart.config import Chain
from splitcart.database.bulk import padded
from splitcart.database.models import OFFER_COLUMNS, Crawl, Membership, Sku, Store, StoreGroup

MIN_ALIKE = 3  # lines of one crawl's news that tell whether another store has them


def withdraw_contradicted(
    session: Session, chain: Chain, crawl: Crawl, group: StoreGroup, category_ids: Collection[int]
) -> int:
    """Take back what a crawl of a member contradicts, in root categories that it completed; return how many lines.

    Contradicted is a markdown that came into the list by another store, where the member stands since before that at
    what the list said until then. Either that was at least a roll-out before the crawl, or the member has most of what
    that store's crawl told. And so is an arrival that another store told at least a roll-out before: neither the member
    shows it nor any other of its group.
    """
    doubtful = _doubtful(session, chain, crawl, group.id, category_ids)
    if not doubtful:
        return 0
    lines = _read_lines(session, group.id, doubtful)
    before = offers_before(session, group.id, lines)
    standing = _standing(session, crawl, lines)
    states = session.scalars(
        sa.select(Store.state).join(Membership, Membership.store_id == Store.id).where(*_open_in(group)).distinct()
    )
    rolled_out = crawl.observed_from - roll_out(chain, states, crawl.observed_from)
    alike = _alike_with(session, group.id, crawl, {line.crawl_id for line in lines.values()})
    reduced = [
        sku_id
        for sku_id, (offer, since) in standing.items()
        if offer == before.get(sku_id)
        and since <= lines[sku_id].changed_at
        and (lines[sku_id].changed_at <= rolled_out or lines[sku_id].crawl_id in alike)
    ]
    arrived = {
        sku_id
        for sku_id, line in lines.items()
        if sku_id not in before and sku_id not in standing and line.changed_at <= rolled_out
    }
    arrived -= _shown(session, group, arrived).keys()
    return _take_back(session, group, crawl, lines, sorted(reduced), sorted(arrived))


def withdraw_word_of(session: Session, company_id: int, store_id: int, since: datetime, witness: Crawl) -> list[int]:
    """Take back the offers that an outcast's crawls after ``since`` told any list; return the groups (row ids).

    An offer stays that a member of the group shows. ``witness`` is the crawl that convicted the outcast.
    """
    its_crawls = session.scalars(
        sa.select(Crawl.id).where(Crawl.store_id == store_id, Crawl.observed_to > since).order_by(Crawl.id)
    ).all()
    told = session.execute(
        sa.select(list_table.c.group_id, list_table.c.sku_id)
        .where(
            list_table.c.left_at.is_(None),
            list_table.c.changed_at > since,
            list_table.c.changed_at <= witness.observed_from,
            list_table.c.crawl_id.in_(its_crawls),
        )
        .order_by(list_table.c.group_id, list_table.c.sku_id)
    ).all()
    by_group: dict[int, list[int]] = {}
    for group_id, sku_id in told:
        by_group.setdefault(group_id, []).append(sku_id)
    groups = active_groups(session, company_id)
    return [
        group.id
        for group in groups
        if group.id in by_group and _unhear(session, group, by_group[group.id], its_crawls, witness)
    ]


def _unhear(
    session: Session, group: StoreGroup, sku_ids: Collection[int], its_crawls: Collection[int], witness: Crawl
) -> int:
    lines = _read_lines(session, group.id, sku_ids)
    before = offers_before(session, group.id, lines, its_crawls)
    shown = _shown(session, group, lines)
    alone = sorted(sku_id for sku_id, line in lines.items() if line.offer.price_cents not in shown.get(sku_id, ()))
    arrived = [sku_id for sku_id in alone if sku_id not in before]
    reduced = [sku_id for sku_id in alone if sku_id in before]
    return _take_back(session, group, witness, lines, reduced, arrived, its_crawls)


def _doubtful(session: Session, chain: Chain, crawl: Crawl, group_id: int, category_ids: Collection[int]) -> list[int]:
    """The skus (row ids) of the markdowns and arrivals that other stores told a list of late."""
    asked = {
        "group_id": group_id,
        "store_id": crawl.store_id,
        "category_ids": padded(category_ids),
        "begin": crawl.observed_from - timedelta(days=chain.bracket_days),
        "end": crawl.observed_from,
    }
    return list(session.scalars(_told_late(), asked))


@cache
def _told_late() -> sa.Select[int]:
    """Made once: it takes longer than to run it."""
    begin, end = (sa.bindparam(name, type_=list_table.c.changed_at.type) for name in ("begin", "end"))
    is_markdown = list_table.c.was_cents > list_table.c.price_cents
    is_arrival = list_table.c.changed_at == list_table.c.listed_from
    return (
        sa.select(list_table.c.sku_id)
        .join(Sku, Sku.id == list_table.c.sku_id)
        .join(Crawl, Crawl.id == list_table.c.crawl_id)
        .where(
            list_table.c.group_id == sa.bindparam("group_id"),
            sa.or_(is_markdown, is_arrival),
            list_table.c.left_at.is_(None),
            list_table.c.changed_at > begin,
            list_table.c.changed_at <= end,
            Crawl.store_id != sa.bindparam("store_id"),
            Sku.root_category_id.in_(sa.bindparam("category_ids", expanding=True)),
        )
    )


def take_back(
    session: Session,
    group_id: int,
    crawl: Crawl,
    reduced: Collection[int],
    arrived: Collection[int],
    unheard: Collection[int] = (),
) -> list[News]:
    """What a list says when it takes changes and arrivals (sku row ids) back, with all that ``unheard`` crawls told."""
    before = offers_before(session, group_id, read_list(session, group_id, reduced), unheard)
    offers: dict[int, Offer | None] = {sku_id: before[sku_id] for sku_id in reduced} | dict.fromkeys(arrived)
    return [News(sku_id, offer, crawl.observed_from, crawl.id) for sku_id, offer in sorted(offers.items())]


def _take_back(
    session: Session,
    group: StoreGroup,
    crawl: Crawl,
    lines: Mapping[int, ListLine],
    reduced: Collection[int],
    arrived: Collection[int],
    unheard: Collection[int] = (),
) -> int:
    changed = apply_news(session, group.id, take_back(session, group.id, crawl, reduced, arrived, unheard), lines)
    if changed:
        record(
            session,
            group.company_id,
            "withdrawn",
            crawl.observed_to,
            group_id=group.id,
            store_id=crawl.store_id,
            candidate=crawl.id,
            figures={"lines": changed, "skus": reduced, "arrived": arrived, "unheard": list(unheard)},
        )
    return changed


def _read_lines(session: Session, group_id: int, sku_ids: Collection[int]) -> dict[int, ListLine]:
    lines = read_list(session, group_id, sku_ids)
    return {sku_id: lines[sku_id] for sku_id in sku_ids}


def _shown(session: Session, group: StoreGroup, sku_ids: Collection[int]) -> dict[int, set[int | None]]:
    """The prices (cents) at which a group's members have some skus (row ids) on their shelves, where any has."""
    members = sa.select(Membership.store_id).where(*_open_in(group))
    rows = session.execute(
        sa.select(price_table.c.sku_id, price_table.c.price_cents).where(
            price_table.c.store_id.in_(members), price_table.c.sku_id.in_(sku_ids), price_table.c.left_at.is_(None)
        )
    )
    found: dict[int, set[int | None]] = {}
    for sku_id, cents in rows:
        found.setdefault(sku_id, set()).add(cents)
    return found


def _open_in(group: StoreGroup) -> tuple[sa.ColumnElement[bool], ...]:
    return Membership.group_id == group.id, Membership.until.is_(None)


def _alike_with(session: Session, group_id: int, crawl: Crawl, sources: Collection[int]) -> set[int]:
    """The crawls (row ids) most of whose news in a list the store of another crawl shows, too."""
    told = session.execute(
        sa.select(list_table.c.crawl_id, list_table.c.sku_id, list_table.c.price_cents)
        .join(Crawl, Crawl.id == list_table.c.crawl_id)
        .where(
            list_table.c.group_id == group_id,
            list_table.c.crawl_id.in_(sources),
            list_table.c.left_at.is_(None),
            list_table.c.changed_at >= Crawl.observed_from,
        )
    ).all()
    shown = _standing(session, crawl, [sku_id for _, sku_id, _ in told])
    every = Counter(source for source, _, _ in told)
    alike = Counter(
        source for source, sku_id, cents in told if sku_id in shown and shown[sku_id][0].price_cents == cents
    )
    return {source for source, count in every.items() if count >= MIN_ALIKE and 2 * alike[source] > count}


def _standing(session: Session, crawl: Crawl, sku_ids: Collection[int]) -> dict[int, tuple[Offer, datetime]]:
    every = intervals(store_ids=[crawl.store_id or 0])
    rows = session.execute(
        sa.select(every).where(
            every.c.sku_id.in_(sku_ids),
            every.c.since <= crawl.observed_to,
            sa.or_(every.c.until.is_(None), every.c.until > crawl.observed_to),
        )
    )
    return {row["sku_id"]: (Offer(*(row[name] for name in OFFER_COLUMNS)), row["since"]) for row in rows.mappings()}
