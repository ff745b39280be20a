"""The pictures of the report, to print and for any colour vision: overlap by group, group sizes, accuracy over time."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from grouping.heatmap import Block, HeatMap
from grouping.report import CompanyReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, FAINT = "#222222", "#666666", "#E4E4E4"
# Two hues that any eye parts, orange below the threshold and blue above it, the palest beside it.
BELOW = ("#7F3B08", "#B35806", "#E08214", "#FDB863", "#FEE0B6")
ABOVE = ("#92C5DE", "#2166AC")
EDGES_BELOW = (0.0, 0.5, 0.8, 0.9, 0.95)
UNKNOWN = "#FFFFFF"
CONFIRMED, UNCONFIRMED, SUSPENDED, ALONE = "#0072B2", "#9CCBE6", "#D55E00", "#999999"
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
MARKERS = ("o", "s", "D", "^", "v", "P", ".")
WITH_NUMBERS = 22  # rows of a map whose cells hold their figures
WITH_NAMES = 60  # rows whose stores are named
MOST_BARS = 25
WIDTH = 11.0  # inches; a page's


def _new_figure(report: CompanyReport, height: float, title: str, subtitle: str) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, and only reports need it
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=(WIDTH, height), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(0.25 / WIDTH, 1 - 0.38 / height, f"{report.name}: {title}", fontsize=15, weight="bold", color=INK)
    figure.text(0.25 / WIDTH, 1 - 0.66 / height, subtitle, fontsize=9.5, color=GREY)
    note = f"as of {instant(report.as_of)}"
    figure.text(1 - 0.25 / WIDTH, 1 - 0.38 / height, note, fontsize=9.5, color=GREY, ha="right")
    return figure


def instant(at: datetime) -> str:
    """An instant in UTC, as a caption says it."""
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def draw_overlap(report: CompanyReport) -> "Figure":
    """Draw the heat map of True Overlap, stores ordered by group."""
    from matplotlib.colors import BoundaryNorm, ListedColormap  # noqa: PLC0415 - part of matplotlib

    heat, rows = report.heat_map, len(report.heat_map.overlap)
    figure = _new_figure(report, 10.2, "True Overlap of stores, ordered by group", _sampling(heat))
    axes = figure.add_axes((2.35 / WIDTH, 1.15 / 10.2, 8.0 / WIDTH, 8.0 / 10.2))
    colours = ListedColormap([*BELOW, *ABOVE])
    norm = BoundaryNorm(edges(report.true_overlap), colours.N)
    axes.set_facecolor(UNKNOWN)
    axes.patch.set(hatch="////", edgecolor="#BBBBBB", linewidth=0)
    axes.imshow(np.ma.masked_invalid(heat.overlap), cmap=colours, norm=norm, interpolation="nearest", aspect="equal")
    if rows <= WITH_NUMBERS:
        _write_numbers(axes, heat, report.true_overlap)
    _mark_blocks(axes, heat)
    _name_blocks(axes, heat)
    _draw_scale(figure, report.true_overlap)
    return figure


def edges(threshold: float) -> list[float]:
    """The bounds of the colours: five below the threshold of the match rule, two above it."""
    below = [edge for edge in EDGES_BELOW if edge < threshold]
    below = [*below, *np.linspace(below[-1], threshold, len(EDGES_BELOW) - len(below) + 2)[1:-1].tolist()]
    return [*below, threshold, (1 + threshold) / 2, 1.0 + 1e-9]


def _sampling(heat: HeatMap) -> str:
    shown = f"{len(heat.overlap)} stores"
    if not heat.sampled:
        return f"{shown}, every one that was ever crawled completely; a group's Ambassador stands first"
    left_out = f", {heat.left_out_groups} smaller groups left out" if heat.left_out_groups else ""
    return f"a sample of {shown} for {heat.stores:,}: each group by its share, at least 2 of each{left_out}"


def _write_numbers(axes: "Axes", heat: HeatMap, threshold: float) -> None:
    for i, j in np.argwhere(~np.isnan(heat.overlap)).tolist():
        value = heat.overlap[i, j]
        dark = value < 0.8 or value >= (1 + threshold) / 2
        told = "100" if value == 1 else f"{100 * value:.1f}" if value >= 0.9 else f"{100 * value:.0f}"
        axes.text(j, i, told, ha="center", va="center", fontsize=7.5, color="white" if dark else INK)


def _mark_blocks(axes: "Axes", heat: HeatMap) -> None:
    for begin, end in pairwise(_starts(heat)):
        for place in (begin, end):
            axes.axhline(place - 0.5, color=INK, linewidth=0.7)
            axes.axvline(place - 0.5, color=INK, linewidth=0.7)


def _starts(heat: HeatMap) -> list[int]:
    starts: list[int] = np.cumsum([0, *(len(block.store_ids) for block in heat.blocks)]).tolist()
    return starts


def _name_blocks(axes: "Axes", heat: HeatMap) -> None:
    """Name stores on the upper side and groups on the left, as far as names do not lie upon each other."""
    rows = len(heat.overlap)
    axes.set_xticks([])
    if rows <= WITH_NAMES:
        names = [store_id for block in heat.blocks for store_id in block.store_ids]
        axes.set_xticks(range(rows), names, rotation=90, fontsize=min(9.0, 400 / rows))
    axes.tick_params(length=0, colors=INK, top=False, labeltop=False, bottom=False, labelbottom=True)
    starts, least = _starts(heat), rows * 0.022
    places, labels = [], []
    last = -least
    for block, (begin, end) in zip(heat.blocks, pairwise(starts), strict=True):
        middle = (begin + end - 1) / 2
        if middle - last >= least:
            places.append(middle)
            labels.append(_block_name(block))
            last = middle
    axes.set_yticks(places, labels, fontsize=9)
    for spine in axes.spines.values():
        spine.set(color=INK, linewidth=0.7)


def _block_name(block: Block) -> str:
    name = block.name or "no group"
    shown = len(block.store_ids)
    return f"{name} ({shown})" if shown == block.stores else f"{name} ({shown} of {block.stores:,})"


def _draw_scale(figure: "Figure", threshold: float) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - part of matplotlib

    bounds = edges(threshold)
    handles = [
        Patch(facecolor=colour, edgecolor=GREY, linewidth=0.4, label=f"{100 * low:.4g}-{100 * high:.4g} %")
        for colour, (low, high) in zip((*BELOW, *ABOVE), pairwise(bounds), strict=True)
    ]
    handles.append(Patch(facecolor=UNKNOWN, edgecolor="#BBBBBB", hatch="////", label="cannot be told"))
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.004),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        handlelength=1.3,
        handletextpad=0.4,
        columnspacing=1.1,
    )


def draw_sizes(report: CompanyReport) -> "Figure":
    """Draw the groups' sizes as bars: who is confirmed, who is not yet, who is suspended; and who has no group."""
    groups = [line for line in report.groups if line.category is None]
    shown, rest = groups[:MOST_BARS], groups[MOST_BARS:]
    bars: list[tuple[str, tuple[int, int, int, int]]] = [(line.name, _parts(line)) for line in shown]
    if rest:
        sums = [sum(each) for each in zip(*map(_parts, rest), strict=True)]
        bars.append((f"{len(rest)} smaller groups together", (sums[0], sums[1], sums[2], 0)))
    if report.ungrouped:
        bars.append(("no group (own prices)", (0, 0, 0, report.ungrouped)))
    height = 1.75 + 0.3 * max(len(bars), 1)
    members = sum(line.members for line in groups)
    told = f"{members + report.ungrouped:,} stores: {members:,} in {len(groups)} groups, {report.ungrouped:,} in none"
    missing = f"; {report.never_covered:,} more were never crawled completely" if report.never_covered else ""
    figure = _new_figure(report, height, "sizes of groups", told + missing)
    axes = figure.add_axes((2.6 / WIDTH, 0.62 / height, 7.7 / WIDTH, 1 - 1.5 / height))
    lefts = np.zeros(len(bars))
    looks = (("confirmed", CONFIRMED), ("not proven yet", UNCONFIRMED), ("suspended", SUSPENDED), ("no group", ALONE))
    for part, (label, colour) in enumerate(looks):
        widths = np.array([parts[part] for _, parts in bars], dtype=float)
        if widths.any():
            axes.barh(range(len(bars)), widths, left=lefts, color=colour, label=label, height=0.72)
        lefts += widths
    for place, whole in enumerate(lefts):
        axes.annotate(f"{whole:,.0f}", (whole, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=9)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    _plain(axes, "x")
    axes.set_xlabel("stores", fontsize=9, color=GREY)
    if bars:
        figure.legend(loc="lower left", bbox_to_anchor=(0.02, 0.0), ncols=4, frameon=False, fontsize=9)
    return figure


def _parts(line: Any) -> tuple[int, int, int, int]:
    """Of a group: confirmed, unconfirmed, suspended members."""
    return line.members - line.unconfirmed - line.suspended, line.unconfirmed, line.suspended, 0


def draw_accuracy(report: CompanyReport) -> "Figure":
    """Draw how many inferred prices were right, by group and time, and what was wrong with the others."""
    by_step = report.by_step
    days, step = list(by_step), timedelta(days=report.step_days)
    length = "week" if report.step_days > 1 else "day"
    audited = sum(tally.inferred for tally in by_step.values())
    told = f"{audited:,} inferred prices, compared with what the stores' own crawls then showed; by {length}"
    figure = _new_figure(report, 7.4, "how right inference was", told)
    upper = figure.add_axes((0.75 / WIDTH, 3.2 / 7.4, 7.7 / WIDTH, 3.2 / 7.4))
    lower = figure.add_axes((0.75 / WIDTH, 0.85 / 7.4, 7.7 / WIDTH, 1.55 / 7.4), sharex=upper)
    _draw_lines(upper, report)
    _draw_wrong(lower, report, days, step)
    for axes in (upper, lower):
        _plain(axes, "y")
    _date_axis(lower, days, step)
    upper.tick_params(labelbottom=False)
    upper.spines["bottom"].set_visible(False)
    upper.set_title("inferred prices that were right", loc="left", fontsize=10, color=INK)
    lower.set_title("of 10,000 effective prices, wrong", loc="left", fontsize=10, color=INK)
    upper.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
    lower.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
    return figure


def _draw_lines(axes: "Axes", report: CompanyReport) -> None:
    """All groups together in black, the most audited ones in colour, the others in grey."""
    names = {line.id: line.name for line in report.groups}
    weight: dict[int, int] = {}
    for (group_id, _), tally in report.accuracy.items():
        weight[group_id] = weight.get(group_id, 0) + tally.inferred
    order = sorted(weight, key=lambda group_id: (-weight[group_id], group_id))
    others = f"{len(order) - len(LINES)} other groups"
    lowest = 1.0
    for position, group_id in enumerate(order):
        told = {day: tally.accuracy for (each, day), tally in sorted(report.accuracy.items()) if each == group_id}
        points = [(day, share) for day, share in told.items() if share is not None]
        if not points:
            continue
        lowest = min(lowest, *(share for _, share in points))
        if position < len(LINES):
            label, colour, marker, above = names.get(group_id, f"group {group_id}, ended"), LINES[position], position, 3
        else:
            label, colour, marker, above, others = others or "_", "#C8C8C8", -1, 2, ""
        axes.plot(*_xy(points), MARKERS[marker], ls="-", lw=1.2, ms=4, color=colour, label=label, zorder=above)
    whole = [(day, share) for day, tally in report.by_step.items() if (share := tally.accuracy) is not None]
    axes.plot(*_xy(whole), color=INK, linewidth=2.4, label="all groups", zorder=4)
    room = max(1 - lowest, 0.002)
    axes.set_ylim(1 - 1.12 * room, 1 + 0.06 * room)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g} %" if value <= 1 else "")


def _draw_wrong(axes: "Axes", report: CompanyReport, days: Sequence[date], step: timedelta) -> None:
    bottoms = np.zeros(len(days))
    for label, name, colour in (
        ("late: the list said it next", "stale", "#56B4E9"),
        ("the store's own deviation", "deviating", "#D55E00"),
        ("not settled yet", "unsettled", "#BBBBBB"),
    ):
        tallies = list(report.by_step.values())
        heights = np.array([1e4 * getattr(tally, name) / max(tally.compared, 1) for tally in tallies])
        places = [_x(day) for day in days]
        if heights.any():
            axes.bar(places, heights, width=0.7 * step.days, bottom=bottoms, color=colour, label=label)
        bottoms += heights


def _date_axis(axes: "Axes", days: Sequence[date], step: timedelta) -> None:
    every = max(1, -(-len(days) // 12))
    marked = days[::every]
    axes.set_xticks([_x(day) for day in marked], [f"{day.day} {day:%b}" for day in marked], fontsize=9)
    axes.set_xlim(_x(days[0]) - 0.6 * step.days, _x(days[-1]) + 0.6 * step.days)
    years = " and ".join(map(str, sorted({days[0].year, days[-1].year})))
    axes.set_xlabel(
        f"{'week beginning' if step.days > 1 else 'day of the audited crawl'}, {years}", fontsize=9, color=GREY
    )


def _xy(points: Sequence[tuple[date, float]]) -> tuple[list[float], list[float]]:
    return [_x(day) for day, _ in points], [value for _, value in points]


def _x(day: date) -> float:
    return float(day.toordinal())


def _plain(axes: "Axes", grid: Any) -> None:
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(colors=INK, length=0, labelsize=9)
