"""How Coles' GraphQL gateway answers: data, or errors with a code."""

from typing import Any, TypeVar

import msgspec

from splitcart_scrapy.failures import SiteChangedError, UnknownStoreError
from splitcart_scrapy.parsers.pages import read_json

T = TypeVar("T")


class _Extensions(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    extensions: _Extensions | None = None


class _Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] = []


def read_graph(body: bytes, form: type[T], what: str) -> T:
    """Return the data of an answer as ``form``.

    Raises UnknownStoreError if the gateway refuses the store, else SiteChangedError with the gateway's own words.
    """
    answer = read_json(body, _Answer, what)
    for error in answer.errors:
        if "storeId" in error.message and error.extensions and error.extensions.code == "BAD_USER_INPUT":
            raise UnknownStoreError(f"{what}: {error.message}")
    if answer.errors:
        raise SiteChangedError(f"{what}: {answer.errors[0].message}")
    return read_json(bytes(answer.data), form, what)


def graph_request(operation: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request."""
    return {"operationName": operation, "variables": variables, "query": query}


CATEGORIES_QUERY = """query GetProductCategories($storeId: BrandedId!) {
  productCategories(storeId: $storeId) {
    excludedCategoryIds
    catalogGroupView { ...node catalogGroupView { ...node catalogGroupView { ...node } } }
  }
}
fragment node on CatalogGroup { id level name originalName productCount seoToken type subType }"""

STORES_QUERY = """query GetStores($brandIds: [BrandId!], $latitude: Float!, $longitude: Float!) {
  stores(brandIds: $brandIds, latitude: $latitude, longitude: $longitude) {
    results {
      distance
      store {
        id name phone isTrading
        address { state suburb addressLine postcode }
        position { latitude longitude }
        brand { name storeFinderId id }
      }
    }
  }
}"""
