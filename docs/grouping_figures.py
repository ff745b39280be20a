"""The figures of grouping.md, calculated: ``python docs/grouping_figures.py`` prints them; a test compares the page."""  # noqa: INP001 - a script beside the pages

from datetime import timedelta

from grouping.overlap import Catalogue, compare
from grouping.verdict import Snapshot, Verdict, binomial_tail, judge, match
from splitcart.config import get_chain
from splitcart.replica.config import MarketConfig
from splitcart.replica.market import Market

CHAIN = "woolworths"
STATE = "NSW"
THRESHOLDS = (0.90, 0.95, 0.98, 0.99)


def chance_table() -> str:
    """How often a flat threshold alone errs, by the number of shared skus.

    False rogue: a store of the list with 0.6 % of its prices apart (0.3 % clearances on either side) fails. False
    match: a store of a list that differs in 3 % of its prices passes.
    """
    lines = [
        "| shared skus | threshold | a true member fails | a list 3 % away passes |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for shared in (20, 100, 500, 2000):
        for threshold in THRESHOLDS:
            allowed = int(shared * (1 - threshold) + 1e-9)
            fails = binomial_tail(allowed + 1, shared, 0.006)
            passes = 1 - binomial_tail(allowed + 1, shared, 0.03)
            lines.append(f"| {shared:,} | {threshold:.0%} | {_chance(fails)} | {_chance(passes)} |")
    return "\n".join(lines)


def category_table() -> str:
    """How many skus of a category may differ before it fails, and how often chance alone makes a true one fail."""
    chain = get_chain(CHAIN)
    head = "| shared in the category | fails from | a true category fails | one with 10 % apart is caught |"
    lines = [head, "| ---: | ---: | ---: | ---: |"]
    for shared in (8, 20, 50, 170, 500):
        fails_from = next(
            m
            for m in range(chain.category_min_different, shared + 1)
            if binomial_tail(m, shared, chain.category_error_rate) < chain.category_tail
        )
        by_chance = binomial_tail(fails_from, shared, 0.006)
        caught = binomial_tail(fails_from, shared, 0.10)
        lines.append(f"| {shared:,} | {fails_from} | {_chance(by_chance)} | {_chance(caught)} |")
    return "\n".join(lines)


def _chance(share: float) -> str:
    if share < 1e-6:
        return "< 0.0001 %"
    if share > 0.995:
        return "> 99 %"
    return f"{100 * share:.2g} %" if share < 0.0995 else f"{100 * share:.0f} %"


def worked_example() -> str:
    """Two stores seen after a weekly change, one of the Ambassador's list and one of another, judged in three ways."""
    market = Market(MarketConfig(seed=1))
    chain = get_chain(CHAIN)
    skus = market.skus(CHAIN)
    roots = sorted({sku.root for sku in skus.values()})
    codes = sorted(skus)
    catalogue = Catalogue({number: roots.index(skus[code].root) for number, code in enumerate(codes)})
    stores: dict[str, list[str]] = {}
    for store in market.stores(CHAIN):
        if store.priced and store.state == STATE:
            plan = market.plan(CHAIN, store.store_id)
            if not (plan.solo or len(plan.roots) > 1 or plan.missing_roots):
                stores.setdefault(plan.lists[0], []).append(store.store_id)
    (ambassador, member, *_), (stranger, *_) = sorted(stores.values(), key=len, reverse=True)[:2]

    def seen(store_id: str, day: int, hour: int, crawl_id: int) -> Snapshot:
        at = market.midnight(day, STATE) + timedelta(hours=hour)
        offers = market.offers(CHAIN, store_id, at)
        prices = {number: offers[code].price_cents for number, code in enumerate(codes) if code in offers}
        return Snapshot(catalogue.price_list(prices, range(len(roots))), at, at, crawl_id, crawl_id)

    before, after = seen(ambassador, 1, 20, 1), seen(ambassador, 5, 8, 1)
    lines = ["| store, seen Wednesday 08:00 | against Tuesday 20:00 | can testify | on these | verdict |"]
    lines.append("| --- | ---: | ---: | ---: | --- |")
    for crawl_id, (store_id, what) in enumerate(((member, "the same list"), (stranger, "another list")), 2):
        candidate = seen(store_id, 2, 8, crawl_id)
        flat = match(compare(candidate.prices, before.prices), chain).comparison
        verdict = judge(candidate, [before], [before], [after], chain)
        lines.append(_example_line(f"{store_id} ({what})", flat.true_overlap, verdict))
    return "\n".join(lines)


def _example_line(store: str, flat: float, verdict: Verdict) -> str:
    if verdict.testimony is None or verdict.match is None:
        raise ValueError(f"{store} was decided without a bracket; choose other crawls for the example")
    known = f"{verdict.testimony.stable} of {verdict.testimony.shared}"
    return f"| {store} | {flat:.1%} | {known} | {verdict.match.comparison.true_overlap:.1%} | **{verdict.kind}** |"


if __name__ == "__main__":
    print(worked_example(), chance_table(), category_table(), sep="\n\n")  # noqa: T201 - it is what it is for
