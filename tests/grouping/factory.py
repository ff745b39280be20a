"""A small chain in a database: stores, skus in three root categories, and crawls that the real ingestion takes in."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from weakref import finalize

import sqlalchemy as sa

from grouping.memberships import open_membership
from splitcart.config import get_chain
from splitcart.database import transaction
from splitcart.database.models import Category, Company, Crawl, GroupEvent, Membership, Sku, Store, StoreGroup
from splitcart.ingest import CrawlIngester
from tests.ingest.crawl_files import category, product, write_crawl

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

    def __init__(self, engine, stores, slug="aldi", folder=None, **settings):
        import msgspec

        self.engine = engine
        self._folder = folder or Path(mkdtemp())
        if folder is None:
            finalize(self, shutil.rmtree, self._folder)
        self.chain = msgspec.structs.replace(get_chain(slug), **settings)
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
        """A crawl of one hour, complete in ``roots``, through the real ingestion; returns its row id."""
        was = {number: price for number, price in (was or {}).items() if price != prices.get(number)}
        rows = [
            product(str(number), root, prices[number], was_cents=was.get(number))
            for root in roots
            for number in ROOTS[root]
            if number in prices
        ]
        path = write_crawl(
            self._folder,
            rows,
            [category(root, at, minutes=60) for root in roots],
            store_id=store_id,
            company=self.chain.slug,
            complete=len(roots) == len(ROOTS),
        )
        ingester = CrawlIngester(self.engine, self._folder, lambda: at + timedelta(hours=1))
        crawl_id = ingester.ingest(path).crawl_id
        with transaction(self.engine) as session:
            return session.scalar(sa.select(Crawl.id).where(Crawl.crawl_id == crawl_id))

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

    def exceptions(self, store_id):
        """The root categories in which this store does not follow its whole-list group, by name."""
        from grouping.memberships import exceptions

        with transaction(self.engine) as session:
            own = exceptions(session, [self.stores[store_id]]).get(self.stores[store_id], ())
        return {name for name, row_id in self.roots.items() if row_id in own}

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
        return self.listed_by(self.group_of(store_id).id)

    def listed_by(self, group_id):
        """The list of a group: price by number."""
        from grouping.lists import read_list

        names = {sku_id: number for number, sku_id in self.skus.items()}
        with transaction(self.engine) as session:
            lines = read_list(session, group_id)
            return {names[sku_id]: line.offer.price_cents for sku_id, line in lines.items() if line.left_at is None}
