"""All skus as the matching sees them: read once, each with its brand, its words and its pack."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Company, Sku
from splitcart.ingest.matching.brands import BrandBook
from splitcart.ingest.matching.finding import shared_gtin
from splitcart.measures.keys import product_key
from splitcart.measures.names import name_words
from splitcart.measures.packs import Pack, read_pack

KNOWN_BRAND_SKUS = 3  # a brand that so many skus name may be read out of a name that comes without one


@dataclass(slots=True)
class ShelfSku:
    """A sku: its row, and what its texts say.

    ``raw_brand`` is the key as written, ``brand`` the one that it means; ``said`` is all that the name says, ``words``
    that without the brand.
    """

    id: int
    company_id: int
    company: str
    code: str
    name: str
    brand_text: str | None
    gtin: str | None
    product_id: int
    stored_key: str | None
    pack: Pack
    raw_brand: str
    said: frozenset[str]
    brand: str = ""
    words: frozenset[str] = frozenset()
    key: str | None = None

    @property
    def order(self) -> tuple[str, str]:
        """What two databases with the same rows sort it by."""
        return self.company, self.code


def read_shelf(session: Session, book: BrandBook) -> list[ShelfSku]:
    """Read every sku, in the order of company and code; ``say`` fills in what depends on brands."""
    query = sa.select(
        Sku.id, Sku.company_id, Company.slug, Sku.code, Sku.name, Sku.brand, Sku.barcode, Sku.barcode_is_local,
        Sku.product_id, Sku.match_key, Sku.size,
    ).join(Company, Company.id == Sku.company_id).where(Sku.product_id.is_not(None))  # fmt: skip
    skus = [
        ShelfSku(
            id=row.id,
            company_id=row.company_id,
            company=row.slug,
            code=row.code,
            name=row.name,
            brand_text=row.brand,
            gtin=shared_gtin(row.barcode, row.barcode_is_local),
            product_id=row.product_id,
            stored_key=row.match_key,
            pack=read_pack(row.name, row.size),
            raw_brand=book.key(row.company_id, row.brand),
            said=name_words(row.name),
        )
        for row in session.execute(query)
    ]
    return sorted(skus, key=lambda sku: sku.order)


def say(skus: Iterable[ShelfSku], book: BrandBook) -> None:
    """Set each sku's brand, words and key by what the book knows now."""
    skus = list(skus)
    named = _named_brands(skus, book)
    for sku in skus:
        sku.brand = book.root_key(sku.raw_brand) if sku.raw_brand else _brand_in(sku, named)
        known = book.brand(sku.brand)
        brand_words = book.words(sku.brand_text) | book.words(known.name if known else None)
        sku.words = sku.said - brand_words
        sku.key = product_key(sku.said, sku.brand, brand_words, sku.pack)[:768] or None


def _named_brands(skus: list[ShelfSku], book: BrandBook) -> dict[str, list[tuple[frozenset[str], str]]]:
    """Return makers' brands that several skus name, by one of their words, the longest first."""
    counts = Counter(book.root_key(sku.raw_brand) for sku in skus if sku.raw_brand)
    found: dict[str, list[tuple[frozenset[str], str]]] = defaultdict(list)
    for key, count in sorted(counts.items()):
        brand = book.brand(key)
        words = book.words(brand.name) if brand and brand.company_id is None else frozenset()
        if count >= KNOWN_BRAND_SKUS and words:
            found[min(words)].append((words, key))
    return {word: sorted(brands, key=lambda each: (-len(each[0]), each[1])) for word, brands in found.items()}


def _brand_in(sku: ShelfSku, named: dict[str, list[tuple[frozenset[str], str]]]) -> str:
    """Return the longest known brand with which a name begins."""
    pieces = sku.name.split()
    fits = [
        (len(words), key)
        for word in sorted(sku.said)
        for words, key in named.get(word, ())
        if any(words == name_words(" ".join(pieces[:count])) for count in range(1, len(words) + 2))
    ]
    return max(fits)[1] if fits else ""
