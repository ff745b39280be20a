"""``splitcart fetch``: read what the server publishes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from splitcart.cli.common import console, counting, make_table, print_json, stamp
from splitcart.config import get_settings
from splitcart.errors import InputError

if TYPE_CHECKING:
    from splitcart.transfer import Fetched


def fetch(
    kinds: Annotated[
        list[str],
        typer.Argument(
            help="stores, companies, categories, skus, products, prices, effective-prices, groups; one or several."
        ),
    ],
    company: Annotated[str | None, typer.Option(help="Rows of this company only, by its slug.")] = None,
    store: Annotated[str | None, typer.Option(help="Rows of this store only, by its own id.")] = None,
    since: Annotated[
        str | None, typer.Option(help="What may have changed since a day or an instant, such as 2026-11-20T12:00Z.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write each kind to this folder, as one .jsonl.gz.")] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Ask API_DEV_SERVER_URL in place of API_SERVER_URL.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fetch what the server publishes into the cache of the data folder; what has not changed is not sent again."""
    from splitcart.transfer import Exports, check_export

    filters = {"company": company, "store": store, "since": _instant(since) if since else None}
    for kind in kinds:
        check_export(kind)
    results = []
    with Exports.from_settings(get_settings(), dev=dev) as exports, counting("pages", show=not as_json) as show:
        for kind in kinds:
            fetched = exports.fetch(kind, progress=show, **filters)
            if out is not None:
                fetched.write(out / f"{kind}.jsonl.gz")
            results.append(fetched)
    if as_json:
        print_json([_document(each, out) for each in results])
        return
    table = make_table("kind", "rows", "pages", "new", "as of (UTC)", "where", right={"rows", "pages", "new"})
    for each in results:
        where = out / f"{each.kind}.jsonl.gz" if out else each.paths[0].parent
        numbers = (f"{number:,}" for number in (each.rows, len(each.paths), each.pages_new))
        table.add_row(each.kind, *numbers, stamp(each.as_of), str(where))
    console.print(table)


def _document(fetched: "Fetched", out: Path | None) -> dict[str, object]:
    paths = [out / f"{fetched.kind}.jsonl.gz"] if out else fetched.paths
    return {
        "kind": fetched.kind,
        "rows": fetched.rows,
        "pages": len(fetched.paths),
        "pages_new": fetched.pages_new,
        "as_of": fetched.as_of,
        "files": [str(path) for path in paths],
    }


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--since is {text!r}; expected a day or an instant, such as 2026-11-20T12:00Z") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
