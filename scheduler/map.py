"""A map of one chain's clusters, as a picture to print."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.clusters import ClusterReport, PlacedStore
from scheduler.geography import distance_km
from scheduler.insets import COUNTRY, choose_insets, names_beside, points_of
from scheduler.labels import INK
from scheduler.panels import GREY, Style, draw_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Okabe and Ito's palette without its black: told apart with any colour vision. With the shapes, 49 clusters differ.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
SHAPES = ("o", "s", "^", "D", "v", "P", "*")
# Inches. Printed at the width of a page (6.9 of A4's 8.3) the smallest letters are 5 points, the names 6.
WIDTH, MARGIN, TITLE, CAPTION = 9.2, 0.2, 0.55, 0.5
INSET_WIDTH, INSET_HEIGHT, GAP = 2.35, 2.45, 0.3
INSET_KM = 150.0
LEGEND_COLUMNS, LEGEND_HEAD, LEGEND_ROW = 5, 0.36, 0.156


def draw_map(report: ClusterReport, path: Path) -> Path:
    """Draw the clusters of ``report`` to a PNG at ``path``, which appears as a whole; returns the path."""
    figure = build_figure(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    figure.savefig(unfinished, format="png", metadata={"Software": None})
    return unfinished.replace(path)


def build_figure(report: ClusterReport) -> "Figure":
    """Compose title, map, insets of the cities with the most stores, legend and caption."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, and only maps need it
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - the same

    styles = choose_styles(report)
    signs = _signs(report, styles)
    map_width = WIDTH - 2 * MARGIN - GAP / 2 - INSET_WIDTH
    map_height = map_width * (COUNTRY.north - COUNTRY.south) / (COUNTRY.east - COUNTRY.west)
    foot = CAPTION + LEGEND_HEAD + LEGEND_ROW * -(-len(signs) // LEGEND_COLUMNS)
    height = foot + map_height + TITLE
    figure = Figure(figsize=(WIDTH, height), dpi=200, facecolor="#FFFFFF")
    FigureCanvasAgg(figure)

    def panel(left: float, bottom: float, width: float, tall: float) -> "Axes":
        return figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, tall / height))

    country = panel(MARGIN, foot, map_width, map_height)
    insets = choose_insets(report, INSET_KM, INSET_KM * INSET_HEIGHT / INSET_WIDTH)
    draw_panel(country, COUNTRY, report, styles, names_beside(report, insets), is_inset=False)
    names = {name: list(points_of(inside)) for name, inside in report.clusters.items()}
    top = foot + map_height
    for number, (city, window) in enumerate(insets.items(), 1):
        bottom = top - number * (INSET_HEIGHT + GAP) + GAP
        axes = panel(WIDTH - MARGIN - INSET_WIDTH, bottom, INSET_WIDTH, INSET_HEIGHT)
        draw_panel(axes, window, report, styles, names, is_inset=True)
        axes.set_title(f"Around {city}", fontsize=9, color=INK, loc="left", pad=3, weight="bold")
        corner, size = (window.west, window.south), (window.east - window.west, window.north - window.south)
        country.add_patch(Rectangle(corner, *size, fill=False, edgecolor=INK, linewidth=0.6, zorder=5))
    _draw_legend(figure, signs, (foot - 0.05) / height)
    title = f"{report.company}: clusters of stores, {report.at.day} {report.at:%B %Y}"
    figure.text(MARGIN / WIDTH, 1 - 0.32 / height, title, fontsize=14, color=INK, weight="bold", va="center")
    figure.text(MARGIN / WIDTH, 0.32 / height, caption(report), fontsize=8, color=INK, va="center")
    source = "Lambert's conformal conic projection. Coast and borders: Natural Earth."
    figure.text(MARGIN / WIDTH, 0.15 / height, source, fontsize=7, color=GREY, va="center")
    return figure


def caption(report: ClusterReport) -> str:
    """Say in one sentence how many stores are on the map, and how many are not."""
    clustered = sum(map(len, report.clusters.values()))
    total = clustered + len(report.isolated) + len(report.invalid)
    hidden = f", {len(report.invalid):,} not shown: their coordinates cannot be used" if report.invalid else ""
    return (
        f"{total:,} stores: {clustered:,} in {len(report.clusters)} clusters ({report.rule}), "
        f"{len(report.isolated):,} isolated{hidden}."
    )


def choose_styles(report: ClusterReport) -> dict[str, Style]:
    """Give each cluster a colour and a shape; clusters of one colour differ in shape and lie as far apart as can be."""
    centres = {name: _centre(stores) for name, stores in report.clusters.items()}
    styles: dict[str, Style] = {}
    unused: dict[str, list[str]] = {}
    for name, centre in centres.items():
        if not any(unused.values()):
            unused = {colour: list(SHAPES) for colour in COLOURS}

        def room(colour: str, centre: tuple[float, float] = centre) -> float:
            others = (centres[other] for other, (taken, _) in styles.items() if taken == colour)
            return min((distance_km(*centre, *other) for other in others), default=math.inf)

        colour = max((colour for colour, shapes in unused.items() if shapes), key=room)
        styles[name] = colour, unused[colour].pop(0)
    return styles


def _centre(stores: Sequence[PlacedStore]) -> tuple[float, float]:
    places = [(store.latitude or 0.0, store.longitude or 0.0) for store in stores]
    return sum(y for y, _ in places) / len(places), sum(x for _, x in places) / len(places)


def _signs(report: ClusterReport, styles: dict[str, Style]) -> list["Line2D"]:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - part of matplotlib

    signs = [
        Line2D([], [], ls="", marker=shape, mfc=colour, mec=INK, mew=0.4, ms=5.5, label=f"{name} ({len(inside)})")
        for (name, inside), (colour, shape) in zip(report.clusters.items(), styles.values(), strict=True)
    ]
    label = f"isolated ({len(report.isolated)})"
    return [*signs, Line2D([], [], ls="", marker="x", mec=GREY, ms=4.5, label=label)]


def _draw_legend(figure: "Figure", signs: list["Line2D"], top: float) -> None:
    legend = figure.legend(
        handles=signs,
        loc="upper left",
        bbox_to_anchor=(0.01, top, 0.98, 0.0),
        mode="expand",
        ncols=min(LEGEND_COLUMNS, len(signs)),
        title="Cluster (stores)",
        fontsize=8,
        title_fontsize=9,
        frameon=False,
        alignment="left",
        handletextpad=0.2,
        labelspacing=0.35,
    )
    legend.get_title().set_fontweight("bold")
