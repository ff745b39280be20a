"""Files of the earlier shape: what they are read as, which of their categories are complete, what refuses them."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from splitcart.database import open_database, reading
from splitcart.database.models import Coverage, Crawl, Price, PriceHistory, Sku
from splitcart.ingest import CrawlIngester, RefusedFileError
from splitcart.ingest.legacy import References, convert_legacy, scan_legacy
from splitcart.ingest.outcomes import ProductsUpdate
from splitcart.ingest.reading import ParsedCrawl, read_crawl
from splitcart.ingest.updates import update_legacy_products
from tests.ingest.crawl_files import category, product, write_crawl

NOW = datetime(2026, 3, 20, tzinfo=UTC)


@pytest.fixture
def ingester(sqlite: sa.Engine, tmp_path: Path) -> CrawlIngester:
    return CrawlIngester(sqlite, tmp_path / "data", lambda: NOW)


@pytest.fixture
def either(engine: sa.Engine, tmp_path: Path) -> CrawlIngester:
    """What reads or writes the database runs on both."""
    return CrawlIngester(engine, tmp_path / "data", lambda: NOW)


def row(sku: Any, root: str = "Dairy", price: Any = 1.99, **details: Any) -> dict[str, Any]:
    return {"sku": sku, "name": f"Article {sku}", "category_path": [root, "Leaf"], "price_current": price, **details}


def rows(root: str, count: int) -> list[dict[str, Any]]:
    return [row(f"{root[0]}{number}", root) for number in range(count)]


def legacy_file(
    folder: Path, products: Iterable[Any], store_id: str = "G101", day: str = "2025-09-23", **metadata: Any
) -> Path:
    """Write one file of the earlier shape; a product given as text becomes a line as it is."""
    facts = {"company": "aldi", "store_id": store_id, "state": "qld", "scraped_date": day, **metadata}
    lines = [
        entry if isinstance(entry, str) else json.dumps({"product": entry, "metadata": facts}) for entry in products
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{store_id}-{day}.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n", mtime=0))
    return path


def converted(ingester: CrawlIngester, *paths: Path) -> list[ParsedCrawl]:
    files = scan_legacy(list(paths))
    with reading(ingester.engine) as session:
        references = References(session, files)
    return [read_crawl(convert_legacy(file, references, ingester.data_dir / "made")) for file in files]


def complete(crawl: ParsedCrawl) -> set[str]:
    return {name for name, entry in crawl.categories.items() if entry.complete}


def test_every_field_that_says_something_is_taken(ingester: CrawlIngester, tmp_path: Path) -> None:
    given = row(
        7,
        price=3.5,
        price_was=4.0,
        brand="Acme",
        size="500 g",
        barcode="9310645321899",
        per_unit_price_string="$0.70 per 100 g",
        is_available=False,
        health_star_rating=4.5,
        image_url="https://example.org/7.png",
    )
    (crawl,) = converted(ingester, legacy_file(tmp_path, [given]))
    read = crawl.rows[0].product()
    assert (read.sku, read.name, read.category_path) == ("7", "Article 7", ("Dairy", "Leaf"))
    assert (read.price_cents, read.was_cents, read.unit_price_cents, read.unit_measure) == (350, 400, 700, "1 kg")
    assert (read.brand, read.size, read.barcode, read.barcode_is_local) == ("Acme", "500 g", "9310645321899", False)
    assert (read.health_star, read.image_url) == (4.5, "https://example.org/7.png")
    assert read.available is True, "ALDI's flag says nothing; to be listed is to be available"
    closing = crawl.closing
    assert (closing.company, closing.store_id, closing.spider) == ("aldi", "G101", "legacy")
    assert closing.store_verified is None


def test_a_was_price_that_is_no_higher_says_nothing(ingester: CrawlIngester, tmp_path: Path) -> None:
    given = [row(1, price=2.0, price_was=2.0), row(2, price=2.0, price_was=1.0), row(3, price=None, price_was=1.0)]
    (crawl,) = converted(ingester, legacy_file(tmp_path, given))
    assert [read.product().was_cents for read in crawl.rows] == [None, None, None]


@pytest.mark.parametrize("price", [None, "free", -1, 0, True, [1], {"aud": 1}, 1e300, "1e999999999"])
def test_a_price_that_is_none_leaves_the_sku_seen(ingester: CrawlIngester, tmp_path: Path, price: Any) -> None:
    result = update_legacy_products(ingester, [legacy_file(tmp_path / "in", [row(1, price=price), row(2)])])
    assert not result.refused
    assert (result.crawls[0].rows, result.crawls[0].counts["created"], result.crawls[0].counts["gaps"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("state", "day", "begin", "hours"),
    [
        ("qld", "2025-10-05", "2025-10-04T14:00", 24),
        ("NSW", "2025-10-05", "2025-10-04T14:00", 23),
        ("Victoria", "2026-04-05", "2026-04-04T13:00", 25),
        ("WA", "2025-10-05", "2025-10-04T16:00", 24),
        ("SA", "2026-04-05", "2026-04-04T13:30", 25),
        ("nt", "2025-10-05", "2025-10-04T14:30", 24),
        (None, "2025-12-01", "2025-11-30T13:00", 24),
        (6018, "2025-12-01", "2025-11-30T13:00", 24),
    ],
)
def test_a_date_is_the_stores_whole_local_day(
    ingester: CrawlIngester, tmp_path: Path, state: Any, day: str, begin: str, hours: int
) -> None:
    (crawl,) = converted(ingester, legacy_file(tmp_path, [row(1)], day=day, state=state))
    assert crawl.observed_from == datetime.fromisoformat(begin).replace(tzinfo=UTC)
    assert (
        crawl.observed_to - crawl.observed_from
    ).total_seconds() == hours * 3600 - 1  # the next day's begins a second later


def test_an_instant_in_place_of_a_date_gives_its_day(tmp_path: Path) -> None:
    path = legacy_file(tmp_path, [row(1)], scraped_date=None, scraped_at="2025-09-23T22:10:00+10:00")
    assert scan_legacy([path])[0].day.isoformat() == "2025-09-23"


def test_the_stores_own_last_complete_count_is_the_first_reference(ingester: CrawlIngester, tmp_path: Path) -> None:
    paths = [
        legacy_file(tmp_path, rows("Dairy", 100) + rows("Pets", 40), day="2025-09-12"),
        legacy_file(tmp_path, rows("Dairy", 90) + rows("Pets", 35), day="2025-09-13"),
        legacy_file(tmp_path, rows("Dairy", 81) + rows("Pets", 40), day="2025-09-14"),
        legacy_file(tmp_path, rows("Dairy", 80), day="2025-09-15"),
    ]
    crawls = converted(ingester, *reversed(paths))
    assert [complete(crawl) for crawl in crawls] == [{"Dairy", "Pets"}, {"Dairy"}, {"Dairy", "Pets"}, {"Dairy"}]
    assert crawls[1].categories["Pets"].problem == "35 rows where 40 were expected"
    assert crawls[3].categories["Pets"].problem == "0 rows where 40 were expected", "absent is not complete"
    assert crawls[3].closing.complete is False


def test_a_store_without_a_past_is_measured_by_the_median_of_its_neighbours(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    paths = [
        legacy_file(tmp_path, rows("Dairy", 100) + rows("Pets", 50), "G101"),
        legacy_file(tmp_path, rows("Dairy", 102) + rows("Pets", 52), "G102", day="2025-09-20"),
        legacy_file(tmp_path, rows("Dairy", 400) + rows("Pets", 51), "G103", day="2025-09-26"),
        legacy_file(tmp_path, rows("Dairy", 93), "G104"),
    ]
    by_store = {crawl.closing.store_id: crawl for crawl in converted(ingester, *paths)}
    assert complete(by_store["G104"]) == {"Dairy"}
    assert by_store["G104"].categories["Pets"].problem == "0 rows where 51 were expected"


@pytest.mark.parametrize(
    "other", [{"day": "2025-09-08"}, {"state": "NSW"}, {"company": "woolworths", "store_id": "1234"}]
)
def test_far_days_other_states_and_other_chains_are_no_neighbours(
    ingester: CrawlIngester, tmp_path: Path, other: dict[str, str]
) -> None:
    far = legacy_file(tmp_path, rows("Dairy", 100), **{"store_id": "G102", **other})
    crawls = converted(ingester, far, legacy_file(tmp_path, rows("Dairy", 20)))
    assert [complete(crawl) for crawl in crawls] == [{"Dairy"}, {"Dairy"}]


def test_small_references_are_not_judged(ingester: CrawlIngester, tmp_path: Path) -> None:
    paths = [
        legacy_file(tmp_path, rows("Dairy", 9) + rows("Pets", 10), day="2025-09-12"),
        legacy_file(tmp_path, rows("Dairy", 1) + rows("Pets", 8), day="2025-09-13"),
    ]
    assert [complete(crawl) for crawl in converted(ingester, *paths)] == [{"Dairy", "Pets"}, {"Dairy"}]


def test_what_the_database_saw_complete_is_a_reference_too(either: CrawlIngester, tmp_path: Path) -> None:
    at = datetime(2025, 9, 22, 16, tzinfo=UTC)  # the 23rd in Queensland
    shelf = [product(f"D{number}", "Dairy", 100) for number in range(100)]
    either.ingest(write_crawl(tmp_path / "own", shelf, [category("Dairy", at)]))
    before = legacy_file(tmp_path / "before", rows("Dairy", 50), day="2025-09-22")
    after = legacy_file(tmp_path / "after", rows("Dairy", 50), day="2025-09-24")
    assert complete(converted(either, after)[0]) == set()
    assert complete(converted(either, before)[0]) == {"Dairy"}, "what comes later is no reference"


def test_a_partial_file_closes_nothing_that_it_misses(either: CrawlIngester, tmp_path: Path) -> None:
    full = rows("Dairy", 20) + rows("Pets", 20)
    paths = [
        legacy_file(tmp_path / "in", full, day="2025-09-12"),
        legacy_file(tmp_path / "in", [row("D0", price=2.5), *rows("Dairy", 20)[2:]], day="2025-09-13"),
    ]
    update = update_legacy_products(either, paths)
    assert [crawl.counts["left"] for crawl in update.crawls] == [0, 1]
    with reading(either.engine) as session:
        gone = session.scalars(
            sa.select(Sku.code).join(Price, Price.sku_id == Sku.id).where(Price.left_at.is_not(None))
        ).all()
        assert gone == ["D1"], "Dairy has 19 of 20 rows and is complete, Pets has none"
        assert session.scalar(sa.select(sa.func.count(Coverage.crawl_id))) == 3


def test_a_sku_listed_twice_counts_once(tmp_path: Path) -> None:
    (file,) = scan_legacy([legacy_file(tmp_path, [row(1), row(1), row(1, "Pets")])])
    assert file.counts == {"Dairy": 1}


@pytest.mark.parametrize("names", [None, [], "", [None, " "], "Uncategorised"])
def test_a_product_without_a_category_is_uncategorised(ingester: CrawlIngester, tmp_path: Path, names: Any) -> None:
    (crawl,) = converted(ingester, legacy_file(tmp_path, [row(1) | {"category_path": names}]))
    assert crawl.rows[0].category_path == ("Uncategorised",)


def test_lines_of_two_stores_or_days_refuse_the_file(tmp_path: Path) -> None:
    first = gzip.decompress(legacy_file(tmp_path, [row(1)]).read_bytes())
    for number, other in enumerate([{"store_id": "G102"}, {"day": "2025-09-24"}, {"state": "nsw"}]):
        mixed = tmp_path / f"mixed{number}.jsonl"
        mixed.write_bytes(first + gzip.decompress(legacy_file(tmp_path / "other", [row(2)], **other).read_bytes()))
        with pytest.raises(RefusedFileError, match="lines of more than one store or day; expected one crawl of one"):
            scan_legacy([mixed])


def test_a_few_bad_lines_make_every_category_incomplete_and_many_refuse_the_file(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    few = [*rows("Dairy", 19), "{"]
    (crawl,) = converted(ingester, legacy_file(tmp_path, few))
    assert (complete(crawl), crawl.closing.stats["bad_lines"]) == (set(), 1)
    assert crawl.categories["Dairy"].problem == "1 lines of the file cannot be read"
    with pytest.raises(RefusedFileError, match="2 bad lines of 21; expected lines like"):
        scan_legacy([legacy_file(tmp_path, [*few, "[]"])])


def test_blank_lines_are_no_lines(ingester: CrawlIngester, tmp_path: Path) -> None:
    (crawl,) = converted(ingester, legacy_file(tmp_path, [row(1), "", row(2), " \r", ""]))
    assert (len(crawl.rows), complete(crawl)) == (2, {"Dairy"})


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        ({"day": "soon"}, "metadata.scraped_date is 'soon', expected a date like 2025-09-23"),
        ({"scraped_date": None}, "metadata.scraped_date is '', expected a date like 2025-09-23"),
        ({"day": "0001-01-01"}, "metadata.scraped_date is 0001-01-01, expected a day from 2000-01-01"),
        ({"day": "9999-12-31"}, "metadata.scraped_date is 9999-12-31, expected a day from 2000-01-01"),
        ({"company": "spar"}, "unknown metadata.company 'spar'; known: aldi, coles, iga, woolworths"),
        ({"company": None}, "unknown metadata.company ''"),
        ({"store_id": ""}, "metadata.store_id '' is no store id of ALDI; expected the form G"),
        ({"store_id": "***"}, r"metadata.store_id '\*\*\*' is no store id of ALDI; expected the form G"),
    ],
)
def test_metadata_that_names_no_crawl_is_one_clear_line(tmp_path: Path, metadata: dict[str, Any], line: str) -> None:
    path = legacy_file(tmp_path, [row(1)], **metadata)
    path = path.rename(tmp_path / "file.jsonl.gz")
    with pytest.raises(RefusedFileError, match=line) as refusal:
        scan_legacy([path])
    assert str(refusal.value).startswith(f"{path}: ")


def test_what_is_no_such_file_is_one_clear_line(tmp_path: Path) -> None:
    packed = legacy_file(tmp_path / "in", rows("Dairy", 50)).read_bytes()
    damaged = bytearray(packed)
    damaged[40] ^= 0xFF
    for name, raw, line in (
        ("empty.jsonl", b"", "0 bad lines of 0; expected lines like"),
        ("other.jsonl", b'{"store": {}}\n', "1 bad lines of 1"),
        ("half.jsonl.gz", packed[:-12], "cannot be read"),
        ("damaged.jsonl.gz", bytes(damaged), "cannot be read|bad lines of"),
        ("plain.jsonl.gz", b"plain", "cannot be read"),
        ("binary.jsonl", b"\xff\x00\xfe", "1 bad lines of 1"),
    ):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(RefusedFileError, match=line):
            scan_legacy([tmp_path / name])
    with pytest.raises(RefusedFileError, match="no such file or folder"):
        scan_legacy([tmp_path / "nowhere"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(RefusedFileError, match=r"no \.jsonl or \.jsonl\.gz files in it"):
        scan_legacy([tmp_path / "bare"])


def facts(engine: sa.Engine) -> list[list[str]]:
    with reading(engine) as session:
        return [
            sorted(repr(tuple(found)) for found in session.execute(sa.select(model.__table__)))
            for model in (Crawl, Coverage, Price, PriceHistory)
        ]


def test_the_same_content_changes_nothing_a_second_time_whatever_its_name_and_packing(
    either: CrawlIngester, tmp_path: Path
) -> None:
    path = legacy_file(tmp_path / "in", rows("Dairy", 12))
    update_legacy_products(either, [path])
    before = facts(either.engine)
    plain = tmp_path / "again.jsonl"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    update = update_legacy_products(either, [path, plain])
    assert [crawl.status for crawl in update.crawls] == ["duplicate", "duplicate"]
    assert facts(either.engine) == before


def test_the_users_files_are_untouched_and_nothing_is_left_over(ingester: CrawlIngester, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    paths = [legacy_file(folder, rows("Dairy", 12), day=f"2025-09-1{day}") for day in range(3)]
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    update = update_legacy_products(ingester, [folder])
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert [crawl.file for crawl in update.crawls] == [str(path) for path in paths]
    assert list((ingester.data_dir / "state" / "legacy").iterdir()) == []
    assert len(list((ingester.data_dir / "ingested/aldi/2025-09").iterdir())) == 3


def test_a_file_that_the_database_refuses_is_named_as_the_user_named_it(
    ingester: CrawlIngester, tmp_path: Path
) -> None:
    good = rows("Dairy", 12)
    path = legacy_file(tmp_path / "in", [*good, row(1, brand="b" * 300), row(2, brand=["x"])])
    update = update_legacy_products(ingester, [path, legacy_file(tmp_path / "in", good, "G102")])
    assert list(update.refused) == [str(path)]
    assert (
        "2 of 14 lines are bad (line 13: Expected `str` of length <= 255 - at `$.product.brand`)"
        in update.refused[str(path)]
    )
    assert [crawl.store_id for crawl in update.crawls] == ["G102"]


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
any_value = values | st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=3), values, max_size=2)
FIELDS = ("category_path", "price_current", "price_was", "brand", "size", "barcode", "per_unit_price_string", "url")
products_like = st.fixed_dictionaries(
    {"sku": st.integers(1, 9) | any_value, "name": st.just("Milk") | any_value},
    optional=dict.fromkeys(FIELDS, any_value),
)
metadata_like = st.fixed_dictionaries(
    {
        "company": st.just("aldi") | any_value,
        "store_id": st.just("G101") | any_value,
        "scraped_date": st.just("2025-09-23") | any_value,
    },
    optional={"state": any_value},
)


@pytest.fixture(scope="module")
def any_database(tmp_path_factory: pytest.TempPathFactory) -> Iterable[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('any')}/any.db")
    yield engine
    engine.dispose()


@settings(max_examples=60, deadline=None)
@given(metadata=metadata_like, products=st.lists(products_like | any_value, min_size=1, max_size=3))
def test_arbitrary_lines_are_rows_or_one_clear_line(
    any_database: sa.Engine,
    tmp_path_factory: pytest.TempPathFactory,
    metadata: dict[str, Any],
    products: list[Any],
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    path = folder / "file.jsonl"
    path.write_text("".join(json.dumps({"product": entry, "metadata": metadata}) + "\n" for entry in products))
    update = ProductsUpdate()
    refusals: list[str] = []
    try:
        update = update_legacy_products(CrawlIngester(any_database, folder / "data", lambda: NOW), [path])
    except RefusedFileError as refusal:
        refusals.append(str(refusal))
    refusals += update.refused.values()
    assert len(update.crawls) + len(refusals) == 1
    assert "\n" not in "".join(refusals)
