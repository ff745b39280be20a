"""How IGA's shop writes a product, a page of a listing and its hierarchy (docs/retailers.md#iga)."""

from typing import Any
from zlib import crc32

import orjson

from splitcart.replica.catalogue import MarketSku
from splitcart.replica.packs import iga_measure
from splitcart.replica.pricelist import MarketOffer
from splitcart.replica.trees import Node, Tree

TOP = "Grocery"
# What a spider leaves out: it shows reduced products of all other roots again.
SPECIALS = Node(
    id="Specials",
    slug="Specials",
    name="Specials",
    path=("Specials",),
    children=(Node(id="Weekly_Deals", slug="Weekly_Deals", name="Weekly Deals", path=("Specials", "Weekly Deals")),),
)
OTHER = Node(id="Other", slug="Other", name="Other", path=("Other",))  # a root that is its own leaf, of nothing
REPEATING = {"Specials", "Weekly_Deals"}
IMAGES = "https://cdn.metcash.media/image/upload/w_1500,h_1500,c_pad,b_auto/igashop/images"
_LABELS = {"g": "Gram", "kg": "Kilogram", "ml": "Millilitre", "l": "Litre", "": "Each"}


def branches(tree: Tree) -> dict[str, tuple[Node, ...]]:
    """Return the nodes from the root down to each node, by its identifier."""
    found: dict[str, tuple[Node, ...]] = {}
    waiting: list[tuple[Node, ...]] = [(root,) for root in (*tree.roots, SPECIALS, OTHER)]
    while waiting:
        branch = waiting.pop()
        found[branch[-1].id] = branch
        waiting += [(*branch, child) for child in branch[-1].children]
    return found


def tree_body(tree: Tree) -> dict[str, Any]:
    """Return the hierarchy: one node on top, then the roots with the two levels below them."""

    def node(row: Node) -> dict[str, Any]:
        return {"identifier": row.id, "displayName": row.name, "children": [node(child) for child in row.children]}

    top = {"identifier": TOP, "displayName": TOP, "children": [node(row) for row in (SPECIALS, *tree.roots, OTHER)]}
    return {"identifier": "retailer-prod-v3", "displayName": "Retailer", "children": [top]}


def page_body(rows: list[bytes], total: int) -> bytes:
    """Return an answer of the search."""
    head = {
        "_links": {},
        "citrusAd": {"memoryToken": None},
        "count": len(rows),
        "total": total,
        "took": 7,
        "facetHeaders": [],
        "facets": [],
        "pagination": {"_links": {"current": {}, "last": {}, "next": {}}},
        "sorting": {"_links": {}},
        "suggestions": [],
    }
    return orjson.dumps(head)[:-1] + b',"items":[' + b",".join(rows) + b"]}"


def product_row(sku: MarketSku, offer: MarketOffer, branch: tuple[Node, ...]) -> dict[str, Any]:
    """Return one row of the search. ``branch``: the nodes from the root to the sku's own leaf."""
    turn = crc32(sku.code.encode())
    names = [TOP, *(node.name for node in branch)]
    picture = None if turn % 9 == 0 else f"{IMAGES}/{sku.code}.jpg"
    return {
        "attributes": {},
        "available": offer.price_shown and turn % 40 != 0,
        "barcode": _barcode(sku, turn),
        "brand": sku.brand,
        "name": sku.name,
        "productId": sku.code,
        "sku": sku.code,
        "categories": [{"category": TOP, "categoryBreadcrumb": TOP, "categoryId": "1", "retailerId": TOP}],
        "defaultCategory": [
            {
                "category": names[-1],
                "categoryBreadcrumb": "/".join(names),
                "categoryId": f"bebde1e3-167e-44cc-9879-{crc32(branch[-1].id.encode()):012d}",
                "retailerId": branch[-1].id,
            }
        ],
        "description": _description(sku, turn),
        "image": dict.fromkeys(("cell", "default", "details", "template", "zoom"), picture),
        **(_price(sku, offer, turn) if offer.price_shown else _NO_PRICE),
        "priceLabel": "",
        "weightIncrement": None,
    }


_NO_PRICE: dict[str, Any] = {
    "price": "",
    "priceNumeric": None,
    "pricePerUnit": "",
    "priceSource": "regular",
    "sellBy": "Each",
    "tprPrice": [],
    "wholePrice": None,
    "unitOfMeasure": None,
    "unitOfPrice": None,
    "unitOfSize": None,
}


def _price(sku: MarketSku, offer: MarketOffer, turn: int) -> dict[str, Any]:
    """The price of a row; of what is weighed, ``wholePrice`` is a kilogram's and the rest an average piece's."""
    now, regular = offer.price_cents / 100, (offer.was_cents or offer.price_cents) / 100
    weighed = sku.pack.form == "weighed"
    grams = 80 + turn % 200
    piece = round(now * grams / 1000, 2) if weighed else now
    size, unit = (str(grams), "g") if weighed else iga_measure(sku.pack)
    row: dict[str, Any] = {
        "price": f"${piece:.2f} avg/ea" if weighed else f"${now:.2f}",
        "priceNumeric": piece,
        "pricePerUnit": None if unit and turn % 11 == 0 else _per_unit(sku, offer),
        "priceSource": "tpr" if offer.was_cents else "regular",
        "sellBy": "EachUnit" if weighed else "Each",
        "tprPrice": [{"wholePrice": now}] if offer.was_cents else [],
        "wholePrice": regular,
        "unitOfMeasure": _unit(*_basis(sku)),
        "unitOfPrice": _unit("1", "kg") if weighed else _unit("1", ""),
        "unitOfSize": _unit(size or "1", unit),
    }
    return row | {"wasWholePrice": regular} if offer.was_cents else row


def _per_unit(sku: MarketSku, offer: MarketOffer) -> str:
    shown = f"${offer.cup_cents / 100:,.2f}"
    return f"{shown} each" if sku.unit.shown == "each" else f"{shown}/{sku.unit.shown}"


def _basis(sku: MarketSku) -> tuple[str, str]:
    shown = sku.unit.shown
    return ("1", "") if shown == "each" else ("100", shown[3:]) if shown.startswith("100") else ("1", shown)


def _unit(size: str, abbreviation: str) -> dict[str, Any]:
    label = _LABELS[abbreviation]
    return {"abbreviation": abbreviation, "label": label, "size": float(size), "type": label.lower()}


def _barcode(sku: MarketSku, turn: int) -> str:
    """A barcode, or what stands in its place: a price look-up number, nothing, the word notfound."""
    if sku.gtin is None:
        return ("", "notfound")[turn % 2]
    return str(60_000 + turn % 1000) if sku.gtin.startswith("02") else sku.gtin


def _description(sku: MarketSku, turn: int) -> str:
    if sku.pack.unit not in {"g", "ml"} or turn % 3:
        return f"<p>{sku.name}</p>"
    told = [f"{sku.name}", f"Ingredients: {sku.path[-1]} (90%), Salt, Water.", "Allergen may be present: Soy, Milk"]
    return "<br />".join([*told, "Country of origin: Australia"] if turn % 2 else told)
