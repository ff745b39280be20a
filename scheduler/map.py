"""A map of one chain's clusters, as a picture to print."""

import json
import math
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler.clusters import ClusterReport, PlacedStore
from scheduler.geography import distance_km
from scheduler.labels import INK, label_clusters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette without its black: told apart with any colour vision. With the shapes, 42 clusters differ.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
SHAPES = ("o", "s", "^", "D", "v", "P")
SEA, LAND, BORDER, COAST, GREY = "#FFFFFF", "#F4F1EA", "#B8B2A5", "#8A8478", "#555555"
WEST, EAST, SOUTH, NORTH = 109.5, 158.0, -44.6, -9.6  # with sea enough for the names of coastal cities
LEGEND_ROWS = 30
Style = tuple[str, str]


def draw_map(report: ClusterReport, path: Path) -> Path:
    """Draw the clusters of ``report`` to a PNG at ``path``, which appears as a whole; returns the path."""
    figure = build_figure(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    figure.savefig(unfinished, format="png", metadata={"Software": None})
    return unfinished.replace(path)


def build_figure(report: ClusterReport) -> "Figure":
    """Compose title, map, legend and caption."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, and only maps need it
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=(13.4, 8.6), dpi=150, facecolor=SEA)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.015, 0.075, 0.70, 0.85))
    axes.set(xlim=(WEST, EAST), ylim=(SOUTH, NORTH), aspect=1 / math.cos(math.radians((SOUTH + NORTH) / 2)))
    axes.apply_aspect()  # now, since names are placed by pixels
    axes.set_axis_off()
    states = _draw_outline(axes)
    styles = choose_styles(report)
    isolated = list(_places(report.isolated))
    if isolated:
        axes.scatter(*zip(*isolated, strict=True), **_isolated(18))
    for name, inside in reversed(report.clusters.items()):
        axes.scatter(*zip(*_places(inside), strict=True), **_clustered(styles[name], 24))
    label_clusters(axes, {name: list(_places(inside)) for name, inside in report.clusters.items()}, isolated + states)
    _draw_legend(figure, report, styles)
    title = f"{report.company}: clusters of stores, {report.at.day} {report.at:%B %Y}"
    figure.text(0.03, 0.95, title, fontsize=17, color=INK, weight="bold")
    figure.text(0.03, 0.03, caption(report), fontsize=9.5, color=INK, va="center")
    return figure


def caption(report: ClusterReport) -> str:
    """Say in one sentence how many stores are on the map, and how many are not."""
    clustered = sum(map(len, report.clusters.values()))
    total = clustered + len(report.isolated) + len(report.invalid)
    return (
        f"{total:,} stores: {clustered:,} in {len(report.clusters)} clusters ({report.rule}), "
        f"{len(report.isolated):,} isolated, {len(report.invalid):,} not shown: their coordinates cannot be used."
    )


def choose_styles(report: ClusterReport) -> dict[str, Style]:
    """Give each cluster a colour and a shape; clusters of one colour lie as far apart as can be."""
    centres = {name: _centre(stores) for name, stores in report.clusters.items()}
    styles: dict[str, Style] = {}
    unused = list(product(SHAPES, COLOURS))
    for name, centre in centres.items():
        unused = unused or list(product(SHAPES, COLOURS))
        shape = unused[0][0]

        def room(colour: str, centre: tuple[float, float] = centre) -> float:
            others = (centres[other] for other, (taken, _) in styles.items() if taken == colour)
            return min((distance_km(*centre, *other) for other in others), default=math.inf)

        colour = max((colour for each, colour in unused if each == shape), key=room)
        unused.remove((shape, colour))
        styles[name] = (colour, shape)
    return styles


def _centre(stores: Sequence[PlacedStore]) -> tuple[float, float]:
    places = list(_places(stores))
    return sum(y for _, y in places) / len(places), sum(x for x, _ in places) / len(places)


def _places(stores: Sequence[PlacedStore]) -> Iterator[tuple[float, float]]:
    """Yield longitude and latitude, the picture's x and y."""
    for store in stores:
        if store.longitude is not None and store.latitude is not None:
            yield store.longitude, store.latitude


def _draw_outline(axes: "Axes") -> list[tuple[float, float]]:
    """Draw coast, borders and the states' names; return where these stand."""
    outline = json.loads(files("scheduler").joinpath("outline.json").read_text(encoding="utf-8"))
    for shore in outline["land"]:
        axes.fill(*zip(*shore, strict=True), facecolor=LAND, edgecolor=COAST, linewidth=0.9, joinstyle="round")
    for border in outline["borders"]:
        axes.plot(*zip(*border, strict=True), color=BORDER, linewidth=0.8)
    for state, place in outline["states"].items():
        axes.text(place[0], place[1], state, fontsize=13, color=BORDER, ha="center", va="center", weight="bold")
    return [(place[0], place[1]) for place in outline["states"].values()]


def _clustered(style: Style, area: float) -> dict[str, Any]:
    colour, shape = style
    return {"s": area, "c": colour, "marker": shape, "linewidths": 0.4, "edgecolors": INK, "zorder": 4}


def _isolated(area: float) -> dict[str, Any]:
    return {"s": area, "c": GREY, "marker": "x", "linewidths": 0.9, "zorder": 3}


def _draw_legend(figure: "Figure", report: ClusterReport, styles: dict[str, Style]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - part of matplotlib

    rows = [
        Line2D([], [], ls="", marker=shape, mfc=colour, mec=INK, mew=0.4, ms=6.5, label=f"{name} ({len(inside)})")
        for (name, inside), (colour, shape) in zip(report.clusters.items(), styles.values(), strict=True)
    ]
    label = f"isolated ({len(report.isolated)})"
    rows.append(Line2D([], [], ls="", marker="x", mec=GREY, ms=5.5, label=label))
    legend = figure.legend(
        handles=rows,
        loc="upper left",
        bbox_to_anchor=(0.735, 0.93),
        ncols=-(-len(rows) // LEGEND_ROWS),
        title="Cluster (stores)",
        fontsize=9.5,
        title_fontsize=10.5,
        frameon=False,
        alignment="left",
        handletextpad=0.3,
        columnspacing=1.2,
    )
    legend.get_title().set_fontweight("bold")
