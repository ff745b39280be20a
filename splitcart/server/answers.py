"""What the endpoints answer, as types and examples for the OpenAPI document."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from splitcart.measures.lease import StoreLease
from splitcart.transfer import (
    ExportedCategory,
    ExportedCompany,
    ExportedEffectivePrice,
    ExportedGroupMember,
    ExportedPrice,
    ExportedProduct,
    ExportedSku,
    ExportedStore,
)
from splitcart.transfer.exported import ExportedRow

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class ProblemBody(Struct):
    """A problem detail (RFC 9457); ``detail`` says what was wrong and what to do.

    ``sha256`` names a file that is refused for what it is, and that came undamaged.
    """

    type: str
    title: str
    status: int
    detail: str
    sha256: str | UnsetType = UNSET


class UploadAccepted(Struct):
    """The file lies in the inbox under ``name``."""

    sha256: str
    status: Literal["accepted"]
    name: str
    rows: int


class UploadKnown(Struct):
    """The same bytes, or the same crawl, came before under the SHA-256 ``duplicate_of``."""

    sha256: str
    status: Literal["known"]
    duplicate_of: str


class Leases(Struct):
    """Stores that are the caller's until their leases run out."""

    leases: list[StoreLease]


class Released(Struct):
    """The lease that has ended."""

    lease_id: int


class Alive(Struct):
    """The process lives."""

    status: Literal["alive"] = "alive"


class Ready(Struct):
    """Database and disk answer."""

    status: Literal["ready"] = "ready"


PROBLEMS = {
    400: "X-Content-SHA256 must hold the SHA-256 of the body in 64 hex digits",
    401: "the header X-API-Key is missing",
    403: "key 3f9a1c0b has no scope 'export', only upload, schedule; ask the server's operator",
    404: "unknown kind 'wishes'; known: products, stores, barcodes",
    408: "nothing came for 60 seconds; send the file again",
    409: "what was asked for is another's now; ask again",
    411: "Content-Length is missing; send the file with its size",
    413: "the body has 70000000 bytes, at most 67108864 are taken",
    415: "send the .jsonl.gz itself as the body: Content-Type application/gzip, no Content-Encoding, no form",
    422: "company 'nobody' is not known here; GET /api/export/companies/ lists them",
    429: "more than 6000 per 1 minute: try again in 12 seconds",
    500: "the server failed; its log says why",
    503: "the database does not answer; try again",
}

EXAMPLE_ROWS: dict[str, ExportedRow] = {
    "stores": ExportedStore("aldi", "G102", "Carindale", is_active=True, state="QLD", postcode="4152"),
    "companies": ExportedCompany("aldi", "ALDI"),
    "categories": ExportedCategory("aldi", "Dairy > Milk", "Milk", "Dairy", "Dairy"),
    "skus": ExportedSku("aldi", "000000000000372466", "Milk 2 l", "Dairy > Milk", "Dairy", NOON, NOON, size="2 l"),
    "products": ExportedProduct(7, "Milk", NOON, size="2 l", gtin="09300601000012"),
    "prices": ExportedPrice("aldi", "G102", "000000000000372466", 310, NOON, NOON, unit_price_cents=155),
    "effective-prices": ExportedEffectivePrice(
        "aldi", "G102", "000000000000372466", 310, "inferred_group", NOON, inferred_from="G101", group=3
    ),
    "groups": ExportedGroupMember("aldi", 3, "Brisbane 1", "HEALTHY", "G102", NOON, ambassador="G101"),
}
