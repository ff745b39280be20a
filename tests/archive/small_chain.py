"""A small chain written straight into the database: two stores with crawls, one group, one inferred price."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database import models as m
from splitcart.database import reading
from splitcart.database.partitions import open_months

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    """The instant ``number`` days after the first crawl."""
    return NOON + timedelta(days=number)


def stamp(number: float) -> str:
    return day(number).isoformat().replace("+00:00", "Z")


class Chain:
    """One company and its rows; every method adds some."""

    def __init__(self, session: Session, slug: str = "aldi", name: str = "ALDI") -> None:
        self.session = session
        self.company = self.add(m.Company(slug=slug, name=name))
        self.slug = slug
        self.categories: dict[str, m.Category] = {}
        self.skus: dict[str, m.Sku] = {}

    def add(self, row):
        self.session.add(row)
        self.session.flush()
        return row

    def category(self, path: str) -> m.Category:
        if path not in self.categories:
            parent = self.category(path.rpartition(" > ")[0]) if " > " in path else None
            self.categories[path] = self.add(
                m.Category(
                    company_id=self.company.id,
                    parent_id=parent.id if parent else None,
                    root_id=(parent.root_id or parent.id) if parent else None,
                    name=path.rpartition(" > ")[2],
                    path=path,
                )
            )
        return self.categories[path]

    def sku(self, code: str, path: str = "Dairy > Milk", **facts) -> m.Sku:
        category = self.category(path)
        facts = {"name": f"Article {code}", "first_seen_at": NOON, "details_seen_at": NOON, "details_key": "", **facts}
        self.skus[code] = self.add(
            m.Sku(
                company_id=self.company.id,
                code=code,
                category_id=category.id,
                root_category_id=category.root_id or category.id,
                **facts,
            )
        )
        return self.skus[code]

    def store(self, store_id: str, **facts) -> m.Store:
        return self.add(m.Store(company_id=self.company.id, store_id=store_id, **{"name": f"Shop {store_id}", **facts}))

    def crawl(self, store: m.Store, at: float, root: str = "Dairy") -> m.Crawl:
        """A crawl that saw the whole of one root category, and is the newest of the store."""
        instant = day(at)
        crawl = self.add(
            m.Crawl(
                crawl_id=f"{self.slug}-{store.store_id}-{at}-{root}",
                company_id=self.company.id,
                store_id=store.id,
                spider=self.slug,
                started_at=instant,
                finished_at=instant,
                observed_from=instant,
                observed_to=instant,
                complete=True,
                finish_reason="finished",
                scope=[],
                counts={},
                rows=1,
                sha256="0" * 64,
                file="f",
                ingested_at=instant,
            )
        )
        category = self.category(root)
        window = {"category_id": category.id, "crawl_id": crawl.id}
        self.add(m.Coverage(store_id=store.id, observed_from=instant, observed_to=instant, rows=1, **window))
        known = self.session.get(m.StoreCategory, (store.id, category.id))
        if known:
            known.covered_at, known.crawl_id = instant, crawl.id
            self.session.flush()
        else:
            self.add(m.StoreCategory(store_id=store.id, covered_at=instant, **window))
        return crawl

    def price(self, store: m.Store, code: str, cents: int, crawl: m.Crawl, left: float | None = None, **facts) -> None:
        """The offer that a crawl first showed; with ``left`` it went off the shelf on that day."""
        common = {"store_id": store.id, "sku_id": self.skus[code].id, "price_cents": cents, "crawl_id": crawl.id}
        since = crawl.observed_from
        left_at = None if left is None else day(left)
        root = {"root_category_id": self.skus[code].root_category_id}
        self.add(m.Price(**common, **root, since=since, listed_since=since, left_at=left_at, **facts))
        if left_at:
            self._ended(m.PriceHistory(**common, since=since, until=left_at, reason="left"))

    def _ended(self, interval: m.PriceHistory) -> None:
        open_months(self.session, [interval.until])
        self.add(interval)

    def was(self, store: m.Store, code: str, cents: int, crawl: m.Crawl, until: float) -> None:
        """An offer that changed on the day ``until``."""
        self._ended(
            m.PriceHistory(
                store_id=store.id,
                sku_id=self.skus[code].id,
                price_cents=cents,
                crawl_id=crawl.id,
                since=crawl.observed_from,
                until=day(until),
                reason="changed",
            )
        )

    def group(self, ambassador: m.Store, *members: m.Store) -> m.StoreGroup:
        group = self.add(
            m.StoreGroup(company_id=self.company.id, name="Group 1", ambassador_id=ambassador.id, created_at=NOON)
        )
        for store in (ambassador, *members):
            self.add(m.Membership(store_id=store.id, group_id=group.id, since=NOON, confirmed_at=NOON))
            self.session.execute(
                sa.update(m.StoreCategory).where(m.StoreCategory.store_id == store.id).values(group_id=group.id)
            )
        return group

    def news(self, group: m.StoreGroup, code: str, cents: int, crawl: m.Crawl, listed_from: float = 0) -> None:
        """The group's list shows this offer since the crawl."""
        self.add(
            m.GroupPrice(
                group_id=group.id,
                sku_id=self.skus[code].id,
                price_cents=cents,
                changed_at=crawl.observed_from,
                listed_from=day(listed_from),
                crawl_id=crawl.id,
            )
        )


def dairy(session: Session) -> Chain:
    """Two stores: G100 crawled on days 0, 1 and 2 is the Ambassador, G101 crawled on days 0 and 1 takes its news.

    ``milk`` rose on day 1 in both and on day 2 in G100; ``curd`` left both on day 1; ``kefir`` is new in G100 on day 2.
    """
    chain = Chain(session)
    for code, name in (("milk", "Milk 1 l"), ("curd", "Curd"), ("kefir", "Kefir")):
        chain.sku(code, name=name)
    ambassador, member = (chain.store(store_id, state="QLD") for store_id in ("G100", "G101"))
    for store in (ambassador, member):
        first = chain.crawl(store, 0)
        chain.was(store, "milk", 200, first, until=1)
        chain.price(store, "curd", 300, first, left=1)
    chain.price(member, "milk", 210, chain.crawl(member, 1), available=True)
    chain.was(ambassador, "milk", 210, chain.crawl(ambassador, 1), until=2)
    third = chain.crawl(ambassador, 2)
    chain.price(ambassador, "milk", 220, third, available=True)
    chain.price(ambassador, "kefir", 400, third)
    group = chain.group(ambassador, member)
    chain.news(group, "milk", 220, third)
    chain.news(group, "kefir", 400, third, listed_from=2)
    return chain


def build(function, engine: sa.Engine, *args, **kwargs):
    """Call a build on a snapshot of the database."""
    with reading(engine) as session:
        return function(session, *args, **kwargs)


def load(path: Path):
    return json.loads(path.read_bytes())


def products(path: Path) -> dict:
    """All products of a store file by sku, whatever their category."""
    found: dict = {}

    def walk(categories) -> None:
        for category in categories:
            found.update({product["sku"]: product for product in category["products"]})
            walk(category["children"])

    walk(load(path)["categories"])
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Every published file by its path."""
    published = (folder / "current").resolve()
    return {
        str(path.relative_to(published)): path.read_bytes() for path in sorted(published.rglob("*")) if path.is_file()
    }
