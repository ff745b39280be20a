"""``splitcart keys``: who may call the server."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from splitcart.cli.common import console, database, make_table, print_json, print_line
from splitcart.config import get_settings

if TYPE_CHECKING:
    from splitcart.database.models import ApiKey
    from splitcart.server.key_store import NewKey

app = typer.Typer(no_args_is_help=True, help="Keys with which hosts and people call the server.")
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, as keys list shows it.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who uses it, for example scraper-1.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="upload, export, schedule or admin (all); may be repeated.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days until it expires; default: never.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once. Without --scope it may upload and lease stores, as a scraper host must."""
    from splitcart.database import transaction
    from splitcart.server.key_store import create_key

    now = get_settings().clock()()
    expires_at = now + timedelta(days=days) if days else None
    with transaction(database()) as session:
        new = create_key(session, name, scope or ["upload", "schedule"], now, expires_at)
    _show_new(new, name, as_json=as_json)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys: whose, what for, until when, and when each was last used."""
    from splitcart.database import reading
    from splitcart.server.key_store import read_keys

    now = get_settings().clock()()
    with reading(database()) as session:
        keys = [_facts(key, now) for key in read_keys(session)]
    if as_json:
        print_json(keys)
        return
    if not keys:
        print_line("no keys; the server takes its own API_SECRET_KEY only: splitcart keys create NAME makes one")
        return
    rows = make_table("id", "name", "scopes", "state", "made", "expires", "last used")
    for key in keys:
        times = (f"{key[name]:%Y-%m-%d %H:%M}" if key[name] else "never" for name in ("expires_at", "last_used_at"))
        made = f"{key['created_at']:%Y-%m-%d %H:%M}"
        rows.add_row(key["id"], key["name"], " ".join(key["scopes"]), key["state"], made, *times)
    console.print(rows)


@app.command()
def revoke(key_id: KeyId, as_json: AsJson = False) -> None:
    """End a key; the server refuses it from the next request on."""
    from splitcart.database import transaction
    from splitcart.server.key_store import revoke_key

    now = get_settings().clock()()
    with transaction(database()) as session:
        facts = _facts(revoke_key(session, key_id, now), now)
    if as_json:
        print_json(facts)
    else:
        print_line(f"key {facts['id']} ({facts['name']}) is revoked")


@app.command()
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[
        float, typer.Option("--grace-hours", min=0, help="How long the old key still works; 0: not at all.")
    ] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Make the successor of a key, with its name and scopes, and show it; the old one ends after a time."""
    from splitcart.database import transaction
    from splitcart.server.key_store import find_key, rotate_key

    with transaction(database()) as session:
        new = rotate_key(session, key_id, get_settings().clock()(), timedelta(hours=grace_hours))
        name = find_key(session, new.key_id).name
    _show_new(new, name, as_json=as_json)


def _show_new(new: "NewKey", name: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": new.key_id, "name": name, "key": new.text})
        return
    print_line(f"key {new.key_id} for {name}; it is shown only now, and belongs into API_SECRET_KEY there:")
    print_line(new.text)


def _facts(key: "ApiKey", now: datetime) -> dict[str, Any]:
    from splitcart.server.key_store import state

    return {
        "id": key.key_id,
        "name": key.name,
        "scopes": key.scopes,
        "state": state(key, now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
