"""The tree of a store is the part of the company's that its skus hang on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from archive.catalogue import Catalogue, CatalogueCategory, CatalogueSku
from archive.tree import plant


@st.composite
def catalogues(draw):
    """Categories whose parent, if any, is an earlier one; skus anywhere among them."""
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=12))
    categories = {
        number: CatalogueCategory(name, draw(st.none() | st.integers(1, number - 1)) if number > 1 else None)
        for number, name in enumerate(names, 1)
    }
    places = draw(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, len(names))), max_size=15))
    skus = {
        number: CatalogueSku(f"{number:03}", name, category_id, 1, b"{}", 0)
        for number, (name, category_id) in enumerate(places, 100)
    }
    return Catalogue(categories, skus)


def walk(branches, parent_id=None):
    for branch in branches:
        yield branch, parent_id
        yield from walk(branch.children, branch.category_id)


@given(catalogues(), st.data())
@settings(max_examples=60)
def test_every_sku_stands_once_in_its_own_category(catalogue, data):
    chosen = data.draw(st.sets(st.sampled_from(sorted(catalogue.skus)))) if catalogue.skus else set()
    roots = plant(chosen, catalogue)
    found = [(sku_id, branch.category_id) for branch, _ in walk(roots) for sku_id in branch.sku_ids]
    assert sorted(found) == sorted((sku_id, catalogue.skus[sku_id].category_id) for sku_id in chosen)
    assert sum(branch.total_products for branch in roots) == len(chosen)
    for branch, parent_id in walk(roots):
        assert catalogue.categories[branch.category_id] == (branch.name, parent_id)
        assert branch.total_products == len(branch.sku_ids) + sum(child.total_products for child in branch.children) > 0
        assert [child.name for child in branch.children] == sorted(child.name for child in branch.children)


@given(catalogues())
@settings(max_examples=30)
def test_the_order_in_which_skus_come_does_not_matter(catalogue):
    assert plant(sorted(catalogue.skus), catalogue) == plant(sorted(catalogue.skus, reverse=True), catalogue)
