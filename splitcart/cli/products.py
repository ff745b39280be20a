"""``splitcart products``: what became one product or brand, and the way back."""

from typing import Annotated

import typer

from splitcart.cli.common import console, database, make_table, print_json, print_line
from splitcart.config import get_settings

app = typer.Typer(no_args_is_help=True, help="Look at products and at what was merged.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def merges(
    brands: Annotated[bool, typer.Option("--brands", help="Merges of brands in place of products.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the merges of products: what became what, by which rule, and whether it was undone."""
    from splitcart.database import reading
    from splitcart.ingest.matching import read_merges

    with reading(database()) as session:
        found = read_merges(session, kind="brand" if brands else "product", limit=limit)
    if as_json:
        print_json(found)
        return
    rows = make_table(
        "merge", "from", "into", "rule", "score", "moved", "at", "undone", right={"merge", "score", "moved"}
    )
    for merge in found:
        rows.add_row(
            str(merge["id"]),
            f"{merge['from']['name']} ({merge['from']['id']})",
            f"{merge['into']['name']} ({merge['into']['id']})",
            merge["rule"],
            f"{merge['score']:.1f}",
            str(merge["moved"]),
            f"{merge['at']:%Y-%m-%d %H:%M}",
            f"{merge['undone_at']:%Y-%m-%d %H:%M}" if merge["undone_at"] else "",
        )
    console.print(rows)


@app.command()
def undo(
    merge_ids: Annotated[list[int], typer.Argument(help="Merges, by the number that merges shows.")],
    as_json: AsJson = False,
) -> None:
    """Undo merges of products or brands: what was moved goes back, and the two are never merged again."""
    from splitcart.database import transaction
    from splitcart.ingest.matching import undo_merge

    now = get_settings().clock()()
    with transaction(database()) as session:
        undone = [undo_merge(session, merge_id, now) for merge_id in merge_ids]
    if as_json:
        print_json(undone)
        return
    for merge in undone:
        print_line(
            f"merge {merge['id']} is undone: {merge['from']['name']} ({merge['from']['id']}) is a {merge['kind']} of"
            f" its own again, with {merge['moved']} rows"
        )
