"""The brands that are known, under which keys, and which of them are a chain's own."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import get_chains
from splitcart.database.bulk import insert_missing
from splitcart.database.models import Base, Brand, BrandAlias, Company
from splitcart.measures.keys import brand_key, clean_brand
from splitcart.measures.names import name_words

brand_table = Base.metadata.tables["brands"]
KEY_LENGTH, NAME_LENGTH = 300, 255  # of the columns; a letter of other alphabets may become several of ours


@dataclass(frozen=True, slots=True)
class KnownBrand:
    """A row of ``brands`` as the matching needs it."""

    id: int
    key: str
    name: str
    company_id: int | None
    merged_into_id: int | None
    created_at: datetime


class BrandBook:
    """All brands and aliases; it answers which brand a chain's text means."""

    def __init__(self, session: Session) -> None:
        self._own = _own_brands(session)
        self._words: dict[str, frozenset[str]] = {}
        self.read(session)

    def read(self, session: Session) -> None:
        """Read the tables again."""
        rows = session.execute(
            sa.select(
                Brand.id, Brand.key, Brand.name, Brand.company_id, Brand.merged_into_id, Brand.created_at
            ).order_by(Brand.id)
        )
        self.by_id = {row.id: KnownBrand(*row) for row in rows}
        self.by_key = {brand.key: brand for brand in self.by_id.values()}
        self.aliases = dict(session.execute(sa.select(BrandAlias.key, BrandAlias.brand_id)).all())

    def key(self, company_id: int, text: str | None) -> str:
        """Return the key of a chain's text, empty for no brand. A chain's own brands have a key that only it has."""
        slug, own = self._own.get(company_id, ("", frozenset()))
        key = brand_key(text)
        return f"{slug}:{key}" if key in own else key[:KEY_LENGTH]

    def brand(self, key: str) -> KnownBrand | None:
        """Return the brand that a key means after all merges and aliases."""
        known = self.by_key.get(key)
        if known is None and key in self.aliases:
            known = self.by_id[self.aliases[key]]
        while known is not None and known.merged_into_id is not None:
            known = self.by_id[known.merged_into_id]
        return known

    def root_key(self, key: str) -> str:
        """Return the key of the brand that a key means; a key that nobody knows means itself."""
        known = self.brand(key)
        return known.key if known else key

    def words(self, text: str | None) -> frozenset[str]:
        """Return the words of a brand's text that a product's name may repeat."""
        if text is None:
            return frozenset()
        if text not in self._words:
            self._words[text] = name_words(clean_brand(text))
        return self._words[text]

    def create(self, session: Session, texts: Iterable[tuple[int, str | None]], at: datetime) -> int:
        """Create the brands that (company, text) pairs name for the first time; return how many."""
        fresh: dict[str, tuple[int, str]] = {}
        for company_id, text in texts:
            key = self.key(company_id, text)
            if key and key not in self.by_key and key not in self.aliases:
                fresh.setdefault(key, (company_id, clean_brand(text)[:NAME_LENGTH]))
        if not fresh:
            return 0
        rows = [
            {"key": key, "name": name, "company_id": company_id if ":" in key else None, "created_at": at}
            for key, (company_id, name) in sorted(fresh.items())  # in one order for all workers
        ]
        insert_missing(session, brand_table, rows)
        self.read(session)
        return len(rows)


def _own_brands(session: Session) -> dict[int, tuple[str, frozenset[str]]]:
    """Return each company's slug and the keys of what it calls its own: its name, and what chains.toml lists."""
    chains = get_chains()
    found = {}
    for company_id, slug, name in session.execute(sa.select(Company.id, Company.slug, Company.name)):
        listed = chains[slug].own_brands if slug in chains else []
        found[company_id] = (slug, frozenset(map(brand_key, [name, *listed])))
    return found
