"""The OpenAPI document: every endpoint with its parameters, answers, examples and errors."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec

import splitcart
from splitcart.measures.lease import StoreLease
from splitcart.server.answers import (
    EXAMPLE_ROWS,
    PROBLEMS,
    Alive,
    Leases,
    ProblemBody,
    Ready,
    Released,
    UploadAccepted,
    UploadKnown,
)
from splitcart.server.export_queries import CATALOGUE, Export
from splitcart.server.leasing import LeaseRequest, Release
from splitcart.server.price_queries import PRICES
from splitcart.transfer import EXPORTS, KINDS
from splitcart.transfer.exported import AS_OF, MEDIA_TYPE
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import BatchRecord

REF = "#/components/schemas/{name}"
KEY = "key"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LEASE = StoreLease(company="aldi", store_id="G102", reason="never crawled", lease_id=17, name="Carindale", state="QLD")
Schema = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One endpoint. ``scope`` None: it needs no key. ``errors`` are statuses, beside those that any key can meet."""

    path: str
    method: str
    summary: str
    tag: str
    answers: Schema
    scope: str | None = None
    errors: tuple[int, ...] = ()
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None


def openapi_document() -> Schema:
    """Return the document (OpenAPI 3.1)."""
    paths: dict[str, Schema] = {}
    for operation in (*_HEALTH, _UPLOAD, *_LEASES, *map(_export, (*CATALOGUE, *PRICES))):
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    described = (ProblemBody, UploadAccepted, UploadKnown, Leases, Released, Alive, Ready, BatchRecord)
    _, schemas = msgspec.json.schema_components([*described, *EXPORTS.values()], ref_template=REF)
    for model in (LeaseRequest, Release):
        schemas[model.__name__] = model.model_json_schema()
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "splitcart keys create makes one."}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SplitCart",
            "version": splitcart.__version__,
            "description": "Takes crawl files, lends stores to scraper hosts, publishes what is stored.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {KEY: key}},
    }


def _described(operation: Operation) -> Schema:
    keyed = (401, 403, 429, 503) if operation.scope else ()
    errors = {str(status): _problem(status) for status in sorted({*keyed, *operation.errors, 500})}
    described: Schema = {
        "operationId": operation.summary.lower().replace(" ", "_").replace("-", "_"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": list(operation.parameters),
        "responses": operation.answers | errors,
    }
    if operation.scope:
        described |= {"security": [{KEY: []}], "description": f"The key needs the scope `{operation.scope}`."}
    if operation.body:
        described["requestBody"] = operation.body
    return described


def _problem(status: int) -> Schema:
    phrase = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": phrase, "status": status, "detail": PROBLEMS[status]}
    answer: Schema = {
        "description": phrase,
        "content": {"application/problem+json": {"schema": _ref(ProblemBody), "example": example}},
    }
    if status in {409, 429, 503}:
        answer["headers"] = {"Retry-After": _header("integer", "Seconds to wait.")}
    return answer


def _json(description: str, example: Any) -> Schema:
    """An answer of JSON, described by the type of its example."""
    content = {"schema": _ref(type(example)), "example": msgspec.to_builtins(example)}
    return {"description": description, "content": {"application/json": content}}


def _ref(kind: type[Any]) -> Schema:
    return {"$ref": REF.format(name=kind.__name__)}


def _header(kind: str, description: str) -> Schema:
    return {"schema": {"type": kind}, "description": description}


def _parameter(place: str, name: str, schema: Schema, description: str, *, example: Any = None) -> Schema:
    given = {"name": name, "in": place, "required": place == "path", "schema": schema, "description": description}
    return given | ({} if example is None else {"example": example})


def _input(model: type[Any], example: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": _ref(model), "example": example}}}


_HEALTH = (
    Operation("/healthz", "get", "Process lives", "health", {"200": _json("It does.", Alive())}),
    Operation("/readyz", "get", "Server can work", "health", {"200": _json("It can.", Ready())}, errors=(503,)),
    Operation(
        "/metrics",
        "get",
        "Metrics",
        "health",
        {"200": {"description": "The form of Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        scope="admin",
    ),
)

_HEX = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
_UPLOAD = Operation(
    "/api/upload/{kind_name}/",
    "post",
    "Upload a file",
    "uploads",
    {
        "201": _json("The file is in the inbox.", UploadAccepted(SHA256, "accepted", "crawl.jsonl.gz", 1_893)),
        "200": _json("It came before.", UploadKnown(SHA256, "known", SHA256)),
    },
    scope="upload",
    errors=(400, 404, 408, 409, 411, 413, 415, 422),
    parameters=(
        _parameter("path", "kind_name", {"type": "string", "enum": list(KINDS)}, "What the file holds."),
        _parameter("header", "X-Content-SHA256", _HEX, "The SHA-256 of the body.", example=SHA256) | {"required": True},
    ),
    body={
        "required": True,
        "description": "The .jsonl.gz itself (docs/file-format.md), with Content-Length.",
        "content": {"application/gzip": {"schema": {"type": "string", "contentMediaType": "application/gzip"}}},
    },
)

_LEASE_ID = (_parameter("path", "lease_id", {"type": "integer", "minimum": 1}, "The lease.", example=17),)
_LEASES = (
    Operation(
        "/api/schedule/lease/",
        "post",
        "Lease stores",
        "leases",
        {"200": _json("Stores to crawl; none: nothing is due.", Leases([LEASE]))},
        scope="schedule",
        errors=(400, 422),
        body=_input(LeaseRequest, {"company": "aldi", "worker": "scraper-1", "limit": 1}),
    ),
    Operation(
        "/api/schedule/leases/{lease_id}/heartbeat/",
        "post",
        "Prolong a lease",
        "leases",
        {"200": _json("The lease, an hour longer.", LEASE)},
        scope="schedule",
        errors=(409, 422),
        parameters=_LEASE_ID,
    ),
    Operation(
        "/api/schedule/leases/{lease_id}/release/",
        "post",
        "Give a store back",
        "leases",
        {"200": _json("It is back.", Released(17))},
        scope="schedule",
        errors=(400, 409, 422),
        parameters=_LEASE_ID,
        body=_input(Release, {"outcome": "finished"}),
    ),
)

_FILTERS: dict[str, tuple[Schema, str, Any]] = {
    "company": ({"type": "string"}, "Rows of this company only, by its slug.", "aldi"),
    "store": ({"type": "string"}, "Rows of this store only, by the chain's own id.", "G102"),
    "since": ({"type": "string", "format": "date-time"}, "What may have changed since.", "2026-11-20T12:00:00Z"),
    "cursor": ({"type": "integer", "minimum": 1}, "The page, as the Link of the one before names it.", None),
    "limit": ({"type": "integer", "minimum": 1, "maximum": 1_000}, "Stores on a page; 25 when not given.", None),
}


def _export(export: Export) -> Operation:
    row = EXAMPLE_ROWS[export.kind]
    closing = BatchRecord(kind=export.kind, generated_at=NOON, count=1)
    content = {
        "schema": {
            "type": "string",
            "description": "One object a line, then the closing line.",
            "contentMediaType": MEDIA_TYPE,
            "contentSchema": _ref(export.row),
        },
        "example": (msgspec.json.encode(row) + b"\n" + encode_line(closing)).decode(),
    }
    headers = {
        "ETag": _header("string", "Changes when the rows do."),
        AS_OF: _header("string", "When the snapshot was taken."),
    }
    if export.changed:
        headers["Link"] = _header("string", 'The next page, rel="next"; none on the last.')
    known = ((name, *_FILTERS[name]) for name in sorted(export.filters))
    filters = (_parameter("query", name, schema, text, example=example) for name, schema, text, example in known)
    return Operation(
        f"/api/export/{export.kind}/",
        "get",
        f"Export {export.kind}",
        "exports",
        {
            "200": {"description": "The rows.", "headers": headers, "content": {MEDIA_TYPE: content}},
            "304": {"description": "They are those of If-None-Match.", "headers": headers},
        },
        scope="export",
        errors=(422,),
        parameters=(
            *filters,
            _parameter("header", "If-None-Match", {"type": "string"}, "The ETag of what is there."),
            _parameter("header", "Accept-Encoding", {"type": "string"}, "zstd, gzip or identity."),
        ),
    )
