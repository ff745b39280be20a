"""How well skus of several chains find their products: precision and recall over pairs of a market that is known.

    python -m benchmarks.identity [--seeds N] [--articles N] [--json]

Each chain's listings go through the ingest's own catalogue, one chain after the other, then post-processing runs twice:
the second run must change nothing. A pair is two listings of one article; precision is the share of pairs in one
product that are one article, recall the share of pairs of one article that are in one product.
"""

import argparse
import json
import platform
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.identity_market import Listing, build_market
from splitcart.config import get_chains
from splitcart.database import open_database, reading, transaction
from splitcart.database.models import Company, Sku
from splitcart.ingest.catalogue import Catalogue
from splitcart.ingest.companies import ensure_company
from splitcart.ingest.matching import post_process
from tests.ingest.crawl_files import shelf_row

AT = datetime(2026, 3, 2, tzinfo=UTC)


def measure(seed: int, chains: int, articles: int, folder: Path, show: int = 0) -> dict[str, Any]:
    """Run one market and return its figures."""
    listings = build_market(seed, chains, articles)
    engine = open_database(f"sqlite:///{folder}/{seed}-{chains}.db")
    started = time.perf_counter()
    for chain, rows in groupby(listings, key=lambda listing: listing.chain):
        with transaction(engine) as session:
            company = ensure_company(session, get_chains()[chain])
            Catalogue(session, company.id).take_in(session, [shelf_row(row.record) for row in rows], AT, AT)
    taken_in = time.perf_counter()
    at_ingest = _score(listings, _products(engine))
    with transaction(engine) as session:
        counts = post_process(session, AT)
    done = time.perf_counter()
    with transaction(engine) as session:
        again = post_process(session, AT)
    products = _products(engine)
    engine.dispose()
    _show(listings, products, show)
    return {
        "seed": seed,
        "chains": chains,
        "skus": len(listings),
        **_score(listings, products),
        "recall_at_ingest": at_ingest["recall"],
        "post_process": counts.as_json(),
        "second_run_changes": sum(again.as_json().values()),
        "ingest_seconds": round(taken_in - started, 2),
        "post_process_seconds": round(done - taken_in, 2),
    }


def _products(engine: sa.Engine) -> dict[tuple[str, str], tuple[int, str]]:
    with reading(engine) as session:
        rows = session.execute(sa.select(Company.slug, Sku.code, Sku.product_id, Sku.match_rule).join(Company))
        return {(slug, code): (product_id, rule) for slug, code, product_id, rule in rows}


def _pairs(listings: Iterable[Listing], key: dict[int, Hashable]) -> set[tuple[int, int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, _ in enumerate(listings):
        groups[key[number]].append(number)
    return {pair for group in groups.values() for pair in combinations(group, 2)}


def _compared(
    listings: list[Listing], products: dict[tuple[str, str], tuple[int, str]]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Return the pairs that are one article, and those that are in one product."""
    truth = _pairs(listings, {number: each.article.id for number, each in enumerate(listings)})
    found = _pairs(listings, {number: products[each.chain, each.record.sku][0] for number, each in enumerate(listings)})
    return truth, found


def _score(listings: list[Listing], products: dict[tuple[str, str], tuple[int, str]]) -> dict[str, Any]:
    truth, found = _compared(listings, products)
    right = truth & found
    missed: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    for pair in truth:
        causes = listings[pair[0]].causes | listings[pair[1]].causes
        possible.update(causes)
        if pair not in found:
            missed.update(causes or {"none"})
    wrong = Counter(_why_wrong(listings[one], listings[other]) for one, other in found - truth)
    return {
        "pairs": len(truth),
        "precision": round(len(right) / max(len(found), 1), 5),
        "recall": round(len(right) / max(len(truth), 1), 5),
        "wrong": dict(wrong.most_common()),
        "missed": {cause: [count, possible[cause]] for cause, count in missed.most_common()},
    }


def _why_wrong(one: Listing, other: Listing) -> str:
    if "wrong barcode" in one.causes | other.causes:
        return "wrong barcode"
    if one.article.owner or other.article.owner:
        return "own brand"
    if one.article.brand != other.article.brand:
        return "another brand"
    if one.article.pack != other.article.pack:
        return "another size" if one.article.words == other.article.words else "another size and name"
    return "another variant"


def _show(listings: list[Listing], products: dict[tuple[str, str], tuple[int, str]], count: int) -> None:
    truth, found = _compared(listings, products)
    for title, pairs in (("WRONG", found - truth), ("MISSED", truth - found)):
        for one, other in sorted(pairs)[:count]:
            print(title)
            for each in (listings[one], listings[other]):
                row = each.record
                rule = products[each.chain, row.sku][1]
                print("   ", each.chain, row.name, row.brand, row.size, row.barcode, rule, *each.causes, sep=" | ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--articles", type=int, default=4000)
    parser.add_argument("--chains", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--show", type=int, default=0, help="print so many wrong and missed pairs of each run")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [
            measure(seed, chains, args.articles, Path(folder), args.show)
            for chains in args.chains
            for seed in range(1, args.seeds + 1)
        ]
    if args.json:
        print(json.dumps(results, indent=2))
        return
    print(platform.platform(), platform.python_version())
    for result in results:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
