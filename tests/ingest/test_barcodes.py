"""Barcodes from elsewhere: what they fill, what keeps its own, which products are matched anew."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from splitcart.database import open_database, reading
from splitcart.database.models import Crawl, Sku
from splitcart.ingest import CrawlIngester
from splitcart.ingest.barcodes import BarcodeCounts
from splitcart.ingest.outcomes import BarcodesUpdate
from splitcart.ingest.replay import replay_all
from splitcart.ingest.updates import update_barcodes_inbox, update_named_products
from splitcart.transfer import accept, check_kind, get_kind, verify_file
from splitcart.transfer.lines import encode_line
from splitcart.transfer.records import BarcodeRecord, CrawlRecord
from tests.ingest.crawl_files import category, product, write_crawl

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 20, tzinfo=UTC)
MILK, BREAD, LOCAL = "9310645321899", "9300675024235", "0265178000003"


def clock() -> datetime:
    return NOW


def write_barcodes(folder: Path, pairs: Iterable[tuple[str, str] | bytes], **closing: Any) -> Path:
    """Write one file of barcodes; bytes are lines as they are."""
    lines = [
        line if isinstance(line, bytes) else encode_line(BarcodeRecord(sku=line[0], barcode=line[1])) for line in pairs
    ]
    facts: dict[str, Any] = {"crawl_id": "aldi-barcodes-1", "spider": "aldi_barcodes", "company": "aldi", **closing}
    record = CrawlRecord(**facts, started_at=AT, finished_at=AT, rows=len(lines), complete=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.crawl_id}.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join([*lines, encode_line(record)]), mtime=0))
    return path


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def inbox(data_dir: Path) -> Path:
    return data_dir / "barcode_inbox"


def taken(engine: sa.Engine, data_dir: Path) -> BarcodesUpdate:
    return update_barcodes_inbox(engine, data_dir, clock=clock)


def crawled(engine: sa.Engine, data_dir: Path, company: str, store_id: str, **barcodes: str | None) -> None:
    """A store that shows these skus, with their barcodes."""
    shelf = [
        product(sku, "A", 100, name=f"{company} {sku}", barcode=barcode, barcode_is_local=barcode and barcode == LOCAL)
        for sku, barcode in barcodes.items()
    ]
    ingester = CrawlIngester(engine, data_dir, clock)
    folder = data_dir / "files"
    path = write_crawl(folder, shelf, [category("A", AT)], company=company, store_id=store_id, crawl_id=company)
    assert not update_named_products(ingester, [path]).problems


def skus(engine: sa.Engine, company_id: int = 1) -> dict[str, tuple[str | None, bool | None]]:
    with reading(engine) as session:
        rows = session.execute(
            sa.select(Sku.code, Sku.barcode, Sku.barcode_is_local).where(Sku.company_id == company_id)
        )
        return {code: (barcode, is_local) for code, barcode, is_local in rows}


def test_a_barcode_fills_a_gap_and_finds_the_product_of_another_chain(
    engine: sa.Engine, data_dir: Path, inbox: Path
) -> None:
    crawled(engine, data_dir, "aldi", "G101", a1=None, a2=None)
    crawled(engine, data_dir, "woolworths", "1147", w1=MILK)
    write_barcodes(inbox, [("a1", MILK), ("a2", BREAD), ("a9", BREAD)])
    update = taken(engine, data_dir)
    assert update.companies == {"aldi": BarcodeCounts(filled=2, unknown_skus=1, rematched=1)}
    assert skus(engine) == {"a1": (MILK, False), "a2": (BREAD, False)}
    with reading(engine) as session:
        products = dict(session.execute(sa.select(Sku.code, Sku.product_id)).all())
    assert products["a1"] == products["w1"] != products["a2"]


def test_a_valid_barcode_is_never_overwritten_and_the_difference_is_told(
    engine: sa.Engine, data_dir: Path, inbox: Path
) -> None:
    crawled(engine, data_dir, "aldi", "G101", a1=MILK, a2=LOCAL, a3=BREAD)
    write_barcodes(inbox, [("a1", BREAD), ("a2", MILK), ("a3", BREAD)])
    counts = taken(engine, data_dir).companies["aldi"]
    assert counts.conflicts == [f"a1: keeps {MILK}, the file says {BREAD}"]
    assert (counts.filled, counts.unchanged) == (1, 1)
    assert skus(engine) == {"a1": (MILK, False), "a2": (MILK, False), "a3": (BREAD, False)}


def test_a_local_code_names_no_product_and_gives_way_to_none(engine: sa.Engine, data_dir: Path, inbox: Path) -> None:
    crawled(engine, data_dir, "aldi", "G101", a1=None, a2=MILK)
    write_barcodes(inbox, [("a1", LOCAL), ("a2", LOCAL)])
    counts = taken(engine, data_dir).companies["aldi"]
    assert (counts.filled, counts.rematched, counts.unchanged) == (1, 0, 1)
    assert skus(engine) == {"a1": (LOCAL, True), "a2": (MILK, False)}


def test_a_crawl_without_barcodes_leaves_what_was_filled(engine: sa.Engine, data_dir: Path, inbox: Path) -> None:
    crawled(engine, data_dir, "aldi", "G101", a1=None)
    write_barcodes(inbox, [("a1", MILK)])
    taken(engine, data_dir)
    later = write_crawl(
        data_dir, [product("a1", "A", 120, name="Milk anew")], [category("A", AT + timedelta(days=1))], crawl_id="later"
    )
    update_named_products(CrawlIngester(engine, data_dir, clock), [later])
    assert skus(engine) == {"a1": (MILK, False)}


def test_lines_that_are_no_barcodes_are_quarantined_up_to_five_in_a_hundred(
    engine: sa.Engine, data_dir: Path, inbox: Path
) -> None:
    good = [(f"x{number}", MILK) for number in range(38)]
    write_barcodes(inbox, [*good, ("a1", "9310645321898"), b'{"barcode": {"sku": 5}}\n'])
    write_barcodes(inbox, [*good, *(("a1", "123") for _ in range(3))], crawl_id="b-bad")
    update = taken(engine, data_dir)
    assert update.companies["aldi"].quarantined == 2
    assert update.refused == {
        "b-bad.jsonl.gz": "b-bad.jsonl.gz: 3 of 41 lines are bad (line 39: '123' is no barcode); at most 5% may be"
    }
    (sidecar,) = data_dir.glob("ingested/aldi/2026-03/*.quarantine.jsonl")
    lines = [orjson.loads(line) for line in sidecar.read_bytes().splitlines()]
    assert [(line["line"], line["reason"].partition(":")[0]) for line in lines] == [
        (39, "'9310645321898' is no barcode"),
        (40, lines[1]["reason"].partition(":")[0]),
    ]
    assert lines[1]["text"] == '{"barcode": {"sku": 5}}'


def test_a_line_may_tell_the_rest_without_a_barcode_but_not_nothing(
    sqlite: sa.Engine, data_dir: Path, inbox: Path
) -> None:
    crawled(sqlite, data_dir, "aldi", "G001", a1=None, a2=MILK)
    told = [encode_line(BarcodeRecord(sku=sku, ingredients="Milk")) for sku in ("a1", "a2", "a3")]
    write_barcodes(inbox, told * 10 + [b'{"barcode": {"sku": "a1"}}\n'])
    (counts,) = taken(sqlite, data_dir).companies.values()
    assert (counts.filled, counts.described, counts.unknown_skus, counts.quarantined) == (0, 2, 1, 1)
    assert skus(sqlite)["a1"] == (None, None)
    assert skus(sqlite)["a2"][0] == MILK


def test_the_same_file_twice_changes_nothing(engine: sa.Engine, data_dir: Path, inbox: Path) -> None:
    crawled(engine, data_dir, "aldi", "G101", a1=None)
    for _ in range(2):
        write_barcodes(inbox, [("a1", MILK)])
        update = taken(engine, data_dir)
    assert update.companies == {"aldi": BarcodeCounts()}
    with reading(engine) as session:
        row = session.scalars(sa.select(Crawl).where(Crawl.spider == "aldi_barcodes")).one()
        assert (row.store_id, row.rows, row.counts["filled"]) == (None, 1, 1)


def test_what_is_no_file_of_barcodes_is_refused(sqlite: sa.Engine, data_dir: Path, inbox: Path) -> None:
    write_crawl(inbox, [product("a1", "A", 1)], [category("A", AT)], crawl_id="products")
    write_barcodes(inbox, [("a1", MILK)], crawl_id="spar", company="spar")
    write_barcodes(inbox, [("a1", MILK)], crawl_id="store", store_id="G101")
    reasons = {name: reason.partition(": ")[2] for name, reason in taken(sqlite, data_dir).refused.items()}
    assert reasons == {
        "products.jsonl.gz": "line 1: a product; expected one barcode",
        "spar.jsonl.gz": "unknown company 'spar'; known: aldi, coles, iga, woolworths",
        "store.jsonl.gz": "the crawl of store G101, expected barcodes of a chain",
    }
    assert not list(inbox.iterdir())


def test_a_file_of_barcodes_travels_like_the_others(tmp_path: Path, inbox: Path, data_dir: Path) -> None:
    path = write_barcodes(tmp_path, [("a1", MILK)])
    verified = verify_file(path)
    check_kind(get_kind("barcodes"), verified)
    assert accept(data_dir, "barcodes", path, verified).parent == inbox


def test_recovery_fills_barcodes_after_the_crawls(
    sqlite: sa.Engine, data_dir: Path, inbox: Path, tmp_path: Path
) -> None:
    crawled(sqlite, data_dir, "aldi", "G101", a1=None)
    write_barcodes(inbox, [("a1", MILK)])
    taken(sqlite, data_dir)
    anew = open_database(f"sqlite:///{tmp_path}/anew.db")
    assert replay_all(CrawlIngester(anew, data_dir, clock)).recovered.problems == {}
    assert skus(anew) == {"a1": (MILK, False)}
    anew.dispose()
