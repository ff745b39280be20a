"""What a reader finds in a store's file."""

from archive import build_stores
from grouping.memberships import join_group
from splitcart.database import models as m
from splitcart.database import transaction
from tests.archive.small_chain import Chain, build, day, load, products, stamp


def test_a_changed_price_has_two_entries_oldest_first(market, folder):
    build(build_stores, market, folder)
    history = products(folder / "store_data/aldi/g100.json")["milk"]["price_history"]
    assert [(entry["since"], entry["until"], entry["offer"]["price_cents"]) for entry in history] == [
        (stamp(0), stamp(1), 200),
        (stamp(1), stamp(2), 210),
        (stamp(2), None, 220),
    ]
    assert {entry["source"] for entry in history} == {"direct_scrape"}


def test_an_inferred_price_names_the_store_that_showed_it(market, folder):
    build(build_stores, market, folder)
    milk = products(folder / "store_data/aldi/g101.json")["milk"]
    assert milk["offer"] == {"price_cents": 220}
    assert (milk["source"], milk["inferred_from"], milk["seen_at"]) == ("inferred_group", "G100", stamp(2))
    assert milk["available"] is None
    assert milk["price_history"] == [
        {"since": stamp(0), "until": stamp(1), "offer": {"price_cents": 200}, "source": "direct_scrape"},
        {"since": stamp(1), "until": stamp(2), "offer": {"price_cents": 210}, "source": "direct_scrape"},
        {
            "since": stamp(2),
            "until": None,
            "offer": {"price_cents": 220},
            "source": "inferred_group",
            "inferred_from": "G100",
        },
    ]


def test_new_range_of_the_group_is_marked_as_never_seen_here(market, folder):
    build(build_stores, market, folder)
    own = products(folder / "store_data/aldi/g100.json")["kefir"]
    inferred = products(folder / "store_data/aldi/g101.json")["kefir"]
    assert (own["source"], "is_new_range" in own) == ("direct_scrape", False)
    assert (inferred["source"], inferred["is_new_range"], inferred["inferred_from"]) == ("inferred_group", True, "G100")


def test_a_delisted_product_stays_with_the_instant_it_was_last_seen(market, folder):
    build(build_stores, market, folder)
    curd = products(folder / "store_data/aldi/g100.json")["curd"]
    assert (curd["listed"], curd["available"]) == (False, False)
    assert (curd["last_seen"], curd["left_at"]) == (stamp(0), stamp(1))
    assert "offer" not in curd
    assert [entry["offer"]["price_cents"] for entry in curd["price_history"]] == [300]


def test_a_delisted_product_was_last_seen_by_the_last_crawl_that_confirmed_it(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.sku("egg", "Eggs")
        store = chain.store("1")
        first = chain.crawl(store, 0, "Eggs")
        for at in (2, 5, 7):
            chain.crawl(store, at, "Eggs")
        chain.price(store, "egg", 500, first, left=7)
    build(build_stores, market, folder, "iga")
    assert products(folder / "store_data/iga/1.json")["egg"]["last_seen"] == stamp(5)


def test_metadata_dates_and_counts_the_file(market, folder):
    build(build_stores, market, folder)
    metadata = load(folder / "store_data/aldi/g101.json")["metadata"]
    assert metadata["data_generation_date"] == stamp(2)
    assert (metadata["oldest_seen_at"], metadata["newest_seen_at"]) == (stamp(2), stamp(2))
    assert metadata["counts"] == {
        "products": 3,
        "listed": 2,
        "delisted": 1,
        "direct_scrape": 0,
        "inferred_group": 2,
        "new_range": 1,
        "history_entries": 5,
    }
    assert metadata["group"] == {
        "name": "Group 1",
        "status": "HEALTHY",
        "ambassador": "G100",
        "since": stamp(0),
        "confirmed_at": stamp(0),
    }
    assert metadata["exceptions"] == []
    assert metadata["store"]["store_id"] == "G101"


def test_categories_are_nested_and_hold_only_what_the_store_has(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "coles", "Coles")
        for code, path in (("b", "Pantry > Oil > Olive"), ("a", "Pantry > Oil > Olive"), ("c", "Pantry"), ("d", "Pet")):
            chain.sku(code, path, name=f"{code} oil")
        store = chain.store("COL:0404")
        crawl = chain.crawl(store, 3, "Pantry")
        for code in "abc":
            chain.price(store, code, 100, crawl)
    build(build_stores, market, folder, "coles")
    (pantry,) = load(folder / "store_data/coles/col-404.json")["categories"]
    assert (pantry["name"], pantry["covered_at"], pantry["total_products"]) == ("Pantry", stamp(3), 3)
    assert [product["sku"] for product in pantry["products"]] == ["c"]
    (oil,) = pantry["children"]
    (olive,) = oil["children"]
    assert (oil["products"], olive["name"], "covered_at" in olive) == ([], "Olive", False)
    assert [product["sku"] for product in olive["products"]] == ["a", "b"]


def test_details_that_are_not_known_are_left_out(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.sku("tea", "Tea", brand="Queen", barcode="9300657003425", health_star=0.0, description="")
        store = chain.store("1")
        chain.price(store, "tea", 450, chain.crawl(store, 0, "Tea"), available=False)
    build(build_stores, market, folder, "iga")
    tea = products(folder / "store_data/iga/1.json")["tea"]
    assert (tea["brand"], tea["barcode"], tea["health_star"]) == ("Queen", "9300657003425", 0.0)
    assert not {"description", "size", "url"} & tea.keys()
    assert (tea["listed"], tea["available"]) == (True, False)


def test_all_parts_of_an_offer_are_published_as_cents(market, folder):
    offer = {
        "was_cents": 600,
        "unit_price_cents": 100,
        "unit_measure": "1 l",
        "special_kind": "half_price",
        "multi_buy_quantity": 2,
        "multi_buy_cents": 500,
        "member_cents": 250,
    }
    with transaction(market) as session:
        chain = Chain(session, "iga", "IGA")
        chain.sku("oil", "Oil")
        store = chain.store("1")
        chain.price(store, "oil", 300, chain.crawl(store, 0, "Oil"), **offer)
    build(build_stores, market, folder, "iga")
    oil = products(folder / "store_data/iga/1.json")["oil"]
    assert oil["offer"] == {"price_cents": 300, **offer} == oil["price_history"][0]["offer"]


def test_a_category_with_own_prices_is_named_as_an_exception(market, folder):
    with transaction(market) as session:
        store = session.query(m.Store).filter_by(store_id="G101").one()
        category = session.query(m.Category).filter_by(path="Dairy").one()
        since = session.query(m.Membership.since).filter_by(store_id=store.id).scalar()
        session.add(m.Membership(store_id=store.id, category_id=category.id, group_id=None, since=since))
    build(build_stores, market, folder)
    metadata = load(folder / "store_data/aldi/g101.json")["metadata"]
    assert metadata["exceptions"] == [{"category": "Dairy", "group": None}]
    assert metadata["group"]["name"] == "Group 1"


def test_news_of_a_category_group_reaches_a_store_that_stands_alone_and_says_from_where(market, folder):
    with transaction(market) as session:
        chain = Chain(session, "coles", "Coles")
        chain.sku("milk", "Dairy")
        chain.sku("tea", "Tea")
        first, other = chain.store("COL:0001"), chain.store("COL:0404")
        for store in (first, other):
            for root, code in (("Dairy", "milk"), ("Tea", "tea")):
                chain.price(store, code, 300, chain.crawl(store, 0, root))
        dairy = session.query(m.Category).filter_by(path="Dairy", company_id=first.company_id).one()
        group = chain.group(first)
        group.category_id, group.name = dairy.id, "coles COL:0001: Dairy"
        session.query(m.Membership).filter_by(group_id=group.id).update({"category_id": dairy.id})
        join_group(session, other.id, group.id, day(0), day(0), category_id=dairy.id)
        chain.news(group, "milk", 350, chain.crawl(first, 2))
    build(build_stores, market, folder, "coles")
    store = load(folder / "store_data/coles/col-404.json")
    assert store["metadata"]["group"] is None
    (exception,) = store["metadata"]["exceptions"]
    assert (exception["category"], exception["group"]["name"]) == ("Dairy", "coles COL:0001: Dairy")
    shown = products(folder / "store_data/coles/col-404.json")
    assert (shown["milk"]["offer"]["price_cents"], shown["milk"]["source"]) == (350, "inferred_group")
    assert shown["milk"]["inferred_from"] == "COL:0001"
    assert (shown["tea"]["offer"]["price_cents"], shown["tea"]["source"]) == (300, "direct_scrape")
