"""A product line as it is read: the fields of ProductRecord with the limits of what is stored.

A msgspec struct decodes five times as quickly as a dataclass, and checks lengths and amounts while it does so.
"""

from typing import Annotated

from msgspec import Meta, Struct

MAX_CENTS = 10_000_000

Cents = Annotated[int, Meta(ge=1, le=MAX_CENTS)]
Name = Annotated[str, Meta(max_length=512)]
Code = Annotated[str, Meta(min_length=1, max_length=64)]
CategoryName = Annotated[str, Meta(max_length=255)]
Text = Annotated[str, Meta(max_length=255)]
ShortText = Annotated[str, Meta(max_length=40)]
Size = Annotated[str, Meta(max_length=120)]
Measure = Annotated[str, Meta(max_length=20)]
Barcode = Annotated[str, Meta(max_length=14)]
Address = Annotated[str, Meta(max_length=1024)]


class ProductRow(Struct, kw_only=True, gc=False):
    """One sku as one store offers it; see ProductRecord."""

    sku: Code
    name: Name
    category_path: Annotated[tuple[CategoryName, ...], Meta(min_length=1)]
    price_cents: Cents | None
    was_cents: Cents | None = None
    unit_price_cents: Cents | None = None
    unit_measure: Measure | None = None
    special_kind: ShortText | None = None
    multi_buy_quantity: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    multi_buy_cents: Cents | None = None
    member_cents: Cents | None = None
    available: bool | None = None
    brand: Text | None = None
    size: Size | None = None
    barcode: Barcode | None = None
    barcode_is_local: bool | None = None
    description: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    country_of_origin: Text | None = None
    health_star: float | None = None
    image_url: Address | None = None
    url: Address | None = None
    flags: list[str] | None = None
    listed_in: CategoryName | None = None
