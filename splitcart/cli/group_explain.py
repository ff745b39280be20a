"""``splitcart group explain``: why a store is where it is, or what two stores have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from splitcart.cli.common import console, database, plain_table, print_json, print_line, stamp
from splitcart.config import get_chain, get_settings
from splitcart.errors import InputError
from splitcart.measures.money import dollars

if TYPE_CHECKING:
    from grouping.explanation import BracketLine, Explanation, Figures, Sighting

_TOO_FEW = "holds: too few to fail"
COLOURS = {"confirmed": "green", "rogue": "red", "pending": "yellow", "expired": "yellow"}


def explain_command(
    store: Annotated[str, typer.Argument(help="The store, as company/store_id, or its id if only one chain uses it.")],
    other: Annotated[str | None, typer.Argument(help="A store of the same company to compare it with.")] = None,
    company: Annotated[
        str | None, typer.Option("--company", help="The company of the stores, by its slug (aldi, coles …).")
    ] = None,
    category: Annotated[
        str | None, typer.Option("--category", help="Explain its place in this root category alone, by name.")
    ] = None,
    skus: Annotated[int, typer.Option("--skus", min=0, help="How many of the differing skus to list.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Explain a store's newest verdict, with its figures, or compare what two stores show now.

    Without OTHER: why its newest candidate crawl was confirmed, a rogue or left pending, by which crawls, and which
    categories and skus differ; of a store without a group, how far it is from the list most like its own. With
    --category: the same of the groups of one category. Nothing is written.
    """
    from grouping.explaining import explain_pair, explain_store
    from grouping.references import Step
    from grouping.snapshots import read_catalogue
    from splitcart.database import reading
    from splitcart.database.lookup import find_root_category, find_store

    names = [_full_name(name, company) for name in (store, other) if name is not None]
    with reading(database()) as session:
        stores = [find_store(session, name) for name in names]
        slugs = {found.slug for found, _ in stores}
        if len(slugs) > 1:
            raise InputError(f"{store} and {other} are of two companies; only stores of one company share skus")
        chain = get_chain(slugs.pop())
        company_id = stores[0][0].id
        step = Step(session, chain, company_id, read_catalogue(session, company_id), get_settings().clock()())
        if category is not None:
            step = step.about(find_root_category(session, stores[0][0], category).id)
        rows = [row for _, row in stores]
        explanation = (
            explain_store(step, rows[0], skus) if other is None else explain_pair(step, rows[0], rows[1], skus)
        )
    if as_json:
        print_json(explanation.as_dict())
        return
    _print(explanation)


def _full_name(name: str, company: str | None) -> str:
    if company is None:
        return name
    slug = get_chain(company).slug
    if "/" in name and not name.startswith(f"{slug}/"):
        raise InputError(f"store {name!r} is not of {slug}; leave --company out, or name a store of {slug}")
    return name if "/" in name else f"{slug}/{name}"


def _print(explanation: Explanation) -> None:
    console.print(_title(explanation), soft_wrap=True, highlight=False)
    for line in explanation.standing:
        console.print(line, highlight=False)
    console.print()
    if verdict := _verdict(explanation):
        console.print(verdict, highlight=False)
    for reason in explanation.reasons:
        console.print(Padding(reason, (0, 0, 0, 2)), highlight=False)
    console.print()
    _print_sides(explanation)
    if explanation.figures:
        _print_figures(explanation.figures)
        _print_skus(explanation, explanation.figures)
    _print_decisions(explanation)


def _title(explanation: Explanation) -> Text:
    first = f"{explanation.company}/{explanation.store_id}"
    where = f", {explanation.category} alone" if explanation.category else ""
    if explanation.other_id:
        return Text.assemble((f"{first} and {explanation.company}/{explanation.other_id}", "bold"), where)
    return Text.assemble((first, "bold"), f" {explanation.name}{where}")


def _verdict(explanation: Explanation) -> Text | None:
    if explanation.kind is None or explanation.other_id:
        return None
    against = f" in {explanation.group}" if explanation.group else ""
    how = {None: "not decided yet; the next run would say: ", "verdict": "", "pending": ""}
    opening = how.get(explanation.decided_as, f"{explanation.decided_as}: ")
    at = f", decided {stamp(explanation.decided_at)}" if explanation.decided_at else ""
    return Text.assemble(opening, (explanation.kind, f"bold {COLOURS.get(explanation.kind, '')}"), f"{against}{at}")


def _print_sides(explanation: Explanation) -> None:
    table = plain_table("compared", "what", "seen from (UTC)", "to")
    sides = {"A": explanation.candidate, "B": explanation.reference}
    for name, side in sides.items():
        if side is not None:
            table.add_row(name, _what(side), stamp(side.observed_from), stamp(side.observed_to))
    bracket = explanation.bracket
    for when, crawls in (("before", bracket.before), ("after", bracket.after)) if bracket else ():
        for crawl in crawls:
            table.add_row(when, _what(crawl), stamp(crawl.observed_from), stamp(crawl.observed_to))
    if table.row_count:
        console.print(table)
    if bracket:
        print_line(_moved(bracket))
    console.print()


def _what(side: Sighting) -> str:
    return f"list of {side.group}" if side.store_id is None else f"crawl of {side.store_id}"


def _moved(bracket: BracketLine) -> str:
    stood = f"{bracket.stable:,} of {bracket.shared:,} shared skus stood still from before to after"
    if bracket.moved_within is None:
        return f"{stood}; none moved"
    begun, ended = map(stamp, bracket.moved_within)
    return f"{stood}; {bracket.moved_share:.1%} moved, between {begun} and {ended}"


def _print_figures(figures: Figures) -> None:
    regular = "" if figures.regular_overlap is None else f"   of regular prices {figures.regular_overlap:.2%}"
    print_line(
        f"True Overlap {figures.true_overlap:.2%}   Range Overlap {figures.range_overlap:.2%}   "
        f"shared {figures.shared:,}, {figures.different:,} differ{regular}"
    )
    numbers = ("shared (n)", "differ (m)", "P(M ≥ m)")
    table = plain_table("category", *numbers, "test", right=set(numbers))
    for line in figures.categories:
        verdict = Text("fails", "red") if line.fails else "holds" if line.testable or not line.different else _TOO_FEW
        chance = "" if line.different == 0 else _chance(line.tail)
        table.add_row(line.category, f"{line.shared:,}", f"{line.different:,}", chance, verdict)
    console.print(table)
    console.print()


def _chance(tail: float) -> str:
    return f"{tail:.3f}" if tail >= 0.001 else f"{tail:.0e}"


def _print_skus(explanation: Explanation, figures: Figures) -> None:
    if not figures.different or not explanation.skus:
        return
    shown = len(explanation.skus)
    rest = f" (the first {shown} of {figures.different:,})" if shown < figures.different else ""
    print_line(Text.assemble(("Skus that differ", "italic"), rest))
    table = plain_table("sku", "name", "category", "A", "since", "B", "since", right={"A", "B"})
    for line in explanation.skus:
        table.add_row(
            line.code,
            line.name,
            line.category,
            dollars(line.price_cents),
            stamp(line.since, days=True),
            dollars(line.other_cents),
            stamp(line.other_since, days=True),
        )
    console.print(table)
    console.print()


def _print_decisions(explanation: Explanation) -> None:
    if explanation.logged:
        kept = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in explanation.logged.items())
        console.print(f"The log kept other figures of that time: {kept}; a list or a crawl was corrected since.")
        console.print()
    if not explanation.decisions:
        return
    numbers = ("True Overlap", "shared")
    table = plain_table("at (UTC)", "what", "verdict", "group", *numbers, right=set(numbers), title="Last decisions")
    for entry in explanation.decisions:
        overlap = "" if entry.true_overlap is None else f"{entry.true_overlap:.2%}"
        shared = "" if entry.shared is None else f"{entry.shared:,}"
        table.add_row(stamp(entry.at), entry.kind, entry.verdict or "", entry.group or "", overlap, shared)
    console.print(table)
