"""Which root categories a crawl saw completely: the crawl's own verdict, which the count rule can only lower."""

from collections.abc import Mapping
from typing import Any

from splitcart.config import Chain
from splitcart.ingest.reading import ParsedCrawl
from splitcart.transfer.records import CategoryRecord


def judge_categories(
    parsed: ParsedCrawl,
    chain: Chain,
    reference: Mapping[str, int],
    previous_scope: list[dict[str, Any]],
    rows_by_first_root: Mapping[str, int],
    near: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Return the crawl's scope: one JSON object per root category with ``claimed`` and ``complete``.

    ``reference`` gives the rows of the store's last complete crawl by root name. A category with fewer than
    ``chain.complete_share`` of them is not complete, unless the store's previous crawl of it (``previous_scope``)
    claimed as small a range: a range that stays small is small. Where the store never had a complete crawl of a
    category, ``near`` gives what stores like it have there; one that is short in most of its categories is a small
    store, of which they tell nothing. References under ``chain.min_reference_rows`` are not judged.

    A crawl that saw the whole store also speaks of root categories that the site no longer has: those of ``reference``,
    and those under which its rows were first seen (``rows_by_first_root``), which are also what is counted there.
    """
    categories = dict(parsed.categories)
    # Which guests a crawl has depends on what else it walked, so they are no measure of how much it saw.
    counted = {name: max(rows - categories[name].guests, 0) for name, rows in parsed.rows_by_root().items()}
    if parsed.closing.complete and all(category.complete for category in categories.values()):
        for name in (reference.keys() | rows_by_first_root.keys()) - categories.keys():
            counted[name] = rows_by_first_root.get(name, 0)
            categories[name] = CategoryRecord(
                category=name,
                rows=counted[name],
                complete=True,
                observed_from=parsed.observed_from,
                observed_to=parsed.observed_to,
                problem="no longer in the site's tree",
            )
    claimed = {name: counted.get(name, 0) for name, category in categories.items() if category.complete}
    expected_rows = _expected(claimed, reference, near or {}, chain)
    before = {entry["category"]: entry["rows"] for entry in previous_scope if entry["claimed"]}
    scope = []
    for name, category in sorted(categories.items()):
        rows = counted.get(name, 0)
        problem = category.problem
        complete = category.complete
        small_again = name in before and rows >= chain.complete_share * before[name]
        expected = expected_rows.get(name)
        if complete and not small_again and _is_short(rows, expected, chain):
            complete = False
            problem = f"{rows} rows where {expected} were expected"
        scope.append(_entry(category, rows, complete=complete, problem=problem))
    return scope


def _expected(
    claimed: Mapping[str, int], reference: Mapping[str, int], near: Mapping[str, int], chain: Chain
) -> dict[str, int]:
    """Return what each category should have: what it had, else what it has at stores like it."""
    without_past = (claimed.keys() & near.keys()) - reference.keys()
    short = [name for name in without_past if _is_short(claimed[name], near[name], chain)]
    if 2 * len(short) > len(without_past):
        return dict(reference)
    return {**near, **reference}


def _is_short(rows: int, expected: int | None, chain: Chain) -> bool:
    return expected is not None and expected >= chain.min_reference_rows and rows < chain.complete_share * expected


def _entry(category: CategoryRecord, rows: int, *, complete: bool, problem: str | None) -> dict[str, Any]:
    return {
        "category": category.category,
        "rows": rows,
        "claimed": category.complete,
        "complete": complete,
        "observed_from": category.observed_from.isoformat(),
        "observed_to": category.observed_to.isoformat(),
        "problem": problem,
    }
