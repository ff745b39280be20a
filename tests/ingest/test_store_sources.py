"""Store lists in every shape that exists, and one clear line for every other."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart.ingest import RefusedFileError
from splitcart.ingest.store_sources import SHAPES, read_store_lists, read_sweep
from splitcart.transfer.crawl_file import CrawlFileError
from splitcart.transfer.records import StoreRecord
from tests.ingest.crawl_files import category, product, write_crawl
from tests.ingest.store_lists import shop, write_sweep

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
WYNYARD = {
    "store_id": "COL:840",
    "retailer_store_id": None,
    "store_name": "Coles Central Wynyard",
    "division": "Coles Supermarkets",
    "phone_number": "(02) 7231 7900",
    "address_line_1": "Wynyard St",
    "suburb": "Sydney",
    "state": "NSW",
    "postcode": "2000",
    "latitude": -33.865729,
    "longitude": "151.206146",
    "trading_hours": None,
    "is_trading": True,
}


def source(folder: Path, document: Any, name: str = "stores.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    raw = json.dumps(document).encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def fixture_set(folder: Path, stores: Any, ending: str = "json.gz", **others: Any) -> Path:
    documents = {
        "company": [{"model": "companies.company", "pk": 2, "fields": {"name": "Coles"}}],
        "division": [{"model": "companies.division", "pk": 1, "fields": {"name": "Liquorland", "company": 2}}],
        **others,
    }
    for model, document in documents.items():
        if document is not None:
            source(folder, document, f"companies.{model}.{ending}")
    return source(folder, stores, f"companies.store.{ending}")


def pk_store(**fields: Any) -> dict[str, Any]:
    facts = {"store_name": "N/A", "company": 2, "division": 1, "store_id": "LQR:1234", **fields}
    return {"model": "companies.store", "pk": 9, "fields": facts}


@pytest.mark.parametrize(
    "document",
    [
        {"metadata": {"company": "Coles", "scraped_date": "2025-09-23T10:00:00"}, "store_data": WYNYARD},
        {"metadata": {"company": "coles", "state": "NSW"}, "stores": [WYNYARD]},
        {**WYNYARD, "company": "COLES"},
        [{**WYNYARD, "company": "coles"}],
        [{"metadata": {"company": "coles"}, "stores": [WYNYARD]}, {"metadata": {"company": "coles"}, "stores": []}],
    ],
    ids=["one store a file", "list with metadata", "flat store", "list of flat stores", "list of lists"],
)
@pytest.mark.parametrize("name", ["stores.json", "stores.json.gz"])
def test_every_shape_gives_the_same_record(tmp_path: Path, document: Any, name: str) -> None:
    assert read_store_lists(source(tmp_path, document, name)) == {
        "coles": [
            StoreRecord(
                store_id="COL:840",
                name="Coles Central Wynyard",
                division="Coles Supermarkets",
                address="Wynyard St",
                suburb="Sydney",
                state="NSW",
                postcode="2000",
                latitude=-33.865729,
                longitude=151.206146,
                phone="(02) 7231 7900",
                is_trading=True,
            )
        ]
    }


def test_a_folder_is_all_its_files_together(tmp_path: Path) -> None:
    for number in (1, 2):
        source(tmp_path, {**WYNYARD, "company": "coles", "store_id": f"COL:{number}"}, f"coles_{number}.json")
    source(tmp_path, [{"company": "aldi", "store_id": "G101"}], "aldi.json.gz")
    (tmp_path / "readme.txt").write_text("not a store list")
    found = read_store_lists(tmp_path)
    assert {company: [record.store_id for record in records] for company, records in found.items()} == {
        "aldi": ["G101"],
        "coles": ["COL:1", "COL:2"],
    }


@pytest.mark.parametrize("ending", ["json", "json.gz"])
@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_fixture_set_names_its_companies_and_divisions(tmp_path: Path, ending: str, whole_folder: bool) -> None:
    path = fixture_set(tmp_path, [pk_store(), pk_store(store_id="COL:1", division=None)], ending)
    (records,) = read_store_lists(tmp_path if whole_folder else path).values()
    assert [(record.store_id, record.division, record.name) for record in records] == [
        ("LQR:1234", "Liquorland", "N/A"),
        ("COL:1", None, "N/A"),
    ]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["Mon: 8-20"], ["Mon: 8-20"]),
        ([{"Day": "Mon", "Hours": "8-20"}], ["Mon 8-20"]),
        ({"Mon": "8-20"}, ["Mon: 8-20"]),
        ("daily 8-20", ["daily 8-20"]),
        ([], None),
        (None, None),
    ],
)
def test_hours_become_lines(tmp_path: Path, given: Any, read: Any) -> None:
    document = {"company": "aldi", "store_id": "G101", "trading_hours": given}
    assert read_store_lists(source(tmp_path, document))["aldi"][0].hours == read


def test_numbers_where_text_is_usual_are_text(tmp_path: Path) -> None:
    document = {"company": "iga", "store_id": 15134, "postcode": 800, "retailer_store_id": 183}
    record = read_store_lists(source(tmp_path, document))["iga"][0]
    assert (record.store_id, record.postcode, record.retailer_store_id) == ("15134", "800", "183")


ALDI = {"company": "aldi", "store_id": "G101"}


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ([], "no stores in it"),
        ({"stores": []}, "no stores in it"),
        ("text", "entry 1: a str, expected an object"),
        (7, "entry 1: a int, expected an object"),
        ([[ALDI]], "entry 1: a list, expected an object"),
        ([ALDI, None], "entry 2: a NoneType, expected an object"),
        ({"metadata": "aldi", "stores": [ALDI]}, "metadata: a str, expected an object"),
        ({"metadata": {"company": "aldi"}, "stores": ["G101"]}, "store 1: a str, expected an object"),
        ({"metadata": {"company": "aldi"}, "store_data": []}, "store_data: a list, expected an object"),
        ({}, "a store of company '' with store_id ''; expected a store_id and one of aldi, coles, iga, woolworths"),
        ({"company": "spar", "store_id": "1"}, "a store of company 'spar' with store_id '1'"),
        ({"company": "aldi", "store_id": " "}, "a store of company 'aldi' with store_id ''"),
        (ALDI | {"latitude": "north"}, "aldi store 'G101': latitude is 'north', expected degrees"),
        (ALDI | {"latitude": True}, "latitude is True, expected degrees"),
        (ALDI | {"longitude": [1]}, r"longitude is \[1\], expected degrees"),
        (ALDI | {"longitude": "nan"}, "longitude is 'nan', expected degrees"),
        (ALDI | {"suburb": ["Dalby"]}, r"suburb is \['Dalby'\], expected text"),
        (ALDI | {"division": {"name": "x"}}, "division is {'name': 'x'}, expected text"),
        (ALDI | {"store_name": "x" * 256}, "name is longer than 255 characters"),
        (ALDI | {"phone": "1\0"}, "phone holds a NUL character"),
        (ALDI | {"store_id": "G" * 41}, "store_id is longer than 40 characters"),
    ],
)
def test_a_malformed_list_is_one_clear_line_that_names_the_file(tmp_path: Path, document: Any, line: str) -> None:
    path = source(tmp_path, document)
    with pytest.raises(RefusedFileError, match=line) as refusal:
        read_store_lists(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("stores", "others", "line"),
    [
        ([pk_store()], {"company": None}, "needs the company numbers beside it"),
        ([pk_store()], {"division": None}, "needs the division numbers beside it"),
        ([pk_store()], {"company": {}}, "companies.company.json.gz: holds no list"),
        ([pk_store()], {"company": [7]}, "entry 1: a int, expected an object"),
        ([pk_store()], {"company": [{"pk": 2}]}, "fields of entry 1: a NoneType"),
        ([pk_store(company=3)], {}, "a store of company '3'"),
        ([pk_store(), {"pk": 1, "model": "companies.company"}], {}, "entry 2 is no store"),
        ([pk_store(), 7], {}, "entry 2 is no store"),
        ([{"model": "companies.store", "pk": 1}], {}, "fields of entry 1: a NoneType, expected an object"),
    ],
)
def test_a_broken_fixture_set_is_one_clear_line(tmp_path: Path, stores: Any, others: Any, line: str) -> None:
    with pytest.raises(RefusedFileError, match=line):
        read_store_lists(fixture_set(tmp_path, stores, **others))


def test_what_cannot_be_read_as_json_says_so(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(ALDI).encode() * 50)
    damaged = bytearray(packed)
    damaged[12] ^= 0xFF
    for name, raw in {
        "a.json": b'{"half"',
        "b.json": b"\xff\xfe",
        "c.json.gz": b"plain",
        "d.json.gz": packed[:30],
        "e.json.gz": bytes(damaged),
        "f.json": b"[" * 5000,
    }.items():
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(RefusedFileError, match=f"{name}: cannot be read as JSON"):
            read_store_lists(tmp_path / name)


def test_a_missing_path_and_an_empty_folder_say_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=f"no such file or folder; expected {SHAPES}"):
        read_store_lists(tmp_path / "nowhere")
    with pytest.raises(RefusedFileError, match="no stores in it"):
        read_store_lists(tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from([*WYNYARD, "company", "name", "address", "hours", "metadata", "stores", "store_data"])
store_like = st.fixed_dictionaries(
    {"company": st.sampled_from(["aldi", "coles"]) | json_values, "store_id": st.just("G101") | json_values},
    optional=dict.fromkeys(["latitude", "division", "trading_hours", "suburb", "is_trading"], json_values),
)
fixture_like = st.fixed_dictionaries(
    {"pk": json_values, "model": st.just("companies.store") | json_values},
    optional={"fields": store_like | json_values},
)
documents = (
    json_values
    | st.dictionaries(keys, json_values | store_like, max_size=4)
    | st.lists(store_like | fixture_like | json_values, max_size=3)
    | st.builds(lambda metadata, stores: {"metadata": metadata, "stores": stores}, json_values, st.lists(store_like))
)


@settings(max_examples=150, deadline=None)
@given(document=documents)
def test_arbitrary_json_is_stores_or_one_clear_line(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    path = fixture_set(tmp_path_factory.mktemp("any"), document, "json")
    refusals: list[str] = []
    try:
        read_store_lists(path)
    except RefusedFileError as refusal:
        refusals.append(str(refusal))
    assert not any("\n" in line for line in refusals)


def test_a_sweep_gives_its_stores_and_its_closing_line(tmp_path: Path) -> None:
    stores = [shop("G101", hours=["Mon"]), shop("G102")]
    closing, records = read_sweep(write_sweep(tmp_path, AT, stores))
    assert (closing.company, closing.rows, records) == ("aldi", 2, stores)


def test_a_sweep_with_anything_else_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="line 1: a product; expected one store"):
        read_sweep(write_crawl(tmp_path, [product("a1", "A", 1)], [category("A", AT)]))
    with pytest.raises(RefusedFileError, match="the crawl of store G101, expected a store sweep"):
        read_sweep(write_crawl(tmp_path, [], [category("A", AT)]))
    with pytest.raises(RefusedFileError, match="line 1: a store needs a store_id"):
        read_sweep(write_sweep(tmp_path, AT, [shop("")]))
    with pytest.raises(RefusedFileError, match="line 1: suburb is longer than 120 characters"):
        read_sweep(write_sweep(tmp_path, AT, [shop("G101", suburb="x" * 121)]))
    with pytest.raises(RefusedFileError, match="closing line: spider is longer than 60 characters"):
        read_sweep(write_sweep(tmp_path, AT, [shop("G101")], spider="s" * 61))


def test_half_a_sweep_is_refused(tmp_path: Path) -> None:
    path = write_sweep(tmp_path, AT, [shop("G101")])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CrawlFileError, match="truncated"):
        read_sweep(path)
