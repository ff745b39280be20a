"""The OpenAPI document describes every endpoint, and its examples are what it describes."""

import json
import re

import msgspec
import pytest
import requests
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from splitcart.server import BackgroundServer, create_app
from splitcart.server.openapi import openapi_document
from splitcart.transfer import EXPORTS
from splitcart.transfer.lines import decode_closing
from tests.docs.pages import ROOT, rows, section
from tests.server.conftest import fixed_clock

DOCUMENT = openapi_document()
OPERATIONS = {
    f"{method} {path}": operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
}


def contents(name="example"):
    """Every body that the document describes, with its example."""
    for operation in OPERATIONS.values():
        for answer in [operation.get("requestBody", {}), *operation["responses"].values()]:
            yield from ((media, body) for media, body in answer.get("content", {}).items() if name in body)


def check(schema, value):
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def test_every_endpoint_is_described_and_no_other(settings, sqlite):
    found = create_app(settings, sqlite, fixed_clock).openapi()["paths"]  # as the framework sees them
    routes = {f"{method} {path}" for path, item in found.items() for method in item}
    assert routes == set(OPERATIONS)
    assert len({operation["operationId"] for operation in OPERATIONS.values()}) == len(OPERATIONS)


def test_schemas_are_schemas_and_references_lead_somewhere():
    for schema in DOCUMENT["components"]["schemas"].values():
        validator_for(schema, Draft202012Validator).check_schema(schema)
    names = re.findall(r'"\$ref":\s*"([^"]+)"', json.dumps(DOCUMENT))
    assert len(names) > 20
    assert {name.rpartition("/")[2] for name in names} <= set(DOCUMENT["components"]["schemas"])


def test_examples_are_what_the_document_says_they_are():
    examples = [(body["schema"], body["example"]) for media, body in contents() if media.endswith("json")]
    assert len(examples) > 20
    for schema, example in examples:
        if schema.get("type") != "string":
            check(schema, example)


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_example_of_an_export_is_one_of_its_rows_and_a_closing_line(kind):
    answer = OPERATIONS[f"get /api/export/{kind}/"]["responses"]["200"]
    ((_, body),) = answer["content"].items()
    row, closing = body["example"].splitlines()
    assert msgspec.json.decode(row, type=EXPORTS[kind])
    check(body["schema"]["contentSchema"], json.loads(row))
    assert decode_closing("example", 2, closing.encode()).kind == kind


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_endpoint_with_a_key_says_what_happens_without_one(name):
    operation = OPERATIONS[name]
    keyed = "/api/" in name or "metrics" in name
    assert ("security" in operation) == keyed
    assert ({"401", "403", "429"} <= set(operation["responses"])) == keyed
    problems = [answer for status, answer in operation["responses"].items() if status >= "400"]
    assert all(list(answer["content"]) == ["application/problem+json"] for answer in problems)


def test_the_page_and_the_document_know_the_same_statuses_of_an_upload():
    page = {int(cells[0]) for cells in rows(section(ROOT / "docs/http-api.md", "## Uploads")) if cells[0].isdecimal()}
    described = {int(status) for status in OPERATIONS["post /api/upload/{kind_name}/"]["responses"]}
    assert described - page == {401, 403, 429, 500}
    assert page <= described


def test_the_document_is_served_to_anyone_and_no_pages_are(settings, sqlite):
    with BackgroundServer(create_app(settings, sqlite, fixed_clock)) as server:
        assert requests.get(f"{server.url}/api/openapi.json", timeout=20).json() == DOCUMENT
        assert requests.get(f"{server.url}/docs", timeout=20).status_code == 404
        assert requests.get(f"{server.url}/redoc", timeout=20).status_code == 404
