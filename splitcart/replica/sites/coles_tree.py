"""Coles' category tree with its traps: restricted, seasonal and overlapping categories (docs/retailers.md#coles)."""

from typing import Any

from splitcart.replica.trees import Node, Tree

CATALOGUE_TYPES = {"8906007": "SEASONAL"}  # all others are CORE


def _category(key: str, slug: str, name: str, *children: tuple[str, str, str]) -> Node:
    below = tuple(Node(id=child, slug=text, name=title, path=(name, title)) for child, text, title in children)
    return Node(id=key, slug=slug, name=name, path=(name,), children=below)


# These repeat products of other roots. Spiders leave out the first.
DOWN_DOWN = _category("8906007", "down-down", "Down Down", ("8906014", "pantry-items", "Pantry Items"))
DIETARY = _category(
    "674112512",
    "dietary-world-foods",
    "Dietary & World Foods",
    ("674135800", "organic", "Organic"),
    ("674136793", "vegan-vegetarian", "Vegan & Vegetarian"),
)
DELI = _category("8892715", "deli", "Deli", ("641076560", "entertaining", "Entertaining"))
TOBACCO = _category(
    "17490", "tobacco", "Tobacco", ("17390", "tobacco-cigarettes-cigars", "Tobacco, Cigarettes & Cigars")
)
# Nothing stands in it, in this market.
LIQUOR = _category("85946", "liquorland", "Liquorland", ("89715", "beer", "Beer"))
REPEATING = {leaf.id for root in (DOWN_DOWN, DIETARY, DELI) for leaf in root.children}
EXTRA_ROOTS = (DIETARY, DELI, LIQUOR, TOBACCO, DOWN_DOWN)


def tree_body(tree: Tree, counts: dict[str, int]) -> dict[str, Any]:
    """Return the answer of GetProductCategories; ``counts`` has the products of each node at one store."""
    nodes = [_node(root, 1, counts) for root in (*tree.roots, *EXTRA_ROOTS)]
    return {"data": {"productCategories": {"excludedCategoryIds": [TOBACCO.id], "catalogGroupView": nodes}}}


def _node(node: Node, level: int, counts: dict[str, int]) -> dict[str, Any]:
    row = {
        "id": node.id,
        "level": level,
        "name": node.name,
        "originalName": node.name,
        "productCount": counts.get(node.id, 0),
        "seoToken": node.slug,
        "type": "CATALOG",
        "subType": CATALOGUE_TYPES.get(node.id, "CORE"),
    }
    if node.children:
        row["catalogGroupView"] = [_node(child, level + 1, counts) for child in node.children]
    return row
