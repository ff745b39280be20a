"""How Coles' site writes a product, an advertisement and a store (docs/retailers.md#coles)."""

import re
from typing import Any
from zlib import crc32

from splitcart.replica.catalogue import MarketSku
from splitcart.replica.pricelist import MarketOffer
from splitcart.replica.stores import MarketStore
from splitcart.replica.trees import Node

# Brand code of a store's id: banner and number of the store finder.
BRANDS = {"COL": ("Coles Supermarkets", 2), "LQR": ("Liquorland", 3), "VIN": ("Vintage Cellars", 5)}
SHARE_WITHOUT_GTIN = 5  # one detail page in so many has none …
SHARE_WITHOUT_PAGE = 23  # … and one in so many is missing


def has_page(sku: MarketSku) -> bool:
    """Tell whether a product's own page exists; a few are 404."""
    return crc32(f"page {sku.code}".encode()) % SHARE_WITHOUT_PAGE != 0


def shown_gtin(sku: MarketSku) -> str | None:
    """Return the barcode that a product's own page names; some name none."""
    return sku.gtin if crc32(f"gtin {sku.code}".encode()) % SHARE_WITHOUT_GTIN else None


def product_row(sku: MarketSku, offer: MarketOffer, heirs: list[tuple[Node, ...]]) -> dict[str, Any]:
    """Return an organic row. ``heirs``: the branches, root to leaf, in which the site says that the product stands."""
    shown = offer.price_shown
    return {
        "_type": "PRODUCT",
        "id": int(sku.code),
        "adId": None,
        "adSource": None,
        "featured": False,
        "name": sku.name,
        "brand": sku.brand,
        "description": f"{sku.brand} {sku.name} {sku.size}".upper(),
        "size": sku.size,
        "availability": shown,
        "availabilityType": "InStoreAndOnline",
        "availableQuantity": 12 if shown else 0,
        "imageUris": [{"altText": "", "type": "default", "uri": f"/{sku.code[0]}/{sku.code}.jpg"}],
        "locations": [{"aisleSide": None, "description": "…$STORE…", "facing": 0, "aisle": None, "order": 9999.0}],
        "restrictions": {"retailLimit": 20, "promotionalLimit": 12, "delivery": []} if shown else None,
        "onlineHeirs": [_heir(branch) for branch in heirs],
        "pricing": _pricing(sku, offer) if shown else None,
        "variations": {"total": 1},
    }


def _heir(branch: tuple[Node, ...]) -> dict[str, str]:
    """Write a branch as the site does: the root is called the subcategory, the leaf the aisle."""
    root, middle, leaf = branch[0], branch[min(1, len(branch) - 1)], branch[-1]
    return {
        "aisle": leaf.name,
        "category": middle.name,
        "subCategory": root.name,
        "categoryId": middle.id,
        "aisleId": leaf.id,
        "subCategoryId": root.id,
    }


def _pricing(sku: MarketSku, offer: MarketOffer) -> dict[str, Any]:
    now, was, cup = offer.price_cents / 100, (offer.was_cents or 0) / 100, offer.cup_cents / 100
    weighted = sku.pack.form != "pack"
    number, unit = _basis(sku.unit.shown)
    # Of weighted rows the unit price is per kilogram, whatever the basis says.
    basis = (1, "g") if weighted else (number, unit)
    # The site has two ways to print a unit price, and none for a few products.
    turn = crc32(sku.code.encode()) % 3
    comparable = "" if turn == 0 and not weighted else f"${cup:,.2f} per {sku.unit.shown}"
    if turn == 1:
        comparable = f"${cup:,.2f}/ {sku.unit.shown}"
    half = offer.special_kind == "half_price"
    row: dict[str, Any] = {
        "now": now,
        "rawPriceNow": now,
        "was": was,
        "saveAmount": round(was - now, 2) if was else None,
        "saveStatement": f"save ${was - now:.2f}" if was else None,
        "priceDescription": "1/2 Price" if half else f"Was ${was:.2f} on Oct 2026" if was else None,
        "savePercent": round(100 - 100 * now / was) if was else None,
        "unit": {
            "quantity": 0 if unit == "ea" else round(sku.unit.amount, 3),
            "ofMeasureQuantity": basis[0],
            "ofMeasureUnits": basis[1],
            "price": cup,
            "ofMeasureType": basis[1],
            "isWeighted": weighted,
            "isIncremental": False,
        },
        "comparable": comparable,
        "promotionType": "SPECIAL" if offer.promoted else "EVERYDAY",
        "specialType": "PERCENT_OFF" if was else None,
        "onlineSpecial": turn == 2,
    }
    if offer.multi_buy_cents and offer.multi_buy_quantity:
        total = offer.multi_buy_cents / 100
        row["specialType"] = "MULTI_SAVE"
        row["offerDescription"] = f"Pick any {offer.multi_buy_quantity} for ${total:.2f}".removesuffix(".00")
        row["multiBuyPromotion"] = {
            "type": "MultibuyMultiSku",
            "id": f"{sku.code}-m",
            "minQuantity": offer.multi_buy_quantity,
            "reward": round(total / offer.multi_buy_quantity, 2),
            "unitPriceDisplay": "",
        }
    return row


def _basis(shown: str) -> tuple[int, str]:
    match = re.fullmatch(r"(\d+)(\w+)", shown)
    assert match, shown
    return int(match[1]), match[2].lower()


def sponsored_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a product's row as it is repeated for money."""
    return row | {"adId": f"ad-{row['id']}", "adSource": "citrus", "featured": True}


def tile_row(turn: int, products: list[int]) -> dict[str, Any]:
    """Return an advertising tile, which is no product."""
    return {"_type": "SINGLE_TILE", "adId": f"tile-{turn}", "adSource": "aem", "ctaLink": "/on-special"} | {
        "productIds": products
    }


def association_row(target: int) -> dict[str, Any]:
    """Return a row that points at another product."""
    return {"_type": "PRODUCT_ASSOCIATION", "targetProductId": target, "title": "Goes well with"}


def seo_token(sku: MarketSku) -> str:
    """Return a product's part of its page's address, with its id at the end."""
    words = f"{sku.brand} {sku.name} {sku.size}".lower()
    return f"{re.sub(r'[^a-z0-9]+', '-', words).strip('-')}-{sku.code}"


def store_result(store: MarketStore, distance_km: float) -> dict[str, Any]:
    """Return one result of GetStores."""
    code = store.store_id.partition(":")[0] if ":" in store.store_id else "COL"
    banner, number = BRANDS[code]
    return {
        "distance": round(distance_km, 3),
        "store": {
            "id": store.store_id,
            "name": store.name,
            "address": {
                "state": store.state,
                "suburb": store.suburb,
                "addressLine": store.address,
                "postcode": store.postcode,
            },
            "position": {"latitude": store.latitude, "longitude": store.longitude},
            "brand": {"name": banner, "storeFinderId": number, "id": code},
            "phone": store.phone,
            "isTrading": True,
            "services": [],
        },
    }
