"""The part of a company's category tree that some skus hang on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from archive.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Branch:
    """A category with its own skus (row ids, by name) and its children (by name); ``total_products`` counts both."""

    category_id: int
    name: str
    sku_ids: list[int]
    children: list["Branch"]
    total_products: int


def plant(sku_ids: Iterable[int], catalogue: Catalogue) -> list[Branch]:
    """Return the root categories of ``sku_ids``, by name; categories without any of the skus are left out."""
    skus_in: defaultdict[int, list[int]] = defaultdict(list)
    for sku_id in sku_ids:
        skus_in[catalogue.skus[sku_id].category_id].append(sku_id)
    children_of: defaultdict[int | None, set[int]] = defaultdict(set)
    for leaf in skus_in:
        category_id: int | None = leaf
        while category_id is not None:
            parent_id = catalogue.categories[category_id].parent_id
            if category_id in children_of[parent_id]:
                break  # the rest of the way up is known
            children_of[parent_id].add(category_id)
            category_id = parent_id

    def grow(category_id: int) -> Branch:
        own = sorted(
            skus_in[category_id], key=lambda sku_id: (catalogue.skus[sku_id].name, catalogue.skus[sku_id].code)
        )
        children = grow_all(category_id)
        total = len(own) + sum(child.total_products for child in children)
        return Branch(category_id, catalogue.categories[category_id].name, own, children, total)

    def grow_all(parent_id: int | None) -> list[Branch]:
        branches = (grow(category_id) for category_id in children_of[parent_id])
        return sorted(branches, key=lambda branch: (branch.name, branch.category_id))

    return grow_all(None)
