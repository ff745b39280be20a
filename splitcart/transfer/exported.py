"""The rows of the server's exports (docs/http-api.md), one type for both ends.

An export is NDJSON: one of these objects a line, fields that are null or at their default left out, and as the last
line ``{"batch": {…}}`` with the count, as every file of derived data has it. Money is integer cents, time is aware UTC.
"""

from datetime import datetime

from msgspec import Struct

EXPORT_VERSION = 1  # raised when a row's fields change, so that no cache takes the old form for the new
MEDIA_TYPE = "application/x-ndjson"
AS_OF = "X-As-Of"  # the header that says when the snapshot was taken


class ExportedCompany(Struct, omit_defaults=True, gc=False):
    """A chain; ``company`` is its slug, which names it in all other rows."""

    company: str
    name: str


class ExportedStore(Struct, omit_defaults=True):
    """A shop of a chain; coordinates are WGS 84 degrees, ``cluster`` is the area that it stands in."""

    company: str
    store_id: str
    name: str
    is_active: bool
    division: str | None = None
    cluster: str | None = None
    address: str | None = None
    suburb: str | None = None
    state: str | None = None
    postcode: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    phone: str | None = None
    hours: list[str] | None = None
    retailer_store_id: str | None = None
    listed_at: datetime | None = None
    last_scraped_at: datetime | None = None


class ExportedCategory(Struct, omit_defaults=True, gc=False):
    """A node of a chain's category tree; ``path`` is the names from the root, joined with `` > ``."""

    company: str
    path: str
    name: str
    root: str
    parent: str | None = None


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


class ExportedProduct(Struct, omit_defaults=True, gc=False):
    """An article across chains; one that was ``merged_into`` another has no skus any more."""

    product: int
    name: str
    created_at: datetime
    brand: str | None = None
    size: str | None = None
    gtin: str | None = None
    description: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    country_of_origin: str | None = None
    health_star: float | None = None
    image_url: str | None = None
    merged_into: int | None = None


class ExportedPrice(Struct, omit_defaults=True, gc=False):
    """The offer of a sku on the shelf of a store as it was last observed there (docs/data-model.md#prices)."""

    company: str
    store_id: str
    sku: str
    price_cents: int
    since: datetime
    listed_since: datetime
    was_cents: int | None = None
    unit_price_cents: int | None = None
    unit_measure: str | None = None
    special_kind: str | None = None
    multi_buy_quantity: int | None = None
    multi_buy_cents: int | None = None
    member_cents: int | None = None
    available: bool | None = None


class ExportedEffectivePrice(Struct, omit_defaults=True, gc=False):
    """The offer of a sku that is believed to hold at a store now (docs/data-model.md#effective-prices).

    ``source`` is ``direct_scrape`` or ``inferred_group``; the latter names the store (``inferred_from``) and the
    ``group`` that it was taken from.
    """

    company: str
    store_id: str
    sku: str
    price_cents: int
    source: str
    seen_at: datetime
    was_cents: int | None = None
    unit_price_cents: int | None = None
    unit_measure: str | None = None
    special_kind: str | None = None
    multi_buy_quantity: int | None = None
    multi_buy_cents: int | None = None
    member_cents: int | None = None
    available: bool | None = None
    inferred_from: str | None = None
    group: int | None = None
    is_new_range: bool = False


class ExportedGroupMember(Struct, omit_defaults=True, gc=False):
    """A store's place in an active group; ``category`` is that of a group of one category.

    ``confirmed_at`` None: nothing is inferred for the store yet.
    """

    company: str
    group: int
    name: str
    status: str
    store_id: str
    since: datetime
    category: str | None = None
    ambassador: str | None = None
    last_checked_at: datetime | None = None
    confirmed_at: datetime | None = None
    suspended_at: datetime | None = None


ExportedRow = (
    ExportedCompany
    | ExportedStore
    | ExportedCategory
    | ExportedSku
    | ExportedProduct
    | ExportedPrice
    | ExportedEffectivePrice
    | ExportedGroupMember
)

EXPORTS: dict[str, type[ExportedRow]] = {
    "stores": ExportedStore,
    "companies": ExportedCompany,
    "categories": ExportedCategory,
    "skus": ExportedSku,
    "products": ExportedProduct,
    "prices": ExportedPrice,
    "effective-prices": ExportedEffectivePrice,
    "groups": ExportedGroupMember,
}
