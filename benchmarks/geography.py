"""Clusters and maps, measured: against scikit-learn's DBSCAN, and with a million points.

``python -m benchmarks.geography`` takes the recorded store list where SPLITCART_RECORDED_DATA names a folder with one,
else stores that are spread as real ones are. Each part runs in a process of its own, so that its memory is its own.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.cluster import DBSCAN

from scheduler import ClusterReport, StorePoint, draw_map, find_clusters, invalid_stores
from scheduler.clusters import PlacedStore
from scheduler.density import EARTH_RADIUS_KM, density_labels
from scheduler.geography import gazetteer

EPS_KM, MIN_SAMPLES, STORES, ROUNDS = 25.0, 3, 5_701, 5
COMPANIES = 4


def store_list() -> tuple[str, list[list[StorePoint]]]:
    """Return where the stores come from, and the stores of each company."""
    found = sorted(Path(os.environ.get("SPLITCART_RECORDED_DATA", "recorded")).glob("*/companies.store.json.gz"))
    if not found:
        places = spread(STORES, np.random.default_rng(1))
        points = [StorePoint(number, *place) for number, place in enumerate(places.tolist())]
        return "stores spread as real ones are", [points[start::COMPANIES] for start in range(COMPANIES)]
    companies: defaultdict[int, list[StorePoint]] = defaultdict(list)
    for row in json.loads(gzip.decompress(found[0].read_bytes())):
        fields = row["fields"]
        place = (float(fields[name]) if fields[name] else None for name in ("latitude", "longitude"))
        companies[fields["company"]].append(StorePoint(row["pk"], *place))
    return "the recorded store list", list(companies.values())


def spread(count: int, rng: np.random.Generator) -> np.ndarray:
    """Stores around the towns of the gazetteer: the first of each state, its capital, has thirty times the others'."""
    weights = np.array([30.0 if city.name in CAPITALS else 1.0 for city in gazetteer()])
    towns = np.array([(city.latitude, city.longitude) for city in gazetteer()])
    chosen = towns[rng.choice(len(towns), size=count, p=weights / weights.sum())]
    return np.clip(chosen + rng.normal(0, 0.15, (count, 2)), (-44, 113), (-10, 154))


CAPITALS = {"Sydney", "Melbourne", "Brisbane", "Perth", "Adelaide"}


def against_scikit_learn() -> None:
    """Cluster every company's stores: the whole of ``find_clusters``, and scikit-learn's one call."""
    source, companies = store_list()
    arrays = []
    for points in companies:
        bad = invalid_stores(points)
        arrays.append(np.radians([(p.latitude, p.longitude) for p in points if p.store not in bad]))

    def theirs() -> None:
        for radians in arrays:
            scan = DBSCAN(eps=EPS_KM / EARTH_RADIUS_KM, min_samples=MIN_SAMPLES, metric="haversine")
            scan.set_params(algorithm="ball_tree").fit_predict(radians)

    def labels() -> None:
        for radians in arrays:
            density_labels(np.degrees(radians), eps_km=EPS_KM, min_samples=MIN_SAMPLES)

    def ours() -> None:
        for points in companies:
            find_clusters(points, eps_km=EPS_KM, min_samples=MIN_SAMPLES)

    print(f"{sum(map(len, companies)):,} stores ({source}), median of {ROUNDS} rounds:")
    reference = timed(theirs)
    print(f"  scikit-learn's DBSCAN, ball tree, haversine: {reference * 1000:.0f} ms")
    for name, call in (("density_labels", labels), ("find_clusters, store records to clusters", ours)):
        seconds = timed(call)
        print(f"  {name}: {seconds * 1000:.0f} ms, {seconds / reference:.2f} of it")


def timed(call: Callable[[], None]) -> float:
    """Return the median of some calls, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


def draw() -> None:
    """Draw the map of all stores as if of one company: more of everything than any chain has."""
    source, companies = store_list()
    points = {point.store: point for company in companies for point in company}
    begin = time.perf_counter()
    found = find_clusters(points.values(), eps_km=EPS_KM, min_samples=MIN_SAMPLES)
    report = ClusterReport(company="All", at=datetime(2026, 1, 1, tzinfo=UTC), rule="")
    place = {key: PlacedStore(str(key), "", point.latitude, point.longitude) for key, point in points.items()}
    report.clusters = {f"Cluster {n}": [place[key] for key in inside] for n, inside in enumerate(found.clusters, 1)}
    report.isolated = [place[key] for key in found.isolated]
    with TemporaryDirectory() as folder:
        draw_map(report, Path(folder) / "all.png")
    print(f"map of {len(points):,} stores ({source}): {time.perf_counter() - begin:.1f} s, clustering included")


def million(shape: str, eps_km: float, count: int) -> None:
    """Cluster very many points."""
    rng = np.random.default_rng(2)
    degrees = spread(count, rng) if shape == "towns" else rng.uniform((-44, 113), (-10, 154), (count, 2))
    begin = time.perf_counter()
    labels = density_labels(degrees, eps_km=eps_km, min_samples=MIN_SAMPLES)
    seconds, peak = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {count:,} | {shape} | {eps_km:g} | {labels.max() + 1:,} | {seconds:.1f} | {peak:.0f} |", flush=True)


PARTS = {"compare": against_scikit_learn, "map": draw}


def main() -> None:
    """Run one part here, or all of them one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="compare, map, or: million SHAPE EPS_KM")
    parser.add_argument("--count", type=int, default=1_000_000)
    asked = parser.parse_args()
    if asked.part[:1] == ["million"]:
        million(asked.part[1], float(asked.part[2]), asked.count)
    elif asked.part:
        PARTS[asked.part[0]]()
    else:
        series = [["million", shape, eps] for shape in ("towns", "even") for eps in ("25", "5", "1", "0.1")]
        for part in (["compare"], ["map"], *series):
            if part == series[0]:
                print(
                    "| points | shape | eps_km | clusters | seconds | peak MB |\n| --- | --- | --- | --- | --- | --- |"
                )
            command = [sys.executable, "-m", "benchmarks.geography", *part, "--count", str(asked.count)]
            sys.stdout.flush()
            subprocess.run(command, check=True)  # noqa: S603 - this file itself


if __name__ == "__main__":
    main()
