"""``splitcart upload``: send what waits in the outboxes."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from splitcart.cli.common import console, errors, make_table
from splitcart.config import get_settings
from splitcart.errors import FailedError

STYLES = {"sent": "green", "known": "cyan", "refused": "red", "waiting": "yellow"}


def upload(
    kinds: Annotated[list[str] | None, typer.Argument(help="Kinds of files to send; all when none is named.")] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Send to API_DEV_SERVER_URL in place of API_SERVER_URL.")] = False,
) -> None:
    """Send the files that wait in the outboxes to the server, oldest first, and archive what it has taken."""
    from splitcart.transfer import KINDS, Client, UploadOutcome, upload_outbox, waiting_files

    settings = get_settings()
    wanted = kinds or list(KINDS)
    waiting = waiting_files(settings.data_dir, wanted)
    with Client.from_settings(settings, dev=dev) as client, _progress() as bar:
        task = bar.add_task("uploading", total=len(waiting))

        def show(outcome: UploadOutcome) -> None:
            bar.update(task, advance=1, description=outcome.path.name)

        outcomes = upload_outbox(settings.data_dir, wanted, client, settings.clock(), progress=show)
    if not outcomes:
        console.print("nothing waits in the outboxes")
        return
    rows = make_table("kind", "file", "result", "")
    for one in outcomes:
        rows.add_row(one.kind, one.path.name, Text(one.status, STYLES[one.status]), one.message)
    console.print(rows)
    undelivered = sum(not one.is_delivered for one in outcomes)
    if undelivered:
        raise FailedError(f"{undelivered} of {len(outcomes)} files were not delivered; the table says why")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
