"""Read the options, play every seed in processes of its own, print the table."""

import argparse
import logging
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean, median

import msgspec

import benchmarks.policy
from benchmarks.policy.play import Setting, simulate
from benchmarks.policy.score import FIGURES, SERIES, Score
from splitcart.replica.config import ChainConfig, default_chains

Scores = list[Score]
CITIES = {"Perth": 10.0, "Adelaide": 5.0}  # two states, so two produce lists


def market_of(company: str, stores: int, skus: int, clearance: float) -> ChainConfig:
    """The issue's market for one chain; stores move only when the simulation lets them."""
    return msgspec.structs.replace(
        default_chains()[company],
        stores=stores,
        skus=skus,
        roots=6,
        leaves_per_root=2,
        isolated_share=0.04,
        cities=CITIES,
        petrol_share=0.0,
        move_rate=0.0,
        clearance_share=clearance,
    )


def main() -> None:
    """Print what one series of seeds came to."""
    parser = argparse.ArgumentParser(
        description=benchmarks.policy.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20, help="how many markets (default 20)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--company", choices=("aldi", "woolworths"), default="aldi")
    parser.add_argument("--stores", type=int, default=240, help="of the chain (default 240)")
    parser.add_argument("--skus", type=int, default=720, help="in six departments (default 720)")
    parser.add_argument("--budget", type=float, default=0.035, help="crawls a day, by store (default 0.035)")
    parser.add_argument("--blocked", type=float, default=0.07, help="share of crawls that are blocked midway")
    parser.add_argument("--clearance", type=float, default=0.003, help="share of a store's skus on local clearance")
    parser.add_argument("--moves", type=int, default=8, help="stores that change their list (default 8)")
    parser.add_argument("--standing", action="store_true", help="prices never change: the partition must not either")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every figure of every seed to this file, seed by seed")
    parser.add_argument("--read", type=Path, nargs="+", help="play nothing: print what such files hold")
    parser.add_argument(
        "--causes",
        action="store_true",
        help="where the stores stood whose prices were wrong, and what wrong decisions were made on",
    )
    options = parser.parse_args()
    if options.read:
        _print_table([score for path in options.read for score in msgspec.json.decode(path.read_bytes(), type=Scores)])
        return
    setting = Setting(
        company=options.company,
        days=options.days,
        budget=options.budget,
        blocked=options.blocked,
        moves=0 if options.standing else options.moves,
        market=market_of(options.company, options.stores, options.skus, options.clearance),
        standing=options.standing,
    )
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    with ProcessPoolExecutor(options.processes, initializer=logging.disable, initargs=(logging.WARNING,)) as pool:
        scores: Scores = []
        for score in pool.map(partial(simulate, setting=setting), seeds):
            scores.append(score)
            if options.json:
                options.json.write_bytes(msgspec.json.encode(scores))
    if options.standing:
        print("runs that changed the partition while prices stood still:", [score.stood_still for score in scores])
    _print_table(scores)
    if options.causes:
        _print_causes(scores)


def _print_table(scores: list[Score]) -> None:
    """One line a figure and one column a seed, the aim, the median and the least and most in front."""
    print("| | aim | median | least | most |", " | ".join(str(score.seed) for score in scores), "|")
    print("| --- | --- |" + " ---: |" * (len(scores) + 3))
    for figure in FIGURES:
        found = [figure.of(score) for score in scores]
        shown = [median(found), min(found), max(found), *found]
        cells = (f"{value:.{figure.digits}f}" if figure.digits else f"{value:g}" for value in shown)
        print(f"| {figure.name} | {figure.aim} |", " | ".join(cells), "|")
    print()
    print("| | wrong | false availability | missing |")
    print("| --- | ---: | ---: | ---: |")
    for name in SERIES:
        errors = [score.errors[name] for score in scores]
        means = [[mean(getattr(error, of)) for error in errors] for of in ("wrong", "ghosts", "missing")]
        print(f"| {name} |", " | ".join(f"{100 * median(values):.3f} %" for values in means), "|")


def _print_causes(scores: list[Score]) -> None:
    print()
    for score in scores:
        print(score.seed, dict(Counter(score.causes).most_common()))
        for store_id, mover in score.movers.items():
            print("   ", store_id, mover)
        for decision in score.evidence:
            print("   ", decision)


if __name__ == "__main__":
    main()
