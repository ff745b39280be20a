"""Woolworths' category tree with its traps: specials, marketplace nodes, restricted and overlapping departments."""

from typing import Any

from splitcart.replica.trees import Node, Tree, node_id

SPECIALS_GROUP = "specialsgroup"
HALF_PRICE = "specialsgroup.-2"
ONLINE_ONLY = "specialsgroup.onlineonly"
EVERYDAY_MARKET = "everyday-market"

# The marketplace's node inside kept departments, by their slug, as recorded.
MARKET_CHILDREN = {
    "drinks": "1_0E63DB9",
    "health-wellness": "1_735184F",
    "baby": "1_0A21B4E",
    "pet": "1_01FCE3C",
}


def _department(key: str, slug: str, name: str, *children: tuple[str, str, str]) -> Node:
    below = tuple(Node(id=child, slug=text, name=title, path=(name, title)) for child, text, title in children)
    return Node(id=key, slug=slug, name=name, path=(name,), children=below)


MARKETPLACE = _department(
    "1_A363395", EVERYDAY_MARKET, "Everyday Market", ("1_4C1E8AB", "market-home", "Home & Garden")
)
LIFESTYLE = _department(
    "1_DEA3ED5", "home-lifestyle", "Home & Lifestyle", ("1_F510C0F", EVERYDAY_MARKET, "Everyday Market")
)
FRONT = _department(
    "1_B63CF9E", "front-of-store", "Front of Store", ("1_6041D22", "cigarettes-tobacco", "Cigarettes & Tobacco")
)
# Both show products of other departments again; spiders leave out the first, and "dinner" of the second.
LUNCH_BOX = _department("1_9E92C35", "lunch-box", "Lunch Box", ("1_5D2A6F1", "lunch-box-snacks", "Lunch Box Snacks"))
OCCASIONS = _department(
    "1_8AD6702",
    "meal-occasions",
    "Meal Occasions",
    ("1_7A0E5C3", "dinner", "Dinner"),
    ("1_2B9F4D8", "entertaining", "Entertaining"),
)
EXTRA_DEPARTMENTS = (OCCASIONS, LUNCH_BOX, MARKETPLACE, LIFESTYLE, FRONT)
REPEATING = {leaf.id for department in (LUNCH_BOX, OCCASIONS) for leaf in department.children}
RESTRICTED = {FRONT.id, *(leaf.id for leaf in FRONT.children)}
MARKET_NODES = {
    *MARKET_CHILDREN.values(),
    *(node.id for root in (MARKETPLACE, LIFESTYLE) for node in (root, *root.children)),
}


def specials_of(node: str) -> str:
    """Return the id of a node's own specials."""
    return f"{node}_SPECIALS"


def tree_body(tree: Tree) -> dict[str, Any]:
    """Return the answer of PiesCategoriesWithSpecials (docs/retailers.md#woolworths-category-tree)."""
    departments = (*tree.roots, *EXTRA_DEPARTMENTS)
    online = [
        _row(f"{ONLINE_ONLY}.{node.id}", node.name, 3, ONLINE_ONLY, 1, node.slug, special=True) for node in tree.roots
    ]
    specials = _row(SPECIALS_GROUP, "Specials", 1, "root", 0, "specials", special=True)
    specials["Children"] = [
        _row(HALF_PRICE, "Half Price", 2, SPECIALS_GROUP, 1, "half-price", special=True),
        {**_row(ONLINE_ONLY, "Online Only", 2, SPECIALS_GROUP, 2, "online-only", special=True), "Children": online},
    ]
    return {"Categories": [specials, *(_node(node, 1, node_id("root"), at + 1) for at, node in enumerate(departments))]}


def _node(node: Node, level: int, parent: str, order: int) -> dict[str, Any]:
    row = _row(node.id, node.name, level, parent, order, node.slug, restricted=node.id in RESTRICTED)
    if level < 3 and node.id not in RESTRICTED | MARKET_NODES:
        title = f"{node.name} Specials & Offers"
        row["Children"].append(
            _row(specials_of(node.id), title, level + 1, node.id, -1, f"{node.slug}-specials", special=True)
        )
    row["Children"] += [_node(child, level + 1, node.id, at + 1) for at, child in enumerate(node.children)]
    if level == 1 and node.slug in MARKET_CHILDREN:
        market = MARKET_CHILDREN[node.slug]
        row["Children"].append(_row(market, "Everyday Market", 2, node.id, 99, EVERYDAY_MARKET))
    return row


def _row(
    key: str,
    name: str,
    level: int,
    parent: str,
    order: int,
    slug: str,
    *,
    special: bool = False,
    restricted: bool = False,
) -> dict[str, Any]:
    return {
        "NodeId": key,
        "Description": name,
        "NodeLevel": level,
        "ParentNodeId": parent,
        "DisplayOrder": order,
        "IsRestricted": restricted,
        "ProductCount": 0,
        "IsSortEnabled": True,
        "IsPaginationEnabled": True,
        "UrlFriendlyName": slug,
        "IsSpecial": special,
        "RichRelevanceId": None,
        "IsBundle": False,
        "IsUntraceable": False,
        "Children": [],
    }
