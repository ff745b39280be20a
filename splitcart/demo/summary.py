"""What came of it: the figures as JSON, and as tables that a person understands."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from splitcart.config import get_chain
from splitcart.database import reading
from splitcart.database.models import Company, GeoCluster, Membership, Store, StoreCategory
from splitcart.demo.truth import ArchiveCheck, Score
from splitcart.demo.world import CHAINS, CITY, DAYS, World


@dataclass
class Played:
    """What the demo did and measured, by company where that makes sense."""

    scores: dict[str, list[Score]] = field(default_factory=lambda: {chain: [] for chain in CHAINS})
    crawls: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHAINS, 0))
    partial_crawls: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHAINS, 0))
    isolated: dict[str, int] = field(default_factory=dict)
    stores_in_city: dict[str, int] = field(default_factory=dict)
    maps: list[Path] = field(default_factory=list)
    archive: ArchiveCheck = field(default_factory=ArchiveCheck)
    seconds: float = 0.0


def summarise(world: World, played: Played) -> dict[str, Any]:
    """Return all figures: per chain below ``chains``, in total beside it. Shares lie between 0 and 1."""
    chains = {company: _chain(world, played, company) for company in CHAINS}
    scores = [score for company in CHAINS for score in played.scores[company]]
    crawls = sum(played.crawls.values())
    brute_force = sum(chain["brute_force_crawls"] for chain in chains.values())
    by_day = list(zip(*(played.scores[company] for company in CHAINS), strict=True))
    return {
        "market_days": DAYS,
        "chains": chains,
        **{name: sum(chain[name] for chain in chains.values()) for name in SUMMED},
        "crawls": crawls,
        "brute_force_crawls": brute_force,
        "share_of_brute_force": crawls / brute_force,
        "share_of_effective_prices_right": fmean(_right(day) for day in by_day),
        "share_of_effective_prices_right_last_day": _right(by_day[-1]),
        "false_availability": sum(score.not_on_shelf for score in scores) / sum(score.effective for score in scores),
        "missing": sum(score.missing for score in scores) / sum(score.on_shelf for score in scores),
        "archive": {
            "store_files": played.archive.files,
            "observed_entries": played.archive.observed,
            "observed_entries_wrong": played.archive.observed_wrong,
            "inferred_entries": played.archive.inferred,
            "inferred_entries_without_source": played.archive.inferred_without_source,
        },
        "paths": {
            "archive": str(world.settings.folder("archive")),
            "maps": [str(path) for path in played.maps],
            "database": world.settings.resolved_database_url,
            "log": str(world.log),
        },
        "seconds": round(played.seconds, 1),
    }


def _right(day: tuple[Score, ...]) -> float:
    return sum(score.right for score in day) / sum(score.effective for score in day)


def _chain(world: World, played: Played, company: str) -> dict[str, Any]:
    scores = played.scores[company]
    last = scores[-1]
    totals: dict[str, list[int]] = {}
    for score in scores:
        for store, (right, effective) in score.right_by_store.items():
            sums = totals.setdefault(store, [0, 0])
            sums[0] += right
            sums[1] += effective
    shares = {store: right / effective for store, (right, effective) in totals.items() if effective}
    worst = min(shares, key=lambda store: (shares[store], store))
    return {
        **_standing(world, company),
        "isolated": played.isolated[company],
        "stores_in_city": played.stores_in_city[company],
        "crawls": played.crawls[company],
        "partial_crawls": played.partial_crawls[company],
        "brute_force_crawls": played.stores_in_city[company] * (DAYS + 1),
        "observed_prices": last.effective - last.inferred,
        "inferred_prices": last.inferred,
        "share_of_effective_prices_right": fmean(score.share_right for score in scores),
        "share_of_effective_prices_right_last_day": last.share_right,
        "share_right_by_day": [round(score.share_right, 5) for score in scores],
        "false_availability": sum(score.not_on_shelf for score in scores) / sum(score.effective for score in scores),
        "missing": sum(score.missing for score in scores) / sum(score.on_shelf for score in scores),
        "worst_store": {"store_id": worst, "share_right": shares[worst]},
        "median_age_hours": last.median_age_hours,
    }


def _standing(world: World, company: str) -> dict[str, int]:
    """Stores known, crawled, grouped and outliers (covered in the city, in no group), as the database has them."""
    with reading(world.engine) as session:
        known = sa.select(Store.id).join(Company, Company.id == Store.company_id).where(Company.slug == company)
        covered = known.where(Store.id.in_(sa.select(StoreCategory.store_id)))
        place = sa.select(Membership.store_id).where(Membership.until.is_(None), Membership.category_id.is_(None))
        in_city = covered.join(GeoCluster, GeoCluster.id == Store.cluster_id).where(GeoCluster.name == CITY)

        def count(query: sa.Select[int]) -> int:
            return session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0

        return {
            "stores_known": count(known),
            "stores_crawled": count(covered),
            "stores_grouped": count(known.where(Store.id.in_(place))),
            "outliers": count(in_city.where(Store.id.not_in(place))),
        }


def print_summary(console: Console, summary: dict[str, Any], folder: Path) -> None:
    """Print the summary as a table with a few sentences and what to try next."""
    table = Table(title=f"{CITY}, {summary['market_days']} market days after discovery", title_justify="left")
    table.add_column("", no_wrap=True)
    for company in summary["chains"]:
        table.add_column(get_chain(company).name, justify="right", no_wrap=True)
    table.add_column("together", justify="right", no_wrap=True)
    for label, key, form in ROWS:
        cells = [form(chain[key]) for chain in summary["chains"].values()]
        table.add_row(label, *cells, form(summary[key]) if key in summary else "")
    archive = summary["archive"]
    observed, wrong = archive["observed_entries"], archive["observed_entries_wrong"]
    inferred, unnamed = archive["inferred_entries"], archive["inferred_entries_without_source"]
    right, spent = summary["share_of_effective_prices_right"], summary["share_of_brute_force"]
    sentences = (
        f"{right:.2%} of all prices that SplitCart would have published were right, for {spent:.0%}",
        "of the crawls that crawling every store every day would have taken.",
        f"Archives: {archive['store_files']} store files; {wrong:,} of {observed:,} observed entries differ from the",
        f"truth, {unnamed:,} of {inferred:,} inferred entries do not name their source.",
        f"It took {summary['seconds']:.0f} s. All of it is in {folder}:",
    )
    console.print(table)
    for sentence in sentences:
        console.print(sentence, highlight=False, soft_wrap=True)
    paths = summary["paths"]
    for name, path in (
        ("archives", paths["archive"]),
        *(("map", path) for path in paths["maps"]),
        ("log", paths["log"]),
    ):
        console.print(f"  {name:9} {path}", highlight=False, soft_wrap=True)
    splitcart, server = _command(), folder / "server"
    console.print("Try next:", style="bold")
    for command in (
        f"SPLITCART_DATA_DIR={server} {splitcart} group list",
        f"SPLITCART_DATA_DIR={server} {splitcart} schedule show --company aldi",
        f"{splitcart} replica",
    ):
        console.print(f"  {command}", highlight=False, soft_wrap=True)


def _command() -> str:
    """How the user can call splitcart from where he stands."""
    if shutil.which("splitcart"):
        return "splitcart"
    called = Path(sys.argv[0])
    return str(called) if called.name == "splitcart" else f"{sys.executable} -m splitcart.cli"


SUMMED = (
    "stores_known",
    "isolated",
    "stores_in_city",
    "stores_crawled",
    "stores_grouped",
    "outliers",
    "partial_crawls",
    "observed_prices",
    "inferred_prices",
)


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _percent(share: float) -> str:
    return f"{share:.2%}"


ROWS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("stores known", "stores_known", _whole),
    ("  isolated", "isolated", _whole),
    (f"  in {CITY}", "stores_in_city", _whole),
    ("stores crawled", "stores_crawled", _whole),
    ("  grouped", "stores_grouped", _whole),
    ("  outliers", "outliers", _whole),
    ("crawls", "crawls", _whole),
    ("  of these partial", "partial_crawls", _whole),
    ("brute force would need", "brute_force_crawls", _whole),
    ("prices observed, last day", "observed_prices", _whole),
    ("prices inferred, last day", "inferred_prices", _whole),
    ("prices right, mean of all days", "share_of_effective_prices_right", _percent),
    ("prices right, last day", "share_of_effective_prices_right_last_day", _percent),
    ("false availability", "false_availability", _percent),
    ("on the shelf but unknown", "missing", _percent),
    ("worst store", "worst_store", lambda worst: f"{worst['store_id']}: {worst['share_right']:.2%}"),
    ("median age of a price", "median_age_hours", lambda hours: f"{hours:.0f} h"),
)
