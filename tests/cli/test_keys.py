"""``splitcart keys``, as an operator types it."""

import json

from tests.cli.front_door import splitcart


def test_a_key_is_shown_once_and_its_life_is_listed():
    assert "no keys" in splitcart("keys", "list").output
    made = json.loads(splitcart("keys", "create", "scraper-1", "--days", "30", "--json").output)
    assert made["key"].startswith(f"sc_{made['id']}_")
    listed = splitcart("keys", "list").output
    assert made["id"] in listed
    assert made["key"] not in listed
    assert "upload schedule" in listed
    new = splitcart("keys", "rotate", made["id"], "--grace-hours", "0").output
    assert "it is shown only now" in new
    states = {key["id"]: key["state"] for key in json.loads(splitcart("keys", "list", "--json").output)}
    assert states.pop(made["id"]) == "revoked"
    (left,) = states
    assert splitcart("keys", "revoke", left).output == f"key {left} (scraper-1) is revoked\n"


def test_an_unknown_key_or_scope_is_one_line():
    assert splitcart("keys", "revoke", "12345678").error == (
        "error: there is no key '12345678'; splitcart keys list shows all\n"
    )
    refused = splitcart("keys", "create", "x", "--scope", "root")
    assert (refused.exit_code, refused.error) == (2, "error: scopes are upload, export, schedule, admin; not root\n")
