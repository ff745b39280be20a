"""``splitcart inbox``: what was received and waits, and what could not be taken."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitcart.cli.common import console, make_table, print_json, print_line, stamp
from splitcart.config import get_settings
from splitcart.errors import FailedError, InputError

if TYPE_CHECKING:
    from splitcart.transfer.waiting import RejectedFile, WaitingFile

app = typer.Typer(no_args_is_help=True, help="Look after received files: those that wait, and the rejected ones.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names of rejected files, as inbox list shows them.")]
All = Annotated[bool, typer.Option("--all", help="All rejected files, in place of NAMES.")]


@app.command("list")
def list_files(as_json: AsJson = False) -> None:
    """List the files that wait in the inboxes, and the rejected ones with their reasons, oldest first."""
    from splitcart.transfer.waiting import inbox_files, is_claimed, rejected_files

    data_dir = get_settings().data_dir
    waiting, rejected = inbox_files(data_dir), rejected_files(data_dir)
    if as_json:
        print_json(
            {
                "waiting": [
                    {**_facts(one), "kind": one.kind, "is_claimed": is_claimed(data_dir, one)} for one in waiting
                ],
                "rejected": [{**_facts(file), "reason": file.reason} for file in rejected],
            }
        )
        return
    if not waiting:
        print_line("nothing waits in the inboxes")
    else:
        rows = make_table("kind", "file", "bytes", "since", "", right={"bytes"}, title="waiting")
        for one in waiting:
            taken = "being taken" if is_claimed(data_dir, one) else ""
            rows.add_row(one.kind, one.path.name, f"{one.size_bytes:,}", stamp(one.since), taken)
        console.print(rows)
    if rejected:
        rows = make_table("file", "bytes", "since", "reason", right={"bytes"}, title="rejected")
        for file in rejected:
            rows.add_row(file.path.name, f"{file.size_bytes:,}", stamp(file.since), file.reason)
        console.print(rows)


@app.command("retry")
def retry_files(names: Names = None, every: All = False, as_json: AsJson = False) -> None:
    """Put rejected files back into their inboxes: the next update tries them again.

    One that is damaged stays where it is, since it would only be rejected again.
    """
    from splitcart.transfer import CrawlFileError
    from splitcart.transfer.waiting import retry

    data_dir = get_settings().data_dir
    returned, left = {}, {}
    for file in _chosen(names, every=every):
        try:
            returned[file.path.name] = retry(data_dir, file).parent.name
        except CrawlFileError as error:
            left[file.path.name] = str(error)
    if as_json:
        print_json({"returned": returned, "left": left})
    else:
        for name, inbox in returned.items():
            print_line(f"{name}: back in {inbox}")
        for name, reason in left.items():
            print_line(f"{name}: left in rejected ({reason})")
    if left:
        raise FailedError(f"{len(left)} of {len(left) + len(returned)} files could not be put back")


@app.command("discard")
def discard_files(
    names: Names = None,
    every: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete rejected files for ever, with their reasons.

    The server goes on knowing their bytes: a host that sends them again is told that they came before.
    """
    from splitcart.transfer.waiting import discard

    files = _chosen(names, every=every)
    if files and not yes:
        if not sys.stdin.isatty():
            raise InputError(f"this deletes {len(files)} files for ever; add --yes to say that you mean it")
        typer.confirm(f"Delete {', '.join(file.path.name for file in files)} for ever?", abort=True, err=True)
    for file in files:
        discard(file)
    if as_json:
        print_json({"discarded": [file.path.name for file in files]})
    else:
        for file in files:
            print_line(f"{file.path.name}: deleted")


def _chosen(names: list[str] | None, *, every: bool) -> "list[RejectedFile]":
    from splitcart.transfer.waiting import find_rejected, rejected_files

    if every == bool(names):
        raise InputError("name rejected files, or say --all")
    data_dir = get_settings().data_dir
    return rejected_files(data_dir) if every else find_rejected(data_dir, names or [])


def _facts(file: "RejectedFile | WaitingFile") -> dict[str, Any]:
    return {"file": file.path.name, "size_bytes": file.size_bytes, "since": file.since}
