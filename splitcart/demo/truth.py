"""What SplitCart believes against what is true."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import sqlalchemy as sa

from splitcart.database import reading
from splitcart.database.models import Company, Coverage, GeoCluster, Sku, Store
from splitcart.demo.world import CITY, World


@dataclass
class Score:
    """Counts of effective prices of one chain's city at one instant, and per store."""

    at: datetime
    right: int = 0
    effective: int = 0
    inferred: int = 0
    not_on_shelf: int = 0
    missing: int = 0
    on_shelf: int = 0
    right_by_store: dict[str, tuple[int, int]] = field(default_factory=dict)
    median_age_hours: float = 0.0

    @property
    def share_right(self) -> float:
        """Of all effective prices, how many equal what the shelf shows."""
        return self.right / max(self.effective, 1)

    @property
    def false_availability(self) -> float:
        """Of all effective prices, how many are of skus that the store does not have."""
        return self.not_on_shelf / max(self.effective, 1)

    @property
    def share_missing(self) -> float:
        """Of all that is on the shelves, how much has no effective price."""
        return self.missing / max(self.on_shelf, 1)


def measure(world: World, company: str) -> Score:
    """Compare every effective price of the city's stores with the market's truth, now."""
    now = world.clock()
    score = Score(now)
    ages: list[float] = []
    for store_id, rows in _believed(world, company).items():
        truth = world.market.offers(company, store_id, now)
        right = sum(code in truth and truth[code].price_cents == price for code, price, _, _ in rows)
        score.right += right
        score.effective += len(rows)
        score.inferred += sum(source == "inferred_group" for _, _, source, _ in rows)
        score.not_on_shelf += sum(code not in truth for code, _, _, _ in rows)
        score.missing += len(truth.keys() - {code for code, _, _, _ in rows})
        score.on_shelf += len(truth)
        score.right_by_store[store_id] = (right, len(rows))
        ages += [(now - seen_at).total_seconds() / 3600 for _, _, _, seen_at in rows]
    score.median_age_hours = median(ages) if ages else 0.0
    return score


def city_stores(world: World, company: str) -> list[str]:
    """The chain's own ids of the active stores in the demo's city, as SplitCart clustered them."""
    with reading(world.engine) as session:
        return list(session.scalars(_in_city(sa.select(Store.store_id), company)))


def _in_city(query: sa.Select[Any], company: str) -> sa.Select[Any]:
    return (
        query.join(Company, Company.id == Store.company_id)
        .join(GeoCluster, GeoCluster.id == Store.cluster_id)
        .where(Company.slug == company, GeoCluster.name == CITY, Store.is_active.is_(True))
        .order_by(Store.store_id)
    )


def _believed(world: World, company: str) -> dict[str, list[tuple[str, int, str, datetime]]]:
    view = sa.table(
        "effective_prices",
        *map(sa.column, ("store_id", "sku_id", "price_cents", "source")),
        sa.column("seen_at", Coverage.observed_to.type),
    )
    found: dict[str, list[tuple[str, int, str, datetime]]] = defaultdict(list)
    with reading(world.engine) as session:
        stores = {store.id: store.store_id for store in session.scalars(_in_city(sa.select(Store), company))}
        rows = session.execute(
            sa.select(view.c.store_id, Sku.code, view.c.price_cents, view.c.source, view.c.seen_at)
            .join(Sku, Sku.id == view.c.sku_id)
            .where(view.c.store_id.in_(list(stores)))
        )
        for store, code, price, source, seen_at in rows:
            found[stores[store]].append((code, price, source, seen_at))
    return found


@dataclass
class ArchiveCheck:
    """What the published store files say, entry by entry, against the truth at the instant that each speaks of."""

    files: int = 0
    observed: int = 0
    observed_wrong: int = 0
    inferred: int = 0
    inferred_without_source: int = 0


def check_archives(world: World, folder: Path) -> ArchiveCheck:
    """Check every standing offer and every beginning of an observed interval in all store files."""
    check = ArchiveCheck()
    for path in sorted((folder / "store_data").glob("*/*.json")):
        document = orjson.loads(path.read_bytes())
        check.files += 1
        place = (path.parent.name, document["metadata"]["store"]["store_id"])
        for product in _products(document):
            for entry in _entries(product):
                _check_entry(world, place, product["sku"], entry, check)
    return check


def _products(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "price_history" in node:
            yield node
        else:
            for value in node.values():
                yield from _products(value)
    elif isinstance(node, list):
        for value in node:
            yield from _products(value)


def _entries(product: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if product["listed"]:
        yield {"at": product["seen_at"], **product}
    for entry in product["price_history"]:
        yield {"at": entry["since"], **entry}


def _check_entry(world: World, place: tuple[str, str], sku: str, entry: dict[str, Any], check: ArchiveCheck) -> None:
    if entry["source"] == "inferred_group":
        check.inferred += 1
        check.inferred_without_source += not entry.get("inferred_from")
        return
    truth = world.market.offers(*place, datetime.fromisoformat(entry["at"])).get(sku)
    check.observed += 1
    check.observed_wrong += truth is None or truth.price_cents != entry["offer"]["price_cents"]
