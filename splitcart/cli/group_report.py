"""``splitcart group report``: groups, their overlap and accuracy as pictures, and one page that holds them all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import database, print_json, print_line
from splitcart.config import get_chain, get_chains, get_settings
from splitcart.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from grouping.report import CompanyReport
    from splitcart.config import Chain


def report_command(
    company: Annotated[
        str | None, typer.Option("--company", help="Only this company, by its slug (aldi, coles …).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to, in place of SPLITCART_DATA_DIR/reports.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON, too.")] = False,
) -> None:
    """Draw overlap, group sizes and accuracy over time: PNG files, and one HTML page that holds them with tables.

    The page is groups.html, or groups-COMPANY.html for one company; it needs no other file.
    """
    from grouping.report import read_report
    from splitcart.database import reading

    folder = out or get_settings().folder("reports")
    now = get_settings().clock()()
    with reading(database()) as session:
        chains = [get_chain(company)] if company else _crawled_chains(session)
        reports = [read_report(session, chain, now) for chain in chains]
    written = _write(reports, folder, f"groups-{company}.html" if company else "groups.html")
    if as_json:
        print_json([{**report.as_dict(), "files": [str(path) for path in written]} for report in reports])
        return
    for path in written:
        print_line(str(path))


def _crawled_chains(session: "Session") -> "list[Chain]":
    import sqlalchemy as sa

    from splitcart.database.models import Company, Crawl

    crawled = set(session.scalars(sa.select(Company.slug).where(Company.id.in_(sa.select(Crawl.company_id)))))
    chains = [chain for slug, chain in sorted(get_chains().items()) if slug in crawled]
    if not chains:
        raise InputError("no crawl is stored yet, so there is nothing to report; run: splitcart update products")
    return chains


def _write(reports: "list[CompanyReport]", folder: Path, page: str) -> list[Path]:
    from grouping.report_files import write_report

    try:
        return write_report(reports, folder, page)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}; choose another --out") from error
