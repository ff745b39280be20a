"""Barcodes that were found elsewhere than in a chain's listing: they fill gaps on its skus, which are matched anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Base, Company
from splitcart.ingest.catalogue import CHUNK, lock_new_skus
from splitcart.ingest.errors import RefusedFileError
from splitcart.ingest.matching import find_products
from splitcart.ingest.reading import MAX_BAD_SHARE, Quarantined, check_closing
from splitcart.measures.gtin import Gtin, parse_gtin
from splitcart.transfer.crawl_file import BadLine, read_crawl_file
from splitcart.transfer.lines import KEYS
from splitcart.transfer.records import BarcodeRecord, CrawlRecord

sku_table = Base.metadata.tables["skus"]
DETAILS = ("ingredients", "allergens", "country_of_origin")
MATCHED = ("product_id", "match_key", "match_rule", "match_score")


@dataclass(slots=True)
class BarcodeCounts:
    """What a file of barcodes changed; ``described`` skus were told what else a product's own page says.

    ``conflicts`` name skus that keep the other valid barcode that they have.
    """

    filled: int = 0
    described: int = 0
    unchanged: int = 0
    unknown_skus: int = 0
    rematched: int = 0
    products_created: int = 0
    quarantined: int = 0
    conflicts: list[str] = field(default_factory=list)

    def add(self, other: "BarcodeCounts") -> None:
        """Add another file's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class ParsedBarcodes:
    """One file of barcodes, read and checked: barcodes and all that is told by sku, and the lines that are neither."""

    closing: CrawlRecord
    barcodes: dict[str, Gtin]
    details: dict[str, BarcodeRecord]
    quarantined: list[Quarantined]


def read_barcodes(path: Path) -> ParsedBarcodes:
    """Read a file of barcodes; of a sku that is listed twice, the first barcode counts.

    Raises CrawlFileError for a file that is not whole, RefusedFileError for one that holds anything else, or more than
    5 % lines whose barcode has a wrong length or check digit, or is the sku itself.
    """
    barcodes: dict[str, Gtin] = {}
    details: dict[str, BarcodeRecord] = {}
    quarantined: list[Quarantined] = []
    for number, record in read_crawl_file(path):
        if isinstance(record, CrawlRecord):
            _check(path, record, quarantined)
            return ParsedBarcodes(record, barcodes, details, quarantined)
        if isinstance(record, BadLine):
            quarantined.append(Quarantined(number, record.reason, record.text))
        elif not isinstance(record, BarcodeRecord):
            raise RefusedFileError(f"{path.name}: line {number}: a {KEYS[type(record)]}; expected one barcode")
        elif record.barcode is None and any(getattr(record, name) for name in DETAILS):
            details.setdefault(record.sku, record)
        elif (gtin := parse_gtin(record.barcode, sku=record.sku)) is None:
            quarantined.append(Quarantined(number, f"{record.barcode!r:.40} is no barcode", repr(record)))
        else:
            barcodes.setdefault(record.sku, gtin)
            details.setdefault(record.sku, record)
    raise RefusedFileError(f"{path.name}: holds no barcodes of a chain")


def _check(path: Path, closing: CrawlRecord, quarantined: list[Quarantined]) -> None:
    check_closing(path, closing)
    if closing.store_id is not None:
        raise RefusedFileError(f"{path.name}: the crawl of store {closing.store_id}, expected barcodes of a chain")
    if len(quarantined) > MAX_BAD_SHARE * closing.rows:
        first = quarantined[0]
        raise RefusedFileError(
            f"{path.name}: {len(quarantined)} of {closing.rows} lines are bad (line {first.number}: {first.reason});"
            f" at most {MAX_BAD_SHARE:.0%} may be"
        )


def update_barcodes(session: Session, company: Company, parsed: ParsedBarcodes, found_at: datetime) -> BarcodeCounts:
    """Give barcodes to the company's skus that have none, and match those skus to products anew.

    A barcode of restricted circulation gives way to a GTIN; a GTIN that differs stays and is counted as a conflict.
    """
    lock_new_skus(session)
    counts = BarcodeCounts(quarantined=len(parsed.quarantined))
    known = _known_skus(session, company, sorted(parsed.details))
    counts.unknown_skus = len(parsed.details) - len(known)
    named = [sku for sku in known if sku["code"] in parsed.barcodes]
    filled = [sku for sku in named if _fill(sku, parsed.barcodes[sku["code"]], counts)]
    counts.filled = len(filled)
    described = [sku for sku in known if _describe(sku, parsed.details[sku["code"]])]
    counts.described = len(described)
    matched = [sku for sku in filled if not sku["barcode_is_local"]]
    before = [sku["product_id"] for sku in matched]
    counts.products_created = find_products(session, matched, found_at).created
    counts.rematched = sum(sku["product_id"] != product_id for sku, product_id in zip(matched, before, strict=True))
    _write(session, filled, ("barcode", "barcode_is_local", *MATCHED))
    _write(session, described, DETAILS)
    return counts


def _known_skus(session: Session, company: Company, codes: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(codes), CHUNK):
        chunk = codes[start : start + CHUNK]
        mine = sa.select(sku_table).where(sku_table.c.company_id == company.id, sku_table.c.code.in_(chunk))
        found += [dict(row) for row in session.execute(mine.order_by(sku_table.c.code)).mappings()]
    return found


def _fill(sku: dict[str, Any], gtin: Gtin, counts: BarcodeCounts) -> bool:
    """Tell whether the barcode fills a gap, and put it there."""
    known = parse_gtin(sku["barcode"])
    if known is not None and (known.gtin14 == gtin.gtin14 or (gtin.is_local and not known.is_local)):
        counts.unchanged += 1
        return False
    if known is not None and not known.is_local:
        counts.conflicts.append(f"{sku['code']}: keeps {known.code}, the file says {gtin.code}")
        return False
    sku["barcode"], sku["barcode_is_local"] = gtin.code, gtin.is_local
    return True


def _describe(sku: dict[str, Any], record: BarcodeRecord) -> bool:
    """Put in what is not known of a sku; tell whether there was anything."""
    told = {name: text for name in DETAILS if sku[name] is None and (text := getattr(record, name))}
    sku.update(told)
    return bool(told)


def _write(session: Session, skus: list[dict[str, Any]], columns: Sequence[str]) -> None:
    rows = [{"b_id": sku["id"], **{f"b_{name}": sku[name] for name in columns}} for sku in skus]
    if rows:
        values = {name: sa.bindparam(f"b_{name}", type_=sku_table.c[name].type) for name in columns}
        session.execute(sa.update(sku_table).where(sku_table.c.id == sa.bindparam("b_id")).values(values), rows)
