"""Store lists in the shapes that exist: our own files, one JSON per store, lists of them, and a fixture set."""

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from splitcart.config import get_chains
from splitcart.ingest.errors import RefusedFileError
from splitcart.transfer.crawl_file import read_crawl_file
from splitcart.transfer.records import CrawlRecord, StoreRecord

SHAPES = (
    "one JSON per store, a list of stores, a fixture set with companies.store.json, or a .jsonl.gz of a store sweep"
)
ENDINGS = (".json", ".json.gz")


def read_sweep(path: Path) -> tuple[CrawlRecord, list[StoreRecord]]:
    """Read a store sweep in the project's own file format; raise RefusedFileError when it holds anything else."""
    records: list[StoreRecord] = []
    for number, record in read_crawl_file(path):
        if isinstance(record, StoreRecord):
            records.append(record)
        elif isinstance(record, CrawlRecord):
            return record, records
        else:
            reason = getattr(record, "reason", f"a {type(record).__name__}")
            raise RefusedFileError(f"{path.name}: line {number}: {reason}; expected one store")
    raise RefusedFileError(f"{path.name}: holds no stores")


def read_store_lists(path: Path) -> dict[str, list[StoreRecord]]:
    """Read store records by company slug from a file or from all files of a folder.

    Raises RefusedFileError that names the file and what was expected.
    """
    found: dict[str, list[StoreRecord]] = defaultdict(list)
    for file in _files(path):
        document = _read_json(file)
        if _is_fixture(document):
            pairs: Iterable[tuple[str, StoreRecord]] = _fixture_stores(file, document)
        elif _is_other_fixture(document):
            continue
        else:
            pairs = (_store(file, entry) for entry in _entries(document))
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
    except (OSError, EOFError, ValueError) as error:
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
    for entry in document:
        fields = dict(entry["fields"])
        fields["company"] = companies.get(fields["company"], str(fields["company"]))
        fields["division"] = divisions.get(fields["division"])
        yield _store(path, fields)


def _fixture_names(path: Path, model: str) -> dict[int, str]:
    sibling = path.with_name(path.name.replace(".store.", f".{model}."))
    if sibling == path or not sibling.is_file():
        raise RefusedFileError(f"{path}: needs {sibling.name} beside it to know its {model} numbers")
    return {entry["pk"]: entry["fields"]["name"] for entry in _read_json(sibling)}


def _entries(document: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, list):
        for entry in document:
            yield from _entries(entry)
    elif isinstance(document, dict) and isinstance(document.get("stores"), list):
        for entry in document["stores"]:
            yield {**document.get("metadata", {}), **entry}
    elif isinstance(document, dict) and isinstance(document.get("store_data"), dict):
        yield {**document.get("metadata", {}), **document["store_data"]}
    elif isinstance(document, dict):
        yield document


def _store(path: Path, entry: Mapping[str, Any]) -> tuple[str, StoreRecord]:
    company = str(entry.get("company") or "").strip().lower()
    store_id = str(entry.get("store_id") or "").strip()
    if company not in get_chains() or not store_id:
        raise RefusedFileError(
            f"{path}: a store of company {company!r} with store_id {store_id!r}; expected a store_id and one of"
            f" {', '.join(sorted(get_chains()))}"
        )
    return company, StoreRecord(
        store_id=store_id,
        name=str(entry.get("store_name") or entry.get("name") or ""),
        division=entry.get("division"),
        address=entry.get("address_line_1") or entry.get("address"),
        suburb=entry.get("suburb"),
        state=entry.get("state"),
        postcode=entry.get("postcode"),
        latitude=_degrees(entry.get("latitude")),
        longitude=_degrees(entry.get("longitude")),
        phone=entry.get("phone_number") or entry.get("phone"),
        hours=_hours(entry.get("trading_hours") or entry.get("hours")),
        retailer_store_id=entry.get("retailer_store_id"),
        is_trading=entry.get("is_trading"),
    )


def _degrees(value: Any) -> float | None:
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


def _hours(value: Any) -> list[str] | None:
    return [str(line) for line in value] if isinstance(value, list) else None
