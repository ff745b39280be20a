"""Store lists in the shapes that exist: our own files, one JSON per store, lists of them, and a fixture set."""

import gzip
import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from splitcart.config import get_chains
from splitcart.ingest.errors import RefusedFileError
from splitcart.ingest.reading import check_closing, store_problem
from splitcart.transfer.crawl_file import read_crawl_file
from splitcart.transfer.lines import KEYS
from splitcart.transfer.records import CrawlRecord, StoreRecord

SHAPES = (
    "one JSON per store, a list of stores, a fixture set with companies.store.json, or the .jsonl.gz of a store sweep"
)
SWEEP_ENDING = ".jsonl.gz"
ENDINGS = (".json", ".json.gz", SWEEP_ENDING)


def read_sweep(path: Path) -> tuple[CrawlRecord, list[StoreRecord]]:
    """Read a store sweep in the project's own file format; raise RefusedFileError when it holds anything else."""
    records: list[StoreRecord] = []
    for number, record in read_crawl_file(path):
        if isinstance(record, StoreRecord):
            if problem := store_problem(record):
                raise RefusedFileError(f"{path.name}: line {number}: {problem}")
            records.append(record)
        elif isinstance(record, CrawlRecord):
            if record.store_id is not None:
                raise RefusedFileError(f"{path.name}: the crawl of store {record.store_id}, expected a store sweep")
            check_closing(path, record)
            return record, records
        else:
            reason = getattr(record, "reason", f"a {KEYS.get(type(record))}")
            raise RefusedFileError(f"{path.name}: line {number}: {reason}; expected one store")
    raise RefusedFileError(f"{path.name}: holds no stores")


def read_store_lists(path: Path) -> dict[str, list[StoreRecord]]:
    """Read store records by company slug from a file or from all files of a folder.

    Raises RefusedFileError that names the file and what was expected.
    """
    found: dict[str, list[StoreRecord]] = defaultdict(list)
    for file in _files(path):
        if file.name.endswith(SWEEP_ENDING):
            closing, records = read_sweep(file)
            found[closing.company] += records
            continue
        document = _read_json(file)
        if _is_fixture(document):
            pairs: Iterable[tuple[str, StoreRecord]] = _fixture_stores(file, document)
        elif _is_other_fixture(document):
            continue
        else:
            pairs = (_store(file, entry) for entry in _entries(file, document))
        for company, record in pairs:
            found[company].append(record)
    if not found:
        raise RefusedFileError(f"{path}: no stores in it; expected {SHAPES}")
    return dict(found)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise RefusedFileError(f"{path}: no such file or folder; expected {SHAPES}")
    return sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS))


def _read_json(path: Path) -> Any:
    try:
        raw = path.read_bytes()
        return orjson.loads(gzip.decompress(raw) if path.name.endswith(".gz") else raw)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise RefusedFileError(f"{path}: cannot be read as JSON ({error}); expected {SHAPES}") from error


def _is_fixture(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and _model(document[0]).endswith(".store")


def _is_other_fixture(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and _model(document[0]) != ""


def _model(entry: Any) -> str:
    return str(entry.get("model", "")) if isinstance(entry, dict) and "pk" in entry else ""


def _fixture_stores(path: Path, document: list[Any]) -> Iterator[tuple[str, StoreRecord]]:
    companies = _fixture_names(path, "company")
    divisions = _fixture_names(path, "division")
    for number, entry in enumerate(document, 1):
        if not _model(entry).endswith(".store"):
            raise RefusedFileError(f"{path}: entry {number} is no store; expected stores only in a fixture of stores")
        fields = _object(path, f"fields of entry {number}", entry.get("fields"))
        company, division = fields.get("company"), fields.get("division")
        names = {"company": companies.get(str(company), company), "division": divisions.get(str(division))}
        yield _store(path, {**fields, **names})


def _fixture_names(path: Path, model: str) -> dict[str, str]:
    sibling = path.with_name(path.name.replace(".store.", f".{model}."))
    if sibling == path or not sibling.is_file():
        raise RefusedFileError(
            f"{path}: needs the {model} numbers beside it; expected companies.store.json and companies.{model}.json"
        )
    document = _read_json(sibling)
    if not isinstance(document, list):
        raise RefusedFileError(f"{sibling}: holds no list; expected the {model} records of a fixture")
    entries = [_object(sibling, f"entry {number}", entry) for number, entry in enumerate(document, 1)]
    return {
        str(entry.get("pk")): str(_object(sibling, f"fields of entry {number}", entry.get("fields")).get("name"))
        for number, entry in enumerate(entries, 1)
    }


def _object(path: Path, what: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RefusedFileError(f"{path}: {what}: a {type(value).__name__}, expected an object; a source is {SHAPES}")
    return value


def _entries(path: Path, document: Any) -> Iterator[Mapping[str, Any]]:
    for number, entry in enumerate(document if isinstance(document, list) else [document], 1):
        found = _object(path, f"entry {number}", entry)
        metadata = _object(path, "metadata", found.get("metadata") or {})
        if isinstance(found.get("stores"), list):
            for place, store in enumerate(found["stores"], 1):
                yield {**metadata, **_object(path, f"store {place}", store)}
        elif "store_data" in found:
            yield {**metadata, **_object(path, "store_data", found["store_data"])}
        else:
            yield found


def _store(path: Path, entry: Mapping[str, Any]) -> tuple[str, StoreRecord]:
    company = str(entry.get("company") or "").strip().lower()
    store_id = str(entry.get("store_id") or "").strip()
    if company not in get_chains() or not store_id:
        raise RefusedFileError(
            f"{path}: a store of company {company!r:.80} with store_id {store_id!r:.80}; expected a store_id and one of"
            f" {', '.join(sorted(get_chains()))}"
        )
    try:
        record = _record(store_id, entry)
    except ValueError as error:
        raise RefusedFileError(f"{path}: {company} store {store_id!r:.80}: {error}") from error
    if problem := store_problem(record):
        raise RefusedFileError(f"{path}: {company} store {store_id!r:.80}: {problem}")
    return company, record


def _record(store_id: str, entry: Mapping[str, Any]) -> StoreRecord:
    """Read one store; raise ValueError for a value that cannot be what its name says."""
    is_trading = entry.get("is_trading")
    return StoreRecord(
        store_id=store_id,
        name=_text(entry, "store_name", "name") or "",
        division=_text(entry, "division"),
        address=_text(entry, "address_line_1", "address"),
        suburb=_text(entry, "suburb"),
        state=_text(entry, "state"),
        postcode=_text(entry, "postcode"),
        latitude=_degrees(entry, "latitude"),
        longitude=_degrees(entry, "longitude"),
        phone=_text(entry, "phone_number", "phone"),
        hours=_hours(entry.get("trading_hours") or entry.get("hours")),
        retailer_store_id=_text(entry, "retailer_store_id"),
        is_trading=is_trading if isinstance(is_trading, bool) else None,
    )


def _text(entry: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of the named values that is given; numbers count as text."""
    for name in names:
        value = entry.get(name)
        if isinstance(value, bool | list | dict):
            raise ValueError(f"{name} is {value!r:.80}, expected text")  # noqa: TRY004 - one kind of error for all bad values
        if value not in (None, ""):
            return str(value)
    return None


def _degrees(entry: Mapping[str, Any], name: str) -> float | None:
    value = entry.get(name)
    if value is None or value == "":
        return None
    try:
        degrees = float(value)
    except (TypeError, ValueError, OverflowError):
        degrees = math.nan
    if isinstance(value, bool) or not math.isfinite(degrees):
        raise ValueError(f"{name} is {value!r:.80}, expected degrees")
    return degrees


def _hours(value: Any) -> list[str] | None:
    if isinstance(value, dict):
        return [f"{day}: {hours}" for day, hours in value.items()]
    if isinstance(value, list):
        return [" ".join(map(str, line.values())) if isinstance(line, dict) else str(line) for line in value]
    return [str(value)] if value else None
