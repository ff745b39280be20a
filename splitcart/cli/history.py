"""``splitcart history``: what a sku cost at a store, when, and how that is known."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, database, make_table, print_json, print_line
from splitcart.errors import InputError
from splitcart.measures.money import dollars

if TYPE_CHECKING:
    from datetime import datetime

    from grouping.effective import Offer
    from grouping.story import Chapter, PriceStory


def history(
    store: Annotated[str, typer.Argument(help="The store, as company/store_id, or its id if only one chain uses it.")],
    sku: Annotated[str, typer.Argument(help="The chain's own code of the article.")],
    png: Annotated[Path | None, typer.Option("--png", help="Draw the history to this file, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show every price that a sku is known to have had at a store: observed, or inferred from which other store."""
    from grouping.story import read_story
    from splitcart.database import reading

    with reading(database()) as session:
        story = read_story(session, store, sku)
    if png is not None:
        _draw(story, png)
    if as_json:
        print_json(story.as_dict())
        return
    _print(story)
    if png is not None:
        print_line(f"drawn to {png}")


def _draw(story: "PriceStory", path: Path) -> None:
    from splitcart.cli.price_chart import draw_story

    if not story.chapters:
        raise InputError(f"no price of {story.sku} at {story.company}/{story.store_id} is known, so there is no chart")
    try:
        draw_story(story, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; choose another file") from error


def _print(story: "PriceStory") -> None:
    if not story.chapters:
        print_line(f"{_title(story)}: no price is known")
        return
    table = make_table("since (UTC)", "until", "price", "was", "special", "source", right={"price", "was"})
    before: Chapter | None = None
    for chapter in story.chapters:
        if before is not None and before.until is not None and before.until < chapter.since:
            table.add_row(_instant(before.until), _instant(chapter.since), "", "", "", "not on the shelf, or not known")
        was = chapter.offer.was_cents
        table.add_row(
            _instant(chapter.since),
            _instant(chapter.until),
            dollars(chapter.offer.price_cents),
            "" if was is None else dollars(was),
            _special(chapter.offer),
            "observed" if chapter.inferred_from is None else f"inferred from {chapter.inferred_from} ({chapter.group})",
        )
        before = chapter
    print_line(_title(story))
    console.print(table)


def _title(story: "PriceStory") -> str:
    article = " ".join(filter(None, (story.name, story.size)))
    return f"{article} ({story.sku}) at {story.place}"


def _special(offer: "Offer") -> str:
    parts = [offer.special_kind or ""]
    if offer.multi_buy_quantity and offer.multi_buy_cents:
        parts.append(f"{offer.multi_buy_quantity} for {dollars(offer.multi_buy_cents)}")
    if offer.member_cents:
        parts.append(f"members {dollars(offer.member_cents)}")
    return ", ".join(filter(None, parts))


def _instant(at: "datetime | None") -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
