"""The report as one page of HTML that needs nothing else: pictures within, figures as tables, how to read them."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from grouping.accuracy import Tally, total
from grouping.pictures import instant
from grouping.report import CompanyReport

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 3rem; border-top: 1px solid #ccc; padding-top: 1.5rem; }
img { max-width: 100%; height: auto; border: 1px solid #e4e4e4; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 14px; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .quiet { color: #666; }
@media print { body { max-width: none; margin: 0; font-size: 12px; } h2 { break-before: page; } figure { margin: 0; } }
"""

HOW_TO_READ = """
<h2>How to read it</h2>
<p><b>True Overlap</b> is the share of the skus that two stores both sell at exactly the same price. Stores of one group
are to be blue among each other: at least {threshold} of their shared skus cost the same. Orange says how far two stores
are apart. So that a change of prices between two crawls does not look like a difference between two stores, they are
compared on the skus whose offer stood still, at the store seen later, since the other one was seen; where fewer than
{stable} of the shared skus did, on all of them if the two were seen within {window} hours, and else not at all
(hatched). For the same reason a store that took on another list still agrees with the stores that were last seen before
it did. A pale or orange line within a group is a store with prices of its own, or one that is about to leave.</p>
<p><b>Accuracy</b>: before a crawl of a grouped store is taken in, what had been inferred for that store is compared
with what the crawl shows. Stores are not drawn by lot: they are crawled because a check is due or because something
seems wrong, so these figures lean to the bad side. <b>Late</b> is what the group's list said next; the store's own
<b>deviation</b> is what it never said; the rest is <b>not settled</b> until the next crawl that speaks for the
group.</p>
"""


def build_page(reports: Sequence[tuple[CompanyReport, Mapping[str, bytes]]]) -> str:
    """Return the page; with each report come its pictures as PNG: ``overlap``, ``sizes``, ``accuracy`` or fewer."""
    first = reports[0][0]
    names = ", ".join(report.name for report, _ in reports)
    body = "".join(_company(report, pictures) for report, pictures in reports)
    how = HOW_TO_READ.format(
        threshold=" or ".join(sorted({_percent(report.true_overlap) for report, _ in reports})),
        stable=" or ".join(sorted({_percent(report.min_stable_share) for report, _ in reports})),
        window=" or ".join(sorted({f"{report.window_hours:g}" for report, _ in reports})),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Groups of stores: {escape(names)}</title><style>{STYLE}</style></head><body>"
        f"<h1>Groups of stores</h1>\n<p class=quiet>{escape(names)}. Written {instant(first.written_at)}.</p>\n"
        "<p>A group are stores of one chain that charge the same. One of them, the Ambassador, is crawled for all; the"
        " others are checked in turn, and what is not crawled is inferred. These pages show which stores are in one"
        f" group, how alike they are, and how right inference was.</p>\n{body}{how}</body></html>\n"
    )


def _company(report: CompanyReport, pictures: Mapping[str, bytes]) -> str:
    parts = [f"<h2>{escape(report.name)}</h2>\n<p>{_summary(report)}</p>"]
    parts += [_picture(report, "overlap", pictures), _kinships(report)]
    parts += [_picture(report, "sizes", pictures), _groups(report)]
    if "accuracy" in pictures:
        parts += [_picture(report, "accuracy", pictures), _accuracy(report)]
    else:
        parts.append("<p>No inference was audited yet: no grouped store was crawled again.</p>")
    return "\n".join(parts)


def _summary(report: CompanyReport) -> str:
    whole = [line for line in report.groups if line.category is None]
    members = sum(line.members for line in whole)
    audits = total(report.accuracy.values())
    right = (
        ""
        if audits.accuracy is None
        else f" Of {audits.inferred:,} audited inferences {_percent(audits.accuracy)} were right."
    )
    unknown = f" {report.never_covered:,} were never crawled completely." if report.never_covered else ""
    return (
        f"As of {instant(report.as_of)}, the end of the newest crawl: {members:,} stores in {len(whole):,} groups,"
        f" {report.ungrouped:,} crawled ones in none.{unknown}{right}"
    )


ALTERNATIVES = {
    "overlap": "Heat map of True Overlap between stores, ordered by group; the table below has the figures.",
    "sizes": "Bars of group sizes; the table below has the figures.",
    "accuracy": "Lines of the share of right inferences over time; the table below has the figures.",
}


def _picture(report: CompanyReport, kind: str, pictures: Mapping[str, bytes]) -> str:
    if kind not in pictures:
        return ""
    code = b64encode(pictures[kind]).decode()
    alternative = escape(f"{report.name}: {ALTERNATIVES[kind]}", quote=True)
    return f'<figure><img alt="{alternative}" src="data:image/png;base64,{code}"></figure>'


def _kinships(report: CompanyReport) -> str:
    rows = [
        (
            kin.name or "no group",
            f"{kin.shown} of {kin.stores:,}",
            _percent(kin.lowest_within),
            _percent(kin.median_within),
            kin.nearest or "",
            _percent(kin.nearest_overlap),
        )
        for kin in report.kinships()
    ]
    headings = (
        "group",
        "stores shown",
        "lowest pair within",
        "median pair within",
        "nearest other",
        "median pair with it",
    )
    return _table("True Overlap", headings, rows, numbers={1, 2, 3, 5})


def _groups(report: CompanyReport) -> str:
    rows = [
        (
            str(line.id),
            f"{line.name} ({line.category})" if line.category else line.name,
            f"{line.members:,}",
            f"{line.unconfirmed:,}",
            f"{line.suspended:,}",
            line.ambassador or "",
            line.status,
            f"{line.last_checked_at:%Y-%m-%d %H:%M}" if line.last_checked_at else "",
            _percent(line.accuracy),
            f"{line.audited:,}",
        )
        for line in report.groups
    ]
    headings = (
        *("id", "group", "stores", "not proven", "suspended", "Ambassador", "status", "checked (UTC)"),
        *("inferences right", "of audited"),
    )
    return _table("Groups", headings, rows, numbers={2, 3, 4, 8, 9})


def _accuracy(report: CompanyReport) -> str:
    step = "week from" if report.step_days > 1 else "day"
    rows = [(f"{day}", *_tally(tally)) for day, tally in report.by_step.items()]
    headings = ("audits", "inferred", "right", "all effective", "right", "late", "deviating", "not settled")
    table = _table("Accuracy over time, all groups", (step, *headings), rows, numbers=set(range(1, 9)))
    names = {line.id: line.name for line in report.groups}
    by_group: dict[int, Tally] = {}
    for (group_id, _), tally in report.accuracy.items():
        by_group[group_id] = by_group.get(group_id, Tally()) + tally
    order = sorted(by_group, key=lambda group_id: (by_group[group_id].accuracy or 0.0, group_id))
    lines = [(names.get(each, f"group {each}, ended"), *_tally(by_group[each])) for each in order]
    return table + _table("Accuracy by group, the lowest first", ("group", *headings), lines, numbers=set(range(1, 9)))


def _tally(tally: Tally) -> tuple[str, ...]:
    share = tally.equal / tally.compared if tally.compared else None
    return (
        f"{tally.audits:,}",
        f"{tally.inferred:,}",
        _percent(tally.accuracy),
        f"{tally.compared:,}",
        _percent(share),
        *(f"{each:,}" for each in (tally.stale, tally.deviating, tally.unsettled)),
    )


def _table(title: str, headings: Iterable[str], rows: Iterable[Sequence[str]], numbers: set[int]) -> str:
    def cells(tag: str, row: Iterable[str]) -> str:
        looks = ((" class=n" if place in numbers else "", cell) for place, cell in enumerate(row))
        return "".join(f"<{tag}{look}>{escape(cell)}</{tag}>" for look, cell in looks)

    lines = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = f"<thead><tr>{cells('th', headings)}</tr></thead>"
    return f"<h3>{escape(title)}</h3><div class=wide><table>{head}\n<tbody>{lines}</tbody></table></div>\n"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
