"""Price files of the earlier shape, one ``{"product": …, "metadata": …}`` a line, converted to crawl files.

Such a file knows only its date, so the store's whole local day is its window; and it does not say what it saw
completely, so a root category counts as complete when it has at least ``complete_share`` of its reference: the store's
last complete count, else the median of stores of its state on near dates. References under ``min_reference_rows`` are
not judged.
"""

import gzip
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.config import Chain, get_chain, get_chains
from splitcart.database.models import Category, Company, Coverage, Store
from splitcart.ingest.errors import RefusedFileError
from splitcart.ingest.reading import MAX_BAD_SHARE
from splitcart.ingest.shelf_lines import UNCATEGORISED, category_name
from splitcart.measures.gtin import parse_gtin
from splitcart.measures.ids import canonical_store_id, clean_state, store_slug
from splitcart.measures.local_time import local_day, zone_for_state
from splitcart.measures.money import cents
from splitcart.measures.unit_prices import parse_unit_price
from splitcart.transfer.disk import publish
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import CategoryRecord, CrawlRecord, ProductRecord

NEAR = timedelta(days=14)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)  # outside are typing errors, and days without a UTC end
ENDINGS = (".jsonl", ".jsonl.gz")
SHAPE = 'lines like {"product": {"sku": …}, "metadata": {"company": …, "store_id": …, "scraped_date": …}}'


@dataclass(slots=True)
class LegacyFile:
    """What the first look at a file of the earlier shape tells; the rows are read again when it is converted."""

    path: Path
    company: str
    store_id: str
    state: str | None
    day: date
    fingerprint: str
    counts: Counter[str] = field(default_factory=Counter)
    bad_lines: int = 0


class References:
    """How many rows a root category should have: per store its last complete count, else what near stores have."""

    def __init__(self, session: Session, files: list[LegacyFile]) -> None:
        self._last_complete: dict[tuple[str, str], dict[str, tuple[date, int]]] = defaultdict(dict)
        self._near: dict[tuple[str, str | None], list[tuple[str, date, dict[str, int]]]] = defaultdict(list)
        for file in files:
            self._near[file.company, file.state].append((file.store_id, file.day, dict(file.counts)))
        self._read_coverage(session, {file.company for file in files})

    def _read_coverage(self, session: Session, companies: set[str]) -> None:
        rows = session.execute(
            sa.select(Company.slug, Store.store_id, Store.state, Category.name, Coverage.observed_from, Coverage.rows)
            .join_from(Coverage, Store, Store.id == Coverage.store_id)
            .join(Company, Company.id == Store.company_id)
            .join(Category, Category.id == Coverage.category_id)
            .where(Company.slug.in_(companies))
            .order_by(Coverage.observed_from)
        )
        for slug, store_id, state, root, seen_at, count in rows:
            day = seen_at.astimezone(zone_for_state(state)).date()
            self._last_complete[slug, store_id][root] = (day, count)
            self._near[slug, state].append((store_id, day, {root: count}))

    def roots(self, file: LegacyFile) -> dict[str, int | None]:
        """Return the root categories that the file should hold, each with its reference count (None: no reference)."""
        known = self._last_complete[file.company, file.store_id]
        own = {root: count for root, (day, count) in known.items() if day <= file.day}
        near: dict[str, list[int]] = defaultdict(list)
        for store_id, day, counts in self._near[file.company, file.state]:
            if store_id != file.store_id and abs(day - file.day) <= NEAR:
                for root, count in counts.items():
                    near[root].append(count)
        names = file.counts.keys() | own.keys() | near.keys()
        return {root: own.get(root, int(median(near[root])) if near[root] else None) for root in sorted(names)}

    def remember(self, file: LegacyFile, root: str) -> None:
        """The file saw this root category completely."""
        self._last_complete[file.company, file.store_id][root] = (file.day, file.counts[root])


def scan_legacy(paths: list[Path]) -> list[LegacyFile]:
    """Look into files (or folders of them), oldest day first; raise RefusedFileError for one of another shape."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise RefusedFileError(f"{path}: no such file or folder; expected files with {SHAPE}")
        files += sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS)) if path.is_dir() else [path]
    if not files:
        raise RefusedFileError(f"{paths[0]}: no .jsonl or .jsonl.gz files in it")
    return sorted(
        (_scan(file) for file in files), key=lambda file: (file.day, file.company, file.store_id, file.path.name)
    )


def convert_legacy(file: LegacyFile, references: References, folder: Path) -> Path:
    """Write ``file`` as a crawl file into ``folder`` and return its path."""
    chain = get_chain(file.company)
    begin, midnight = local_day(file.day, file.state)
    end = midnight - timedelta(seconds=1)  # the next day's file begins at midnight: windows must not touch
    categories = [_judge(chain, file, root, expected, begin, end) for root, expected in references.roots(file).items()]
    for category in categories:
        if category.complete:
            references.remember(file, category.category)
    crawl_id = f"{file.company}-{store_slug(file.store_id)}-{file.day:%Y%m%d}-legacy-{file.fingerprint[:8]}"
    products = [_product(file, entry["product"]) for entry in _entries(file.path) if entry is not None]
    closing = CrawlRecord(
        crawl_id=crawl_id,
        spider="legacy",
        company=file.company,
        store_id=file.store_id,
        started_at=begin,
        finished_at=end,
        rows=len(products),
        complete=all(category.complete for category in categories),
        categories=categories,
        finish_reason="imported",
        stats={"file": file.path.name, "bad_lines": file.bad_lines},
    )
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{crawl_id}.partial"
    with temporary.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.writelines(map(encode_line, products))
        packed.write(encode_line(closing))
    return publish(temporary, folder / f"{crawl_id}.jsonl.gz")


def _judge(
    chain: Chain, file: LegacyFile, root: str, expected: int | None, begin: datetime, end: datetime
) -> CategoryRecord:
    rows = file.counts[root]
    problem = None
    if file.bad_lines:
        problem = f"{file.bad_lines} lines of the file cannot be read"
    elif expected is not None and expected >= chain.min_reference_rows and rows < chain.complete_share * expected:
        problem = f"{rows} rows where {expected} were expected"
    return CategoryRecord(
        category=root, rows=rows, complete=problem is None, observed_from=begin, observed_to=end, problem=problem
    )


def _scan(path: Path) -> LegacyFile:
    digest = sha256()
    found: LegacyFile | None = None
    bad = 0
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for entry in _entries(path, digest):
        if entry is None:
            bad += 1
            continue
        if (sku := str(entry["product"]["sku"])) not in seen:
            seen.add(sku)
            counts[_path_of(entry["product"])[0]] += 1
        identity = _identity(path, entry["metadata"])
        if found is None:
            found = LegacyFile(path, *identity, fingerprint="", counts=counts)
        elif (found.company, found.store_id, found.state, found.day) != identity:
            raise RefusedFileError(f"{path}: lines of more than one store or day; expected one crawl of one store")
    if found is None or bad > MAX_BAD_SHARE * (bad + counts.total()):
        raise RefusedFileError(f"{path}: {bad} bad lines of {bad + counts.total()}; expected {SHAPE}")
    found.fingerprint, found.bad_lines = digest.hexdigest(), bad
    return found


def _entries(path: Path, digest: Any = None) -> Iterator[dict[str, Any] | None]:
    """Yield each line's object, or None for a line that is not of the shape."""
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for line in file:
                if digest is not None:
                    digest.update(line)
                if line.strip():
                    yield _entry(line)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"{path}: cannot be read ({error}); expected {SHAPE}") from error


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("metadata"), dict):
        return None
    product = entry.get("product")
    return entry if isinstance(product, dict) and product.get("sku") and product.get("name") else None


def _identity(path: Path, metadata: dict[str, Any]) -> tuple[str, str, str | None, date]:
    company, store = str(metadata.get("company") or "").lower(), str(metadata.get("store_id") or "")
    stamp = str(metadata.get("scraped_date") or metadata.get("scraped_at") or "")[:10]
    try:
        day = date.fromisoformat(stamp)
    except ValueError as error:
        raise RefusedFileError(
            f"{path}: metadata.scraped_date is {stamp!r}, expected a date like 2025-09-23"
        ) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise RefusedFileError(f"{path}: metadata.scraped_date is {stamp}, expected a day from {FIRST_DAY}")
    if company not in get_chains():
        raise RefusedFileError(
            f"{path}: unknown metadata.company {company!r}; known: {', '.join(sorted(get_chains()))}"
        )
    chain, store_id = get_chain(company), canonical_store_id(company, store)
    if not chain.is_store_id(store_id):
        raise RefusedFileError(
            f"{path}: metadata.store_id {store!r} is no store id of {chain.name};"
            f" expected the form {chain.store_id_pattern}"
        )
    state = metadata.get("state")
    return company, store_id, clean_state(state) if isinstance(state, str) else None, day


def _path_of(product: dict[str, Any]) -> list[str]:
    path = product.get("category_path")
    names = path if isinstance(path, list) else [path]
    return [text for name in names if name and (text := category_name(str(name)))] or [UNCATEGORISED]


def _product(file: LegacyFile, product: dict[str, Any]) -> ProductRecord:
    unit_text = product.get("per_unit_price_string")
    unit = parse_unit_price(unit_text) if isinstance(unit_text, str) else None
    gtin = parse_gtin(product.get("barcode"), sku=str(product["sku"]))
    was, now = _cents(product.get("price_was")), _cents(product.get("price_current"))
    return ProductRecord(
        sku=str(product["sku"]),
        name=str(product["name"]),
        category_path=_path_of(product),
        price_cents=now,
        was_cents=was if was and now and was > now else None,
        unit_price_cents=unit.cents if unit else None,
        unit_measure=unit.measure if unit else None,
        # ALDI's flag is false on every row and says nothing; there, to be listed is to be available.
        available=True if file.company == "aldi" else product.get("is_available"),
        brand=product.get("brand") or None,
        size=product.get("size") or None,
        barcode=gtin.code if gtin else None,
        barcode_is_local=gtin.is_local if gtin else None,
        description=product.get("description") or None,
        ingredients=product.get("ingredients") or None,
        allergens=product.get("allergens") or None,
        country_of_origin=product.get("country_of_origin") or None,
        health_star=product.get("health_star_rating"),
        image_url=_image_url(product),
        url=product.get("url") or None,
    )


def _image_url(product: dict[str, Any]) -> str | None:
    """The picture's address; ALDI's came as a template with places for a width and a name."""
    url = product.get("image_url") or product.get("aldi_image_url")
    return str(url).replace("{width}", "500").removesuffix("/{slug}") if url else None


def _cents(value: Any) -> int | None:
    """Cents, or None for what is no price: the sku was listed, its offer is a gap."""
    try:
        return cents(value) or None
    except ValueError:
        return None
