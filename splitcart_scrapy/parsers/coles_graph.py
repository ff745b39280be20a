"""How Coles' GraphQL gateway answers: data, or errors with a code."""

from typing import Any, TypeVar

import msgspec

from splitcart.measures.gtin import parse_gtin
from splitcart.transfer.records import BarcodeRecord
from splitcart_scrapy.failures import SiteChangedError, UnknownStoreError
from splitcart_scrapy.parsers.pages import clean_text, read_json

T = TypeVar("T")


class _Extensions(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    extensions: _Extensions | None = None


class _Origin(msgspec.Struct):
    country: str | None = None


class _Info(msgspec.Struct):
    title: str | None = None
    description: str | None = None


class _Details(msgspec.Struct, rename="camel"):
    id: int | str
    gtin: str | int | None = None
    country_of_origin: _Origin | None = None
    additional_info: list[_Info] | None = None


class _Product(msgspec.Struct, rename="camel"):
    product_details: _Details


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


def parse_details(body: bytes, sku: str) -> BarcodeRecord | None:
    """Return a product's barcode, if it has one, with what else only its details tell; None if they tell nothing.

    Of a product that the gateway does not know they do not. Raises SiteChangedError, also for those of another product.
    """
    what = "Coles product details"
    if any("not found" in error.message for error in read_json(body, _Answer, what).errors):
        return None
    product = read_graph(body, _Product, what).product_details
    if str(product.id) != sku:
        raise SiteChangedError(f"{what}: asked for {sku}, they are of {product.id}")
    gtin = parse_gtin(str(product.gtin), sku=sku) if product.gtin else None
    told = {(info.title or "").strip().lower(): clean_text(info.description) for info in product.additional_info or []}
    country = clean_text(product.country_of_origin.country) if product.country_of_origin else None
    found = BarcodeRecord(
        sku=sku,
        barcode=gtin.code if gtin else None,
        ingredients=told.get("ingredients"),
        allergens=told.get("allergen"),
        country_of_origin=country[:255] if country else None,
    )
    return found if found != BarcodeRecord(sku=sku) else None


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

DETAILS_QUERY = """query GetProductDetails($storeId: BrandedId!, $productId: String!) {
  productDetails(storeId: $storeId, productId: $productId) {
    id gtin
    countryOfOrigin { country statement }
    additionalInfo { title description }
  }
}"""

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
