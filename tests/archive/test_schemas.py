"""What is published is what the schemas beside it say, and the manifest is true."""

import copy
import hashlib

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from archive import build_all
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import Chain, build, load, products, stamp

KINDS = {"company_data": "company", "store_data": "store", "manifest.json": "manifest"}


def validator(folder, name):
    """A validator made of the schemas that were published with the archive."""
    schemas = [load(path) for path in sorted((folder / "schemas").iterdir())]
    registry = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)
    return Draft202012Validator({"$ref": f"{name}.schema.json"}, registry=registry)


@pytest.fixture
def published(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "coles", "Coles")
        chain.add(m.Division(company_id=chain.company.id, name="Coles Supermarkets"))
        chain.sku("1", "Pantry > Tea", name="Tea", brand="Queen", barcode="9300657003425", health_star=4.5)
        store = chain.store("COL:0404", division_id=1, latitude=-27.5, longitude=153.0, postcode="4000")
        chain.store("COL:9", state="VIC")
        chain.price(store, "1", 450, chain.crawl(store, 0.5, "Pantry"), was_cents=500, unit_measure="1 kg")
    build(build_all, market, folder)
    return folder


def test_schemas_are_schemas(published):
    for path in (published / "schemas").iterdir():
        Draft202012Validator.check_schema(load(path))


def test_every_file_is_valid(published):
    manifest = load(published / "manifest.json")
    names = ["manifest.json", *(name for name, entry in manifest["files"].items() if entry["kind"] != "schema")]
    assert len(names) == 6
    for name in names:
        kind = KINDS[name.split("/")[0]]
        errors = [
            f"{name} {error.json_path}: {error.message}"
            for error in validator(published, kind).iter_errors(load(published / name))
        ]
        assert errors == []


def broken(product, **changes):
    made = copy.deepcopy(product)
    for key, value in changes.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = value
    return made


def test_a_product_without_provenance_is_not_valid(published):
    schema = validator(published, "product")
    milk = products(published / "store_data/aldi/g101.json")["milk"]
    curd = products(published / "store_data/aldi/g101.json")["curd"]
    assert schema.is_valid(milk)
    assert schema.is_valid(curd)
    wrong = [
        broken(milk, source=None),
        broken(milk, inferred_from=None),
        broken(milk, source="direct_scrape"),
        broken(milk, source="guess"),
        broken(milk, seen_at="2026-11-01"),
        broken(milk, price_history=[]),
        broken(milk, offer={"price_cents": 2.2}),
        broken(milk, price="2.20"),
        broken(milk, price_history=[{**milk["price_history"][-1], "inferred_from": 5}]),
        broken(curd, available=True),
        broken(curd, last_seen=None),
        broken(curd, offer={"price_cents": 100}),
    ]
    assert [schema.is_valid(product) for product in wrong] == [False] * len(wrong)


def test_the_manifest_tells_every_file_its_hash_and_size(published):
    manifest = load(published / "manifest.json")
    for name, entry in manifest["files"].items():
        text = (published / name).read_bytes()
        assert (hashlib.sha256(text).hexdigest(), len(text)) == (entry["sha256"], entry["size_bytes"])
    found = {str(path.relative_to(published / "current")) for path in (published / "current").rglob("*.json")}
    assert found == {"manifest.json", *manifest["files"]}


def test_the_manifest_counts_and_dates_what_is_published(published):
    manifest = load(published / "manifest.json")
    entry = manifest["files"]["store_data/aldi/g101.json"]
    assert (entry["company"], entry["store_id"], entry["as_of"]) == ("aldi", "G101", stamp(2))
    assert (entry["counts"]["direct_scrape"], entry["counts"]["inferred_group"]) == (0, 2)
    totals = manifest["totals"]
    assert (manifest["as_of"], totals["files"], totals["stores"]) == (stamp(2), 9, 3)
    assert (totals["oldest_seen_at"], totals["newest_seen_at"]) == (stamp(0.5), stamp(2))
    assert (totals["counts"]["listed"], totals["counts"]["direct_scrape"], totals["counts"]["inferred_group"]) == (
        5,
        3,
        2,
    )
    assert manifest["files"]["company_data/coles.json"]["counts"] == {"total_stores": 2, "active_stores": 2}
