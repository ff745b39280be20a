"""``splitcart history``: the life of one price, as a table, as JSON, as a chart."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from grouping.effective import Offer
from grouping.story import Chapter, PriceStory, read_story
from splitcart.cli.price_chart import REGULAR, SPECIAL, UNKNOWN, build_figure
from splitcart.database import reading
from tests.cli.front_door import splitcart
from tests.grouping.factory import BASE, SmallChain, day, dearer

WITHOUT_7 = {sku: price for sku, price in BASE.items() if sku != 7}


@pytest.fixture
def chain(own_engine: sa.Engine) -> SmallChain:
    """Sku 7 at G001: observed at 1.07, inferred at 1.17 from G002, observed as gone, and back on special."""
    made = SmallChain(own_engine, ["G001", "G002", "G003"])
    for number, store in enumerate(("G001", "G002", "G003")):
        made.crawl(store, BASE, day(0, number))
    made.run(day(0, 12))
    ambassador = made.ambassador("G001")
    made.crawl(ambassador, dearer(BASE, {7}), day(7))
    made.run(day(7, 12))
    member = next(store for store in ("G001", "G002", "G003") if store != ambassador)
    made.crawl(member, WITHOUT_7, day(8))
    made.crawl(member, dearer(BASE, {7}, by=-50), day(9), was={7: 107})
    made.member, made.source = member, ambassador
    return made


def test_the_story_tells_what_was_observed_inferred_and_unknown(chain: SmallChain) -> None:
    done = splitcart("history", f"aldi/{chain.member}", "7")
    assert (done.exit_code, done.error) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.output.splitlines() if "│" in line]
    shown = [(price, was, source.split(" (")[0]) for _, _, price, was, _, source in rows]
    assert shown == [
        ("1.07", "", "observed"),
        ("1.17", "", f"inferred from {chain.source}"),
        ("", "", "not on the shelf, or not known"),
        ("0.57", "1.07", "observed"),
    ]
    assert rows[1][0] == rows[0][1] == f"{day(7):%Y-%m-%d %H:%M}"
    assert rows[-1][1] == ""


def test_json_and_table_tell_the_same(chain: SmallChain) -> None:
    story = json.loads(splitcart("history", chain.member, "7", "--json").output)
    assert (story["company"], story["store_id"], story["sku"]) == ("aldi", chain.member, "7")
    assert [chapter["offer"]["price_cents"] for chapter in story["chapters"]] == [107, 117, 57]
    assert [chapter["inferred_from"] for chapter in story["chapters"]] == [None, chain.source, None]


def test_one_sku_alone_has_the_history_that_it_has_among_all(engine: sa.Engine) -> None:
    from grouping.effective import effective_history

    made = SmallChain(engine, ["G001", "G002"])
    for number in range(4):
        for hours, store in enumerate(("G001", "G002")[: 1 + number % 2]):
            made.crawl(store, dearer(BASE, range(number * 10), by=number), day(number, hours))
        made.run(day(number, 12))
    with reading(engine) as session:
        for store in made.stores.values():
            everything = effective_history(session, store)
            for sku in (made.skus[3], made.skus[25], made.skus[150]):
                assert effective_history(session, store, sku) == {sku: everything[sku]}


def test_the_chart_is_a_picture_that_appears_whole(chain: SmallChain, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "milk.png"
    done = splitcart("history", chain.member, "7", "--png", str(file))
    assert done.output.splitlines()[-1] == f"drawn to {file}"
    assert file.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in file.parent.iterdir()] == ["milk.png"]


def test_observed_is_solid_inferred_dashed_special_marked_and_a_gap_a_gap(chain: SmallChain) -> None:
    with reading(chain.engine) as session:
        figure = build_figure(read_story(session, chain.member, "7"))
    axes = figure.axes[0]
    steps = [line for line in axes.lines if line.get_linewidth() > 2]
    assert [line.get_ydata()[0] for line in steps] == [1.07, 1.17, 0.57]
    assert [line.is_dashed() for line in steps] == [False, True, False]
    assert [line.get_color() for line in steps] == [REGULAR, REGULAR, SPECIAL]
    assert steps[1].get_xdata()[1] < steps[2].get_xdata()[0]  # nothing bridges the gap
    gaps = [patch for patch in axes.patches if patch.get_hatch()]
    assert len(gaps) == 1
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["observed", "inferred from its group", "special", "not on the shelf, or unknown"]
    assert UNKNOWN not in (REGULAR, SPECIAL)


def test_a_price_that_never_changed_and_a_name_with_dollars_can_be_drawn(tmp_path: Path) -> None:
    from splitcart.cli.price_chart import draw_story

    since = datetime(2026, 3, 2, tzinfo=UTC)
    story = PriceStory("aldi", "G1", "One", "7", "Any 2 for $5 or $3 each " * 5, None, None, since, [])
    story.chapters.append(Chapter(since, None, Offer(300), "direct_scrape"))
    assert draw_story(story, tmp_path / "flat.png").stat().st_size > 1000


@pytest.mark.parametrize("days", [0, 1, 3, 6, 8, 40])
def test_no_day_stands_twice_under_the_chart_of_a_store_without_a_name(days: int) -> None:
    since = datetime(2026, 3, 2, 5, tzinfo=UTC)
    story = PriceStory("aldi", "G1", "", "7", "Milk", None, None, since + timedelta(days=days), [])
    story.chapters.append(Chapter(since, None, Offer(300), "direct_scrape"))
    figure = build_figure(story)
    figure.canvas.draw()
    shown = [label.get_text() for label in figure.axes[0].get_xticklabels() if label.get_text()]
    assert len(shown) == len(set(shown)) > 0
    assert figure.texts[1].get_text().startswith("sku 7 at aldi/G1, as of ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["G999", "7"], "error: store 'G999' is not known; expected a known store, as company/store_id\n"),
        (["aldi/G001", "nil"], "error: sku 'nil' is not known of aldi; expected a code of the chain's own\n"),
    ],
)
def test_what_is_not_known_is_one_line_and_exit_code_2(chain: SmallChain, arguments: list[str], line: str) -> None:
    done = splitcart("history", *arguments)
    assert (done.exit_code, done.output, done.error) == (2, "", line)


def test_without_a_price_there_is_a_line_and_no_chart(chain: SmallChain, tmp_path: Path) -> None:
    with chain.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM coverage"))
    assert splitcart("history", "G001", "7").output.endswith("no price is known\n")
    refused = splitcart("history", "G001", "7", "--png", str(tmp_path / "no.png"))
    assert (refused.exit_code, refused.error[-29:]) == (2, "is known, so there is no chart\n"[-29:])
    assert not (tmp_path / "no.png").exists()
