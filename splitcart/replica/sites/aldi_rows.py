"""How ALDI's API writes a product, a service point and its category tree (docs/retailers.md#aldi)."""

import hashlib
import re
from typing import Any

from splitcart.measures.ids import STATES
from splitcart.replica.catalogue import MarketSku
from splitcart.replica.pricelist import MarketOffer
from splitcart.replica.stores import MarketStore
from splitcart.replica.trees import Node

# Roots that spiders leave out. The first two repeat products of other roots, the others hold what no store's truth has.
LOWER_PRICES = Node(id="1588161425841179", slug="lower-prices", name="Lower Prices", path=("Lower Prices",))
SUPER_SAVERS = Node(
    id="1588161407991418", slug="super-savers/super-savers", name="Super Savers", path=("Super Savers",)
)
LIMITED = Node(id="1588161420755352", slug="limited-time-only", name="Limited Time Only", path=("Limited Time Only",))
FRONT = Node(
    id="1588161408332092",
    slug="front-of-store",
    name="Front of Store",
    path=("Front of Store",),
    children=tuple(
        Node(id=key, slug=slug, name=name, path=("Front of Store", name))
        for key, slug, name in (
            ("1588161408332093", "shopping-bags-token", "Shopping Bags & Token"),
            ("1588161408332094", "gift-cards", "Gift Cards"),
        )
    ),
)
EXTRA_ROOTS = (FRONT, LOWER_PRICES, SUPER_SAVERS, LIMITED)


def url_text(text: str) -> str:
    """Return a name as the site has it in an address."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def dollars(cents: int) -> str:
    """Return a price as the site shows it."""
    return f"${cents / 100:,.2f}"


def tree_body(roots: tuple[Node, ...]) -> dict[str, Any]:
    """Return the answer of the category tree; ``order`` falls from the first root to the last."""

    def node(row: Node, order: int, parent: str) -> dict[str, Any]:
        slug = f"{parent}/{row.slug}" if parent else row.slug
        children = [node(child, at + 1, row.slug) for at, child in enumerate(row.children)]
        return {
            "key": row.id,
            "order": order,
            "thumbnail": None,
            "name": row.name,
            "urlSlugText": slug,
            "children": children,
        }

    return {"data": [node(row, len(roots) - at, "") for at, row in enumerate(roots)]}


def product_row(sku: MarketSku, offer: MarketOffer, branch: tuple[Node, ...]) -> dict[str, Any]:
    """Return one row of the product search. ``branch``: the nodes from the root to the sku's own leaf."""
    picture = hashlib.sha256(sku.code.encode()).hexdigest()
    picture = f"{picture[:8]}-{picture[8:12]}-{picture[12:16]}-{picture[16:20]}-{picture[20:32]}"
    slugs = [branch[0].slug, *(f"{branch[0].slug}/{node.slug}" for node in branch[1:])]
    return {
        "sku": sku.code,
        "name": sku.name,
        "brandName": sku.brand,
        "urlSlugText": url_text(f"{sku.brand} {sku.name}"),
        "ageRestriction": None,
        "alcohol": None,
        "discontinued": False,
        "discontinuedNote": None,
        "notForSale": True,
        "notForSaleReason": None,
        "quantityMin": 1,
        "quantityMax": 99,
        "quantityInterval": 1,
        "quantityDefault": 1,
        "quantityUnit": "ea",
        "weightType": "0" if sku.pack.form == "pack" else "1",
        "sellingSize": sku.size,
        "energyClass": None,
        "onSaleDateDisplay": None,
        "price": _price(sku, offer) if offer.price_shown else None,
        "countryExtensions": None,
        "categories": [
            {"id": node.id, "name": node.name, "urlSlugText": slug} for node, slug in zip(branch, slugs, strict=True)
        ],
        "assets": [
            {
                "url": f"https://dm.apac.cms.aldi.cx/is/image/aldiprodapac/product/jpg/scaleWidth/{{width}}/{picture}/{{slug}}",
                "maxWidth": 1500,
                "maxHeight": 1500,
                "mimeType": "image/*",
                "assetType": "FR01",
                "alt": None,
                "displayName": None,
            }
        ],
        "badges": [],
    }


def _price(sku: MarketSku, offer: MarketOffer) -> dict[str, Any]:
    return {
        "amount": offer.price_cents,
        "amountRelevant": offer.price_cents,
        "amountRelevantDisplay": dollars(offer.price_cents),
        "bottleDeposit": 0,
        "bottleDepositDisplay": "$0.00",
        "comparison": offer.cup_cents,
        "comparisonDisplay": f"{dollars(offer.cup_cents)} per {sku.unit.shown}",
        "currencyCode": "AUD",
        "currencySymbol": "$",
        "perUnit": None,
        "perUnitDisplay": None,
        "wasPriceDisplay": dollars(offer.was_cents) if offer.was_cents else None,
        "additionalInfo": None,
    }


def service_point(store: MarketStore, distance_km: float) -> dict[str, Any]:
    """Return one row of the service points; coordinates are strings."""
    shown = [None if value is None else f"{value:.14f}" for value in (store.latitude, store.longitude)]
    return {
        "id": store.store_id,
        "name": store.name,
        "alcoholAvailability": ["Beer", "Wine"] if store.state in {"VIC", "ACT", "WA"} else [],
        "publicPhoneNumber": None,
        "facilities": [],
        "address": {
            "countryName": "Australia",
            "countryIsoCode": "AU",
            "regionName": STATES[store.state],
            "regionIsoCode": store.state,
            "address1": store.address,
            "address2": None,
            "address3": None,
            "city": store.suburb,
            "zipCode": store.postcode,
            "district": store.suburb,
            "latitude": shown[0],
            "longitude": shown[1],
        },
        "availableCustomerServiceTypes": ["pickup", "walk-in"] if not store.small else ["walk-in"],
        "distance": f"{distance_km:.1f} km",
        "geofencing": {"enabled": False, "geofences": {"inner": 5, "outer": 10}},
        "isOpenNow": False,
    }
