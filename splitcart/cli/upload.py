"""``splitcart upload``: send what waits in the outboxes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from splitcart.cli.common import console, errors, make_table, print_json, print_line
from splitcart.config import get_settings
from splitcart.errors import FailedError
from splitcart.stopping import Stop, rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from splitcart.transfer import Client, UploadOutcome

NOT_TRIED = "not tried"
STYLES = {"sent": "green", "known": "cyan", "refused": "red", "waiting": "yellow"}


def upload(
    kinds: Annotated[list[str] | None, typer.Argument(help="Kinds of files to send; all when none is named.")] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Send to API_DEV_SERVER_URL in place of API_SERVER_URL.")] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Go on with what arrives, until Ctrl-C or SIGTERM; a line a file."),
    ] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks at the outboxes.")] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON; with --watch an object a line, as they come.")
    ] = False,
) -> None:
    """Send the files that wait in the outboxes to the server, oldest first, and archive what it has taken.

    Plain .jsonl files are compressed first. Ctrl-C and SIGTERM end it after the file under way. A file that the server
    refuses is set aside in refused/ with the reason; any other that was not delivered stays where it is.
    """
    from splitcart.transfer import KINDS, Client, get_kind

    wanted = kinds or list(KINDS)
    for kind in wanted:
        get_kind(kind)
    undelivered: dict[str, int] = {}  # in the last round
    told: dict[Path, str] = {}

    def tell(outcome: "UploadOutcome") -> None:
        if watch:
            _tell(outcome, told, as_json=as_json)

    def work(stop: Stop) -> None:
        with Client.from_settings(get_settings(), dev=dev, stop=stop) as client:
            outcomes = _send(client, wanted, stop, tell)
        undelivered.update(waiting=sum(not one.is_delivered for one in outcomes), all=len(outcomes))
        if not watch:
            _show(outcomes, as_json=as_json)

    rounds(work, every, watch=watch)
    if undelivered["waiting"]:
        raise FailedError("{waiting} of {all} files were not delivered".format(**undelivered))


def _send(
    client: "Client", kinds: list[str], stop: Stop, tell: "Callable[[UploadOutcome], object]"
) -> "list[UploadOutcome]":
    from splitcart.transfer import upload_outbox, waiting_files

    settings = get_settings()
    sizes = {(kind, _stem(path)): _size_bytes(path) for kind, path in waiting_files(settings.data_dir, kinds)}
    done: set[tuple[str, str]] = set()
    with _progress() as bar:
        task = bar.add_task("uploading", total=sum(sizes.values()), files=f"0/{len(sizes)}")

        def progress(outcome: "UploadOutcome") -> None:
            done.add((outcome.kind, _stem(outcome.path)))
            sent_bytes = sum(sizes.get(one, 0) for one in done)
            bar.update(task, completed=sent_bytes, description=outcome.path.name, files=f"{len(done)}/{len(sizes)}")
            tell(outcome)

        return upload_outbox(
            settings.data_dir,
            kinds,
            client,
            settings.clock(),
            keep_days=settings.keep_sent_days,
            progress=progress,
            stop=stop,
        )


def _show(outcomes: "list[UploadOutcome]", *, as_json: bool) -> None:
    if as_json:
        print_json([_facts(one) for one in outcomes])
        return
    if not outcomes:
        console.print("nothing waits in the outboxes")
        return
    rows = make_table("kind", "file", "result", "")
    for one in outcomes:
        rows.add_row(one.kind, one.path.name, Text(one.status, STYLES[one.status]), one.message)
    console.print(rows)


def _tell(outcome: "UploadOutcome", told: dict[Path, str], *, as_json: bool) -> None:
    """Print the line of a file, but not again each round that it has to wait for the same reason."""
    before = told.pop(outcome.path, None)
    if outcome.status == "waiting":
        told[outcome.path] = outcome.message
        if outcome.message in {before, NOT_TRIED}:
            return
    if as_json:
        print(orjson.dumps(_facts(outcome)).decode(), flush=True)  # noqa: T201 - a line for programs
    else:
        facts = (f"{outcome.kind} {outcome.path.name}: ", (outcome.status, STYLES[outcome.status]))
        print_line(Text.assemble(*facts, f" {outcome.message}".rstrip()))
        sys.stdout.flush()


def _facts(outcome: "UploadOutcome") -> dict[str, str]:
    return {
        "kind": outcome.kind,
        "file": outcome.path.name,
        "result": outcome.status,
        "path": str(outcome.path),
        "message": outcome.message,
    }


def _progress() -> Progress:
    name, files = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[files]} files")
    columns = (name, BarColumn(), files, DownloadColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def _stem(path: Path) -> str:
    """A plain file has the same name compressed."""
    return path.name.removesuffix(".gz")


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just sent it
        return 0
