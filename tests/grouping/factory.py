"""A small chain in a database: stores, skus in three root categories, and crawls as ingestion leaves them."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from grouping.lists import store_changes
from grouping.memberships import open_membership, refresh_store_categories
from grouping.news import take_ambassador_news
from splitcart.config import get_chain
from splitcart.database import transaction
from splitcart.database.models import (
    Candidate,
    Category,
    Company,
    Coverage,
    Crawl,
    GroupEvent,
    Membership,
    Price,
    PriceHistory,
    Sku,
    Store,
    StoreGroup,
)

START = datetime(2026, 3, 2, 0, tzinfo=UTC)  # a Monday
ROOTS = {"produce": range(40), "dairy": range(40, 100), "pantry": range(100, 200)}
BASE = {sku: 100 + sku for skus in ROOTS.values() for sku in skus}


def day(days, hours=0):
    return START + timedelta(days=days, hours=hours)


def dearer(prices, skus, by=10):
    """The same list with some skus dearer."""
    return {sku: price + by * (sku in skus) for sku, price in prices.items()}


class SmallChain:
    """One company (by default ALDI) whose skus have their number as code."""

    def __init__(self, engine, stores, slug="aldi", **settings):
        import msgspec

        self.engine = engine
        self.chain = msgspec.structs.replace(get_chain(slug), **settings)
        self.crawls = 0
        with transaction(engine) as session:
            company = Company(slug=slug, name=self.chain.name)
            session.add(company)
            session.flush()
            self.company_id = company.id
            self.roots, self.skus = {}, {}
            for name, numbers in ROOTS.items():
                root = Category(company_id=company.id, name=name, path=name)
                session.add(root)
                session.flush()
                self.roots[name] = root.id
                skus = {number: self._sku(number, root.id) for number in numbers}
                session.add_all(skus.values())
                session.flush()
                self.skus |= {number: sku.id for number, sku in skus.items()}
            self.stores = {}
            for store_id in stores:
                store = Store(company_id=company.id, store_id=store_id, name=store_id, state="WA", is_active=True)
                session.add(store)
                session.flush()
                self.stores[store_id] = store.id

    def _sku(self, number, root_id):
        return Sku(
            company_id=self.company_id,
            code=str(number),
            name=f"article {number}",
            category_id=root_id,
            root_category_id=root_id,
            details_key="",
            details_seen_at=START,
            first_seen_at=START,
        )

    def crawl(self, store_id, prices, at, roots=tuple(ROOTS), was=None):
        """A crawl of one hour, complete in ``roots``; returns its row id."""
        self.crawls += 1
        was = was or {}
        with transaction(self.engine) as session:
            store = session.get_one(Store, self.stores[store_id])
            crawl = self._crawl_row(session, store, at, complete=len(roots) == len(ROOTS))
            previous = session.scalar(sa.select(sa.func.max(Coverage.observed_to)).where(Coverage.store_id == store.id))
            known = session.scalars(sa.select(Price).where(Price.store_id == store.id))
            standing = {row.sku_id: row for row in known}
            for root in roots:
                session.add(
                    Coverage(
                        store_id=store.id,
                        category_id=self.roots[root],
                        crawl_id=crawl.id,
                        observed_from=at,
                        observed_to=crawl.observed_to,
                        rows=len(prices),
                    )
                )
                self._merge(session, store.id, crawl.id, at, ROOTS[root], standing, prices, was)
            session.flush()
            refresh_store_categories(session, [store.id])
            self._feed(session, store, crawl, previous)
            return crawl.id

    def _crawl_row(self, session, store, at, *, complete):
        crawl = Crawl(
            crawl_id=f"{store.store_id}-{self.crawls}",
            company_id=self.company_id,
            store_id=store.id,
            spider="small",
            started_at=at,
            finished_at=at + timedelta(hours=1),
            observed_from=at,
            observed_to=at + timedelta(hours=1),
            complete=complete,
            finish_reason="finished",
            scope=[],
            counts={},
            rows=0,
            sha256=str(self.crawls),
            file="",
            ingested_at=at + timedelta(hours=1),
        )
        session.add(crawl)
        session.flush()
        return crawl

    def _merge(self, session, store_id, crawl_id, at, numbers, known, prices, was):
        for number in numbers:
            key = store_id, self.skus[number]
            row = known.get(key[1])
            offer = (prices.get(number), was.get(number))
            standing = (row.price_cents, row.was_cents) if row and row.left_at is None else (None, None)
            if offer == standing:
                continue
            if standing[0] is not None:
                session.add(
                    PriceHistory(
                        store_id=store_id,
                        sku_id=key[1],
                        since=row.since,
                        until=at,
                        reason="left" if offer[0] is None else "changed",
                        crawl_id=row.crawl_id,
                        price_cents=row.price_cents,
                        was_cents=row.was_cents,
                    )
                )
            if offer[0] is None:
                row.left_at = at
                continue
            if row is None:
                row = Price(store_id=store_id, sku_id=key[1], listed_since=at)
                session.add(row)
            elif row.left_at is not None:
                row.listed_since = at
            row.price_cents, row.was_cents, row.since, row.left_at, row.crawl_id = *offer, at, None, crawl_id

    def _feed(self, session, store, crawl, previous):
        """What ingestion does with a grouped store's crawl: the Ambassador feeds the list, others are stamped."""
        membership = open_membership(session, store.id)
        if membership is None:
            return
        group = session.get_one(StoreGroup, membership.group_id)
        if group.ambassador_id == store.id:
            changes = store_changes(session, store.id, crawl.id)
            take_ambassador_news(session, self.chain, store, crawl, changes, previous)
            return
        session.add(Candidate(group_id=group.id, store_id=store.id, crawl_id=crawl.id, stamped_at=crawl.observed_to))

    def run(self, at):
        from grouping.run import run_groups

        return run_groups(self.engine, self.chain, lambda: at)

    def partition(self):
        """The groups as a set of sets of store ids."""
        with transaction(self.engine) as session:
            rows = session.execute(
                sa.select(Membership.group_id, Store.store_id)
                .join(Store, Store.id == Membership.store_id)
                .where(Membership.until.is_(None), Membership.category_id.is_(None))
            ).all()
        found = {}
        for group_id, store_id in rows:
            found.setdefault(group_id, set()).add(store_id)
        return {frozenset(stores) for stores in found.values()}

    def group_of(self, store_id):
        with transaction(self.engine) as session:
            membership = open_membership(session, self.stores[store_id])
            return session.get_one(StoreGroup, membership.group_id) if membership else None

    def place(self, store_id):
        with transaction(self.engine) as session:
            return open_membership(session, self.stores[store_id])

    def ambassador(self, store_id):
        """The own id of the Ambassador of this store's group."""
        group = self.group_of(store_id)
        return next(name for name, row_id in self.stores.items() if row_id == group.ambassador_id)

    def events(self, kind, store_id=None):
        with transaction(self.engine) as session:
            query = sa.select(GroupEvent).where(GroupEvent.kind == kind).order_by(GroupEvent.id)
            if store_id is not None:
                query = query.where(GroupEvent.store_id == self.stores[store_id])
            return list(session.scalars(query))

    def listed(self, store_id):
        """The list of this store's group: price by number."""
        from grouping.lists import read_list

        names = {sku_id: number for number, sku_id in self.skus.items()}
        with transaction(self.engine) as session:
            lines = read_list(session, self.group_of(store_id).id)
            return {names[sku_id]: line.offer.price_cents for sku_id, line in lines.items() if line.left_at is None}
