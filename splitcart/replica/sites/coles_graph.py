"""The answers of Coles' GraphQL gateway (docs/retailers.md#coles)."""

from typing import Any

import msgspec

from splitcart.replica.catalogue import MarketSku
from splitcart.replica.market import Market
from splitcart.replica.sites import coles_rows
from splitcart.replica.sites.coles_tree import tree_body
from splitcart.replica.stores import distance_km

OPERATIONS = frozenset({"GetStores", "FindStores", "GetProductCategories", "GetProductDetails"})
NEAREST = 50
# Rows of the real store list whose id has lost its brand; here they double other stores.
UNBRANDED = ("414", "419")


def error(message: str, code: str) -> dict[str, Any]:
    """Return an answer that is only an error."""
    return {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}


def stores(market: Market, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the stores nearest to a point: 50, or ``count`` of them within ``distance`` km where asked so."""
    try:
        here = float(variables["latitude"]), float(variables["longitude"])
        most = int(variables.get("count", NEAREST))
    except (KeyError, TypeError, ValueError):
        return error("latitude and longitude must be Float!", "BAD_USER_INPUT")
    brands = set(variables.get("brandIds") or coles_rows.BRANDS)
    rows = [store for store in market.stores("coles") if store.store_id.partition(":")[0] in brands]
    rows += [msgspec.structs.replace(rows[at], store_id=bare) for at, bare in enumerate(UNBRANDED[: len(rows)])]
    ranked = sorted(((distance_km(store, *here), store.store_id, store) for store in rows), key=lambda row: row[:2])
    within = variables.get("distance")
    found = [(away, store) for away, _, store in ranked if within is None or away <= float(within)][:most]
    results = [coles_rows.store_result(store, away) for away, store in found]
    return {"data": {"stores": {"results": results}}}


def categories(market: Market, counts: dict[str, int]) -> dict[str, Any]:
    """Return the category tree with the counts of one store."""
    return tree_body(market.tree("coles"), counts)


def details(sku: MarketSku | None, row: dict[str, Any] | None, code: str) -> dict[str, Any]:
    """Return what is known of one product, its barcode among it."""
    if sku is None or row is None or not coles_rows.has_page(sku):
        return error(f"Product with id {code} not found", "NOT_FOUND")
    more = {
        "gtin": coles_rows.shown_gtin(sku),
        "countryOfOrigin": {"country": "Australia", "statement": "Made in Australia"},
        "additionalInfo": [{"title": "Ingredients", "description": f"{sku.path[-1]} (90%), Salt, Water."}],
        "longDescription": f"<p>{sku.name}</p>",
    }
    return {"data": {"productDetails": {**row, **more}}}
