"""What a run of ``splitcart update`` did, kind by kind: what the command prints, and what ``--json`` shows."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from splitcart.ingest.barcodes import BarcodeCounts
from splitcart.ingest.crawls import IngestedCrawl, summed
from splitcart.ingest.stores import StoreCounts


def added(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Add two sets of counts by name."""
    return {name: counts.get(name, 0) + more.get(name, 0) for name in [*counts, *(more.keys() - counts.keys())]}


@dataclass(slots=True)
class ProductsUpdate:
    """What one run did with product files.

    ``refused`` and ``waiting`` map file names to reasons: the first cannot be taken, the second not yet. ``deaths`` are
    workers that ended before their time. ``earlier`` are the totals of crawls that are no longer listed.
    ``post_processed``: what became of brands and products after the files.
    """

    crawls: list[IngestedCrawl] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    earlier: dict[str, int] = field(default_factory=dict)
    post_processed: dict[str, int] = field(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """All files that were not taken, with the reason."""
        return self.refused | self.waiting

    @property
    def totals(self) -> dict[str, int]:
        """What all files together changed."""
        found = summed(self.crawls)
        return {name: self.earlier.get(name, 0) + found.get(name, 0) for name in [*found, *self.earlier]}

    @property
    def summary(self) -> dict[str, dict[str, int]]:
        """What became of prices, products and brands, post-processing included.

        An offer that is back on the shelf was updated, one that left it closed; a brand is matched by another name.
        """
        totals, after = Counter(self.totals), Counter(self.post_processed)
        return {
            "prices": {
                "created": totals["created"],
                "updated": totals["changed"] + totals["returned"],
                "unchanged": totals["unchanged"],
                "closed": totals["left"],
            },
            "products": {
                "created": totals["products_created"] + after["products_created"],
                "matched": totals["products_matched"] + after["skus_matched"],
                "merged": after["products_merged"],
            },
            "brands": {
                "created": totals["brands_created"] + after["brands_created"],
                "matched": after["aliases_learned"],
                "merged": after["brands_merged"],
            },
        }

    def add(self, other: "ProductsUpdate") -> None:
        """Add what another worker, or a later round, did; a file that waited before and was taken now waits no more."""
        self.crawls += other.crawls
        self.refused |= other.refused
        self.deaths += other.deaths
        taken = {crawl.file for crawl in other.crawls} | other.refused.keys()
        self.waiting = {name: why for name, why in self.waiting.items() if name not in taken} | other.waiting

    def forget_files(self) -> None:
        """Keep only the totals of the crawls, for who goes on for months."""
        self.earlier = self.totals
        self.crawls = []

    def as_json(self) -> dict[str, Any]:
        """Return totals, one entry per file, the refused files and those that wait, and the workers that died."""
        return {
            "totals": self.totals,
            **self.summary,
            "waiting": self.waiting,
            "files": [asdict(crawl) for crawl in self.crawls],
            "refused": self.refused,
            "deaths": self.deaths,
            "post_processed": self.post_processed,
        }


@dataclass(slots=True)
class StoresUpdate:
    """What one run did with store lists, by company slug; ``refused`` maps file names to reasons."""

    companies: dict[str, StoreCounts] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, company: str, counts: StoreCounts) -> None:
        """Add one list's counts to its company's."""
        self.companies.setdefault(company, StoreCounts()).add(counts)

    def merge(self, other: "StoresUpdate") -> None:
        """Add what a later round did."""
        for company, counts in other.companies.items():
            self.add(company, counts)
        self.refused |= other.refused

    def as_json(self) -> dict[str, Any]:
        """Return counts per company and the refused files."""
        return {"companies": {slug: asdict(counts) for slug, counts in self.companies.items()}, "refused": self.refused}


@dataclass(slots=True)
class BarcodesUpdate:
    """What one run did with files of barcodes, by company slug; ``refused`` maps file names to reasons."""

    companies: dict[str, BarcodeCounts] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    post_processed: dict[str, int] = field(default_factory=dict)

    @property
    def filled(self) -> int:
        """How many skus got a barcode."""
        return sum(counts.filled for counts in self.companies.values())

    def merge(self, other: "BarcodesUpdate") -> None:
        """Add what another file, or a later round, did."""
        for company, counts in other.companies.items():
            self.companies.setdefault(company, BarcodeCounts()).add(counts)
        self.refused |= other.refused

    def as_json(self) -> dict[str, Any]:
        """Return counts per company, the refused files, and what became of brands and products."""
        return {
            "companies": {slug: asdict(counts) for slug, counts in self.companies.items()},
            "refused": self.refused,
            "post_processed": self.post_processed,
        }
