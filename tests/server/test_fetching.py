"""Fetching: the exports of a real server through its client's cache."""

import gzip
import json

import pytest
import sqlalchemy as sa
from limits import parse

from splitcart.config import Settings
from splitcart.database import transaction
from splitcart.database.models import Sku
from splitcart.errors import InputError
from splitcart.server.exports import PAGE_STORES
from splitcart.transfer import EXPORTS, Client, ExportedSku, Exports, TransferError
from tests.grouping.factory import BASE, SmallChain, day
from tests.server.conftest import KEY


@pytest.fixture
def chain(engine) -> SmallChain:
    chain = SmallChain(engine, ["G101", "G102", "G103"])
    chain.crawl("G101", BASE, day(0))
    return chain


@pytest.fixture
def exports(server, chain, tmp_path):
    with Exports(Client(server.url, KEY, attempts=1), tmp_path / "cache") as exports:
        yield exports


def test_rows_come_typed_through_the_cache(exports):
    assert {row.sku for row in exports.rows(ExportedSku, company="aldi")} == {str(number) for number in BASE}


def test_only_what_has_changed_is_fetched_again(exports, engine):
    first = exports.fetch("skus")
    assert (first.rows, first.pages_new) == (len(BASE), 1)
    again = exports.fetch("skus")
    assert (again.pages_new, again.paths, again.rows) == (0, first.paths, first.rows)
    with transaction(engine) as session:
        session.execute(sa.update(Sku).where(Sku.code == "41").values(barcode="9300601000012"))
    changed = exports.fetch("skus")
    assert changed.pages_new == 1
    assert not first.paths[0].exists()
    assert sum(row.barcode == "9300601000012" for row in exports.rows(ExportedSku)) == 1


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_page_that_is_gone_is_fetched_again(exports):
    (path,) = exports.fetch("skus").paths
    path.unlink()
    assert exports.fetch("skus").pages_new == 1
    assert path.is_file()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_two_fetches_of_the_same_do_not_write_into_each_other(exports):
    def meanwhile(_page):
        with pytest.raises(TransferError, match="another fetch of the same skus is running"):
            exports.fetch("skus")

    assert exports.fetch("skus", progress=meanwhile).rows == len(BASE)
    assert exports.fetch("skus").rows == len(BASE)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_was_fetched_is_written_as_one_file_with_a_closing_line(exports, tmp_path):
    fetched = exports.fetch("skus", company="aldi")
    fetched.write(tmp_path / "out" / "skus.jsonl.gz")
    *rows, closing = map(json.loads, gzip.decompress((tmp_path / "out/skus.jsonl.gz").read_bytes()).splitlines())
    assert len(rows) == closing["batch"]["count"] == len(BASE)
    assert closing["batch"]["inputs"] == {"company": "aldi"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["skus.jsonl.gz"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_unknown_export_is_refused_and_a_refused_filter_is_told(exports):
    with pytest.raises(InputError, match="unknown export 'wishes'; known: "):
        exports.fetch("wishes")
    with pytest.raises(TransferError, match="company 'nobody' is not known here"):
        exports.fetch("skus", company="nobody")


def test_a_full_export_of_all_shops_of_the_country_stays_far_below_a_keys_rate():
    """5,701 shops, the two kinds of prices in pages and the rest in one answer each, all within one window."""
    pages = 2 * -(-5701 // PAGE_STORES) + len(EXPORTS) - 2
    rate = parse(Settings.model_fields["rate_internal"].default)
    assert 10 * pages < rate.amount
    assert rate.get_expiry() == 60
