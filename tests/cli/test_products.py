"""``splitcart products`` and ``splitcart update post-process``: merges are listed, undone, and not done again."""

import json
from datetime import UTC, datetime

import pytest

from splitcart.config import get_settings
from tests.cli.front_door import splitcart
from tests.ingest.chains import gtin
from tests.ingest.crawl_files import category, product, write_crawl

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
STORES = {"coles": "COL:0404", "woolworths": "1147"}


@pytest.fixture(autouse=True)
def _two_chains() -> None:
    """Barcodes teach that ``Biscuits`` says nothing; each chain has the same thing without a barcode."""
    names = {
        "coles": ("Rusks", "Wafers", "Tim Tam"),
        "woolworths": ("Rusks Biscuits", "Wafers Biscuits", "Tim Tam Biscuits"),
    }
    for chain, store_id in STORES.items():
        shelf = [
            product(
                f"{chain}{at}", "A", 100, name=name, brand="Acme", size="500g", barcode=gtin(at) if at < 2 else None
            )
            for at, name in enumerate(names[chain])
        ]
        facts = {"company": chain, "store_id": store_id, "crawl_id": chain}
        write_crawl(get_settings().folder("product_inbox"), shelf, [category("A", AT)], **facts)


def test_a_batch_is_post_processed_once_and_says_what_became_one() -> None:
    taken = json.loads(splitcart("update", "products", "--json").output)
    assert taken["totals"]["brands_created"] == 1
    assert taken["totals"]["products_created"] == 4
    assert taken["post_processed"]["products_merged"] == 1
    again = json.loads(splitcart("update", "post-process", "--json").output)
    assert set(again.values()) == {0}


def test_post_process_prints_what_it_did() -> None:
    assert "products merged" in splitcart("update", "products").output
    shown = splitcart("update", "post-process")
    assert (shown.exit_code, shown.error) == (0, "")
    assert "products merged" in shown.output


def test_a_merge_is_listed_undone_and_not_done_again() -> None:
    splitcart("update", "products")
    (merge,) = json.loads(splitcart("products", "merges", "--json").output)
    assert (merge["from"]["name"], merge["into"]["name"], merge["rule"]) == ("Tim Tam Biscuits", "Tim Tam", "fuzzy")
    assert "fuzzy" in splitcart("products", "merges").output
    undone = splitcart("products", "undo", str(merge["id"]))
    assert (undone.exit_code, undone.error) == (0, "")
    assert undone.output.startswith(f"merge {merge['id']} is undone: Tim Tam Biscuits (")
    assert set(json.loads(splitcart("update", "post-process", "--json").output).values()) == {0}
    (merge,) = json.loads(splitcart("products", "merges", "--json").output)
    assert merge["undone_at"] is not None
    twice = splitcart("products", "undo", str(merge["id"]))
    assert twice.exit_code == 2
    assert "is undone already" in twice.error


def test_brands_are_listed_on_their_own() -> None:
    splitcart("update", "products")
    assert json.loads(splitcart("products", "merges", "--brands", "--json").output) == []


def test_a_merge_that_is_not_there_is_an_error_of_one_line() -> None:
    ended = splitcart("products", "undo", "99", "--json")
    assert ended.exit_code == 2
    assert "there is no merge 99; splitcart products merges lists them" in ended.error
