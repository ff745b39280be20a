"""What a Prometheus server reads, and who may."""

import hashlib
import os
from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from splitcart.database import transaction
from splitcart.database.models import Category, Company, Crawl, Lease, Store, StoreCategory
from splitcart.server import BackgroundServer, create_app
from splitcart.transfer import KINDS, reject
from tests.server.conftest import KEY, NOON, crawl_file, fixed_clock
from tests.server.test_uploads import check_problem, on_sqlite


@pytest.fixture
def scrape(server):
    """All samples as {(name, label values…): value}."""

    def read(url: str = server.url, **headers: str) -> dict[tuple[str, ...], float]:
        answer = requests.get(f"{url}/metrics", headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/plain")
        families = text_string_to_metric_families(answer.text)
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}

    return read


def test_uploads_are_counted_by_what_became_of_them(server, send, scrape, engine):
    body = crawl_file()
    send(body), send(body), send(crawl_file(crawl_id="another"))
    send(body, "nothing"), send(body, X_API_Key="wrong"), send(b"x"), send(b"x", "stores")
    send(body, X_Content_SHA256="?")
    counts = {key: value for key, value in scrape().items() if key[0].startswith("splitcart_upload")}
    assert counts == {
        ("splitcart_uploads_total", "products", "accepted"): 2,
        ("splitcart_uploads_total", "products", "known"): 1,
        ("splitcart_upload_bytes_total", "products"): len(body) + len(crawl_file(crawl_id="another")),
        ("splitcart_upload_rejects_total", "other", "unknown_kind"): 1,
        ("splitcart_upload_rejects_total", "products", "no_valid_key"): 1,
        ("splitcart_upload_rejects_total", "products", "not_such_a_file"): 1,
        ("splitcart_upload_rejects_total", "products", "bad_header"): 1,
        ("splitcart_upload_rejects_total", "stores", "not_such_a_file"): 1,
    }


@on_sqlite
def test_all_processes_count_together_and_a_new_one_goes_on(settings, engine, server, send, scrape):
    send(b"x")
    with BackgroundServer(create_app(settings, engine, fixed_clock)) as second:
        headers = {"X-API-Key": KEY, "X-Content-SHA256": hashlib.sha256(b"y").hexdigest()}
        requests.post(f"{second.url}/api/upload/products/", data=b"y", headers=headers, timeout=20)
        rejects = ("splitcart_upload_rejects_total", "products", "not_such_a_file")
        assert scrape()[rejects] == scrape(second.url)[rejects] == 2


@on_sqlite
def test_a_failure_that_nobody_foresaw_is_counted(settings, engine, server, send, scrape, caplog):
    def fail(*_args) -> None:
        raise ZeroDivisionError

    sa.event.listen(engine, "before_cursor_execute", fail)
    assert send(crawl_file()).status_code == 500
    sa.event.remove(engine, "before_cursor_execute", fail)
    assert scrape()[("splitcart_upload_rejects_total", "products", "failed")] == 1


@on_sqlite
def test_files_that_wait_are_counted_by_kind_with_the_age_of_the_oldest(send, scrape, settings):
    for number, hours in enumerate((1, 3)):
        send(crawl_file(crawl_id=str(number)))
        path = next(settings.data_dir.glob(f"product_inbox/{number}-*"))
        at = (NOON - timedelta(hours=hours)).timestamp()
        os.utime(path, (at, at))
    send(crawl_file(crawl_id="bad"))
    reject(settings.data_dir, next(settings.data_dir.glob("product_inbox/bad-*")), "no such store")
    found = scrape()
    assert found[("splitcart_inbox_files", "products")] == 2
    assert found[("splitcart_inbox_age_seconds", "products")] == 3 * 3600
    assert {found[("splitcart_inbox_files", kind)] for kind in KINDS} == {0, 2}
    assert found[("splitcart_inbox_age_seconds", "stores")] == 0
    assert found[("splitcart_rejected_files",)] == 1
    assert found[("splitcart_disk_free_bytes",)] > 1_000_000


def test_freshness_and_leases_are_told_by_company(scrape, engine):
    hour = timedelta(hours=1)
    with transaction(engine) as session:
        aldi, coles = Company(slug="aldi", name="ALDI"), Company(slug="coles", name="Coles")
        session.add_all([aldi, coles])
        session.flush()
        dairy = Category(company_id=aldi.id, name="Dairy", path="Dairy")
        stores = [Store(company_id=aldi.id, store_id=f"G10{number}", name="x") for number in range(6)]
        crawl = Crawl(
            crawl_id="x", company_id=aldi.id, spider="aldi", complete=True, finish_reason="finished", scope=[]
        )
        crawl.counts, crawl.rows, crawl.sha256, crawl.file = {}, 0, "0" * 64, "ingested/x"
        for field in ("started_at", "finished_at", "observed_from", "observed_to", "ingested_at"):
            setattr(crawl, field, NOON)
        session.add_all([dairy, crawl, *stores])
        session.flush()
        for store, age in zip(stores, (2, 30), strict=False):
            session.add(
                StoreCategory(store_id=store.id, category_id=dairy.id, crawl_id=crawl.id, covered_at=NOON - age * hour)
            )
        for store, leased, released, outcome in (
            (stores[0], 0.5, None, None),
            (stores[1], 0.5, None, None),
            (stores[2], 9, None, None),
            (stores[3], 9, 8, "finished"),
            (stores[4], 9, 8, "failed"),
            (stores[5], 30, 29, "failed"),
        ):
            at = NOON - leased * hour
            session.add(
                Lease(
                    company_id=aldi.id,
                    store_id=store.id,
                    worker="w",
                    mode="discovery",
                    kind="target",
                    reason="r",
                    leased_at=at,
                    expires_at=at + hour,
                    released_at=None if released is None else NOON - released * hour,
                    outcome=outcome,
                )
            )
    found = {key: value for key, value in scrape().items() if key[1:2] in {("aldi",), ("coles",)}}
    assert found == {
        ("splitcart_stores", "aldi"): 6,
        ("splitcart_stores", "coles"): 0,
        ("splitcart_stores_covered", "aldi"): 2,
        ("splitcart_stores_covered", "coles"): 0,
        ("splitcart_coverage_age_seconds", "aldi", "newest"): 2 * 3600,
        ("splitcart_coverage_age_seconds", "aldi", "oldest"): 30 * 3600,
        ("splitcart_leases", "aldi", "held"): 2,
        ("splitcart_leases", "aldi", "overdue"): 1,
        ("splitcart_leases_ended", "aldi", "finished"): 1,
        ("splitcart_leases_ended", "aldi", "failed"): 1,
    }


def test_without_a_database_the_rest_is_told(settings, tmp_path, scrape):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'gone' / 'x.db'}")
    with BackgroundServer(create_app(settings, engine, fixed_clock)) as server:
        found = scrape(server.url)
    engine.dispose()
    assert found[("splitcart_database_up",)] == 0
    assert ("splitcart_inbox_files", "products") in found


@on_sqlite
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_who_comes_through_a_proxy_needs_a_key(header, server, scrape):
    through = {header: "127.0.0.1"}
    check_problem(requests.get(f"{server.url}/metrics", headers=through, timeout=20), 401, "missing")
    assert scrape(**through, **{"X-API-Key": KEY})[("splitcart_database_up",)] == 1


@on_sqlite
def test_who_is_behind_the_proxy_is_who_has_to_wait(settings, engine):
    """Rates go by the address that a proxy on this machine names, not by the proxy's."""
    settings = settings.model_copy(update={"rate_anon": "2/minute"})
    with BackgroundServer(create_app(settings, engine, fixed_clock)) as server:

        def status(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return requests.post(f"{server.url}/api/upload/products/", headers=headers, timeout=20).status_code

        assert [status("203.0.113.7") for _ in range(3)] == [401, 401, 429]
        assert status("203.0.113.8") == 401
        assert status("203.0.113.9, 203.0.113.7") == 429  # what a caller writes before the proxy's word counts nothing
