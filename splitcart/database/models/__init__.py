"""The tables (docs/data-model.md). Money is integer cents, time is aware UTC, an open interval has no end."""

from splitcart.database.models.base import OFFER_COLUMNS, Base, OfferColumns, UtcDateTime
from splitcart.database.models.catalogue import SKU_DETAILS, Brand, BrandAlias, Category, MergeEvent, Product, Sku
from splitcart.database.models.facts import Coverage, Crawl, Price, PriceHistory, RetiredMonth
from splitcart.database.models.groups import (
    AmbassadorTenure,
    Candidate,
    GroupEvent,
    GroupPrice,
    GroupPriceHistory,
    InferenceAudit,
    Membership,
    PriceEvent,
    StoreCategory,
    StoreGroup,
)
from splitcart.database.models.operations import ApiKey, Lease, ScrapydJob, Upload
from splitcart.database.models.places import Company, Division, GeoCluster, Store

__all__ = [
    "OFFER_COLUMNS",
    "SKU_DETAILS",
    "AmbassadorTenure",
    "ApiKey",
    "Base",
    "Brand",
    "BrandAlias",
    "Candidate",
    "Category",
    "Company",
    "Coverage",
    "Crawl",
    "Division",
    "GeoCluster",
    "GroupEvent",
    "GroupPrice",
    "GroupPriceHistory",
    "InferenceAudit",
    "Lease",
    "Membership",
    "MergeEvent",
    "OfferColumns",
    "Price",
    "PriceEvent",
    "PriceHistory",
    "Product",
    "RetiredMonth",
    "ScrapydJob",
    "Sku",
    "Store",
    "StoreCategory",
    "StoreGroup",
    "Upload",
    "UtcDateTime",
]
