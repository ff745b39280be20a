"""The life of a price as a picture to print: a line of steps, solid where observed and dashed where inferred."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from grouping.story import Chapter, PriceStory
from splitcart.measures.money import dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, GREY, REGULAR, SPECIAL, UNKNOWN = "#222222", "#666666", "#0072B2", "#D55E00", "#EFEFEF"
DASHES = (0, (2.2, 1.0))
FULL_SIZE = 80  # characters of a title that fit
LABELLED = 40  # more prices than this cannot be read
FEW_DAYS = timedelta(days=5)  # a tick a day, where half days would carry the name of one twice
SHORTEST = timedelta(days=1)  # what stands alone is drawn at least this long


def draw_story(story: PriceStory, path: Path) -> Path:
    """Draw ``story``, which has chapters, to a PNG at ``path``, which appears as a whole; returns the path."""
    figure = build_figure(story)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    figure.savefig(unfinished, format="png", metadata={"Software": None})
    return unfinished.replace(path)


def build_figure(story: PriceStory) -> Figure:
    """Compose title, steps, gaps and legend."""
    figure = Figure(figsize=(11, 5.2), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.075, 0.17, 0.895, 0.62))
    begin, end = story.chapters[0].since, _end(story)
    _set_up(axes, story, begin, end)
    for gap_begin, gap_end in _gaps(story, end):
        axes.axvspan(_x(gap_begin), _x(gap_end), facecolor=UNKNOWN, edgecolor="#D0D0D0", hatch="///", linewidth=0)
    for earlier, later in pairwise(story.chapters):
        if earlier.until == later.since:
            levels = (_price(earlier), _price(later))
            axes.plot((_x(later.since),) * 2, levels, color=GREY, linewidth=0.8, zorder=2)
    for chapter in story.chapters:
        axes.plot((_x(chapter.since), _x(chapter.until or end)), (_price(chapter),) * 2, zorder=3, **_look(chapter))
    _label(axes, story, end)
    article = " ".join(filter(None, (story.name, story.size)))
    size = 15 if len(article) <= FULL_SIZE else 15 * FULL_SIZE / len(article)
    figure.text(0.03, 0.925, article, fontsize=size, weight="bold", color=INK, parse_math=False)
    figure.text(0.03, 0.865, _subtitle(story), fontsize=10, color=GREY, parse_math=False)
    _draw_legend(figure, story, end)
    return figure


def _subtitle(story: PriceStory) -> str:
    as_of = f", as of {story.as_of:%d %b %Y}".replace(" 0", " ") if story.as_of else ""
    return f"sku {story.sku} at {story.place}{as_of}"


def _set_up(axes: "Axes", story: PriceStory, begin: datetime, end: datetime) -> None:
    prices = [_price(chapter) for chapter in story.chapters]
    room = max(max(prices) - min(prices), 0.1 * max(prices), 0.1)
    margin = 0.015 * (_x(end) - _x(begin))
    axes.set_xlim(_x(begin) - margin, _x(end) + margin)
    axes.set_ylim(max(0.0, min(prices) - 0.25 * room), max(prices) + 0.3 * room)
    dates = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]  # matplotlib types part of itself
    axes.xaxis.set_major_locator(dates if end - begin > FEW_DAYS else MultipleLocator(1))
    several_years = begin.year != end.year
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _day(value, several_years=several_years)))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:.2f}"))
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(colors=INK, length=0, labelsize=9.5)


def _look(chapter: Chapter) -> dict[str, Any]:
    return {
        "color": SPECIAL if chapter.is_special else REGULAR,
        "linestyle": "-" if chapter.inferred_from is None else DASHES,
        "linewidth": 3.2,
        "solid_capstyle": "butt",
    }


def _label(axes: "Axes", story: PriceStory, end: datetime) -> None:
    """Write each price once where it begins, unless it stood too shortly or there are too many."""
    runs = [list(run) for _, run in groupby(story.chapters, key=lambda chapter: chapter.offer.price_cents)]
    if len(runs) > LABELLED:
        return
    whole = end - story.chapters[0].since
    for run in runs:
        if (run[-1].until or end) - run[0].since > 0.03 * whole:
            axes.annotate(
                f"${dollars(run[0].offer.price_cents)}",
                (_x(run[0].since), _price(run[0])),
                xytext=(2, 5),
                textcoords="offset points",
                fontsize=9,
                color=SPECIAL if run[0].is_special else INK,
            )


def _draw_legend(figure: Figure, story: PriceStory, end: datetime) -> None:
    kinds = {(chapter.is_special, chapter.inferred_from is None) for chapter in story.chapters}
    handles: list[Line2D | Patch] = []
    for special, observed, words in (
        (False, True, "observed"),
        (False, False, "inferred from its group"),
        (True, True, "special"),
        (True, False, "special, inferred"),
    ):
        if (special, observed) in kinds:
            colour = SPECIAL if special else REGULAR
            handles.append(
                Line2D([], [], color=colour, linestyle="-" if observed else DASHES, linewidth=3, label=words)
            )
    if any(_gaps(story, end)):
        handles.append(Patch(facecolor=UNKNOWN, edgecolor="#D0D0D0", hatch="///", label="not on the shelf, or unknown"))
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.02, 0.01),
        ncols=len(handles),
        frameon=False,
        fontsize=9.5,
        handlelength=2.6,
    )


def _gaps(story: PriceStory, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    for earlier, later in pairwise(story.chapters):
        if earlier.until is not None and earlier.until < later.since:
            yield earlier.until, later.since
    last = story.chapters[-1].until
    if last is not None and last < end:
        yield last, end


def _end(story: PriceStory) -> datetime:
    last = story.chapters[-1]
    return max(story.as_of or last.since, last.until or last.since, story.chapters[0].since + SHORTEST)


def _price(chapter: Chapter) -> float:
    return chapter.offer.price_cents / 100


def _day(value: float, *, several_years: bool) -> str:
    at = num2date(value)  # type: ignore[no-untyped-call]  # matplotlib types part of itself
    return f"{at.day} {at:%b %Y}" if several_years else f"{at.day} {at:%b}"


def _x(at: datetime) -> float:
    return float(date2num(at))  # type: ignore[no-untyped-call]  # the same
