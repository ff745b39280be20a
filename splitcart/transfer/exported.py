"""The rows of the server's exports (docs/http-api.md), one type for both ends.

An export is NDJSON: one of these objects a line, fields that are null or at their default left out, and as the last
line ``{"batch": {…}}`` with the count, as every file of derived data has it. Money is integer cents, time is aware UTC.
"""

from datetime import datetime

from msgspec import Struct

EXPORT_VERSION = 1  # raised when a row's fields change, so that no cache takes the old form for the new
MEDIA_TYPE = "application/x-ndjson"
AS_OF = "X-As-Of"  # the header that says when the snapshot was taken


class ExportedSku(Struct, omit_defaults=True, gc=False):
    """A chain's own article. ``category`` is its path, names joined with `` > ``; ``root`` the first of them.

    ``product`` is the article's id across chains, ``match_rule`` and ``match_score`` say what found it.
    """

    company: str
    sku: str
    name: str
    category: str
    root: str
    first_seen_at: datetime
    details_seen_at: datetime
    product: int | None = None
    match_rule: str | None = None
    match_score: float | None = None
    brand: str | None = None
    size: str | None = None
    barcode: str | None = None
    barcode_is_local: bool | None = None
    description: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    country_of_origin: str | None = None
    health_star: float | None = None
    image_url: str | None = None
    url: str | None = None


ExportedRow = ExportedSku

EXPORTS: dict[str, type[ExportedRow]] = {"skus": ExportedSku}
