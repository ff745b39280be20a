"""The report's files: a PNG for each picture and one page that holds them all."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from grouping.page import build_page
from grouping.pictures import draw_accuracy, draw_overlap, draw_sizes
from grouping.report import CompanyReport


def write_report(reports: Sequence[CompanyReport], folder: Path, page_name: str) -> list[Path]:
    """Write COMPANY-overlap.png, COMPANY-sizes.png, COMPANY-accuracy.png and the page; return their paths.

    What nothing is known about yet (no store was compared, no inference audited) is not drawn. Each file appears as a
    whole; the page comes last. Raises OSError for a folder that cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    drawn = [(report, draw_pictures(report)) for report in reports]
    for report, pictures in drawn:
        for kind, picture in pictures.items():
            paths.append(_write(folder / f"{report.slug}-{kind}.png", picture))
    paths.append(_write(folder / page_name, build_page(drawn).encode()))
    return paths


def draw_pictures(report: CompanyReport) -> dict[str, bytes]:
    """Return the pictures of a company as PNG, by kind."""
    figures = {"sizes": draw_sizes(report)}
    if len(report.heat_map.overlap) > 1:
        figures["overlap"] = draw_overlap(report)
    if any(tally.compared for tally in report.accuracy.values()):
        figures["accuracy"] = draw_accuracy(report)
    pictures = {}
    for kind, figure in figures.items():
        file = BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
        pictures[kind] = file.getvalue()
    return pictures


def _write(path: Path, content: bytes) -> Path:
    unfinished = path.with_name(f".{path.name}.partial")
    unfinished.write_bytes(content)
    return unfinished.replace(path)
