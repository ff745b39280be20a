"""Why a store was confirmed, a rogue or left pending, told from the log and the same rules."""

import json

import pytest
import sqlalchemy as sa

from grouping.explaining import explain_pair, explain_store
from grouping.references import Step
from grouping.snapshots import read_catalogue
from splitcart.config import get_settings
from splitcart.database import reading, transaction
from splitcart.database.models import Category, GroupEvent, Sku, Store, StoreGroup
from splitcart.errors import InputError
from tests.cli.front_door import splitcart
from tests.grouping.factory import BASE, ROOTS, SmallChain, day, dearer

REGION = dearer(BASE, range(12))  # 12 of 40 produce skus
LATER = day(9)
FLIPPED = dearer(BASE, range(100, 160), by=25)  # 60 of 200 skus change in the night


@pytest.fixture
def chain(sqlite):
    """G001 to G003 founded one group on the first day; G003, the last one seen, is its Ambassador."""
    chain = SmallChain(sqlite, ["G001", "G002", "G003"])
    for position, store_id in enumerate(chain.stores):
        chain.crawl(store_id, BASE, day(0, position))
    chain.run(day(0, 4))
    return chain


def explain(chain, store_id, other=None, at=LATER, most_skus=5, scope=None):
    with reading(chain.engine) as session:
        step = Step(session, chain.chain, chain.company_id, read_catalogue(session, chain.company_id), at)
        step = step.about(chain.roots[scope] if scope else None)
        rows = [session.get(Store, chain.stores[name]) for name in (store_id, other) if name]
        if other:
            return explain_pair(step, *rows, most_skus)
        return explain_store(step, rows[0], most_skus)


def test_a_confirmed_store_is_told_with_the_figures_of_the_log(chain):
    chain.crawl("G001", dearer(BASE, [150]), day(1))
    chain.run(day(1, 2))
    told = explain(chain, "G001")
    assert (told.kind, told.decided_as, told.group) == ("confirmed", "verdict", "aldi G003")
    assert (told.figures.shared, told.figures.different, told.figures.true_overlap) == (200, 1, 0.995)
    assert (told.candidate.store_id, told.reference.store_id) == ("G001", "G003")
    (line,) = told.skus
    assert (line.code, line.price_cents, line.since, line.other_cents) == ("150", 260, day(1), 250)
    assert "confirmed" in told.reasons[0]
    assert told.logged is None


def test_a_mismatch_waits_for_a_crawl_after_it_and_names_what_is_missing(chain):
    chain.crawl("G001", REGION, day(1))
    before_the_run = explain(chain, "G001", at=day(1, 2))
    assert (before_the_run.kind, before_the_run.decided_at) == ("pending", None)
    chain.run(day(1, 2))
    told = explain(chain, "G001", at=day(1, 3))
    assert told.kind == "pending"
    assert any("the one after it is missing" in line for line in told.reasons)
    produce = told.figures.categories[0]
    assert (produce.category, produce.shared, produce.different, produce.fails) == ("produce", 40, 12, True)
    assert 0 < produce.tail < 1e-9


def test_a_mismatch_that_may_still_be_rolled_out_names_the_crawl_that_is_missing(chain):
    chain.crawl("G001", dearer(BASE, range(60, 76)), day(1))
    chain.crawl("G003", BASE, day(1, 2))
    chain.run(day(1, 4))
    told = explain(chain, "G001")
    assert told.kind == "pending"
    assert "not reached every store yet: a crawl at least 12 h after it is missing." in told.reasons[-1]


def test_a_rogue_is_told_by_the_skus_that_stood_still(chain):
    chain.crawl("G001", REGION, day(1))
    chain.crawl("G003", dearer(BASE, range(190, 194)), day(3))
    chain.run(day(3, 2))
    told = explain(chain, "G001")
    assert (told.kind, told.bracket.shared, told.bracket.stable) == ("rogue", 200, 196)
    assert [crawl.store_id for crawl in (*told.bracket.before, *told.bracket.after)] == ["G003", "G003"]
    assert "place, not time" in told.reasons[-1]
    assert {line.category for line in told.skus} == {"produce"}
    assert len(told.skus) == 5 < told.figures.different == 12
    assert told.logged is None
    assert [entry.kind for entry in told.decisions] == ["suspended", "verdict", "founded"]
    assert "suspended since 2026-03-05 02:00" in told.standing[0]


def test_a_difference_that_was_time_is_told_as_time(chain):
    chain.crawl("G001", FLIPPED, day(1))
    chain.crawl("G003", FLIPPED, day(3))
    chain.run(day(3, 2))
    chain.crawl("G001", dearer(FLIPPED, range(30)), day(5))  # the first of 90 new prices
    chain.crawl("G003", dearer(FLIPPED, range(90)), day(9))
    chain.run(day(9, 2))
    told = explain(chain, "G001")
    assert (told.kind, told.bracket.shared, told.bracket.stable) == ("confirmed", 200, 110)
    assert told.bracket.moved_within == (day(5, 1), day(9))
    assert told.logged is None  # though by now the list says of that time what the candidate showed
    assert "what differs besides is time" in told.reasons[-1]


def test_what_the_log_kept_is_shown_where_today_gives_another_answer(chain):
    chain.crawl("G001", BASE, day(1))
    chain.run(day(1, 2))
    with transaction(chain.engine) as session:
        event = session.query(GroupEvent).filter_by(kind="verdict").one()
        event.figures = {**event.figures, "equal": 190}
    assert explain(chain, "G001").logged == {"true_overlap": 1.0, "shared": 200, "equal": 190}


def test_an_overruled_ambassador_is_told_by_the_store_that_took_its_place(chain):
    moved = dearer(BASE, range(200))
    for at, store_id in enumerate(("G001", "G002")):
        chain.crawl(store_id, moved, day(1 + at))
        chain.crawl("G003", BASE, day(1 + at, 14))
        chain.run(day(1 + at, 16))
    told = explain(chain, "G003")
    assert (told.kind, told.decided_as, told.figures.equal) == ("rogue", "ambassador_rogue", 0)
    assert "the Ambassador was the rogue" in told.reasons[-1]


def test_an_outlier_is_measured_against_the_list_most_like_its_own(sqlite):
    chain = SmallChain(sqlite, ["G001", "G002", "G003"])
    for position, store_id in enumerate(("G001", "G002")):
        chain.crawl(store_id, BASE, day(0, position))
    chain.crawl("G003", dearer(BASE, range(0, 200, 2)), day(0, 3))
    chain.run(day(0, 5))
    told = explain(chain, "G003")
    assert (told.kind, told.group, told.figures.true_overlap) == (None, "aldi G002", 0.5)
    assert "is below 98%" in " ".join(told.reasons)
    assert "never been in a group" in told.standing[0]


def test_two_stores_are_compared_and_time_is_told_from_place(chain):
    chain.crawl("G001", REGION, day(1))
    told = explain(chain, "G001", "G002")
    assert (told.figures.different, told.candidate.store_id, told.reference.store_id) == (12, "G001", "G002")
    assert "may be time" in told.reasons[-1]
    chain.crawl("G002", BASE, day(4))
    assert "place, not time" in explain(chain, "G001", "G002").reasons[-1]
    assert "one list" in explain(chain, "G002", "G003").reasons[-1]


def test_a_category_that_is_partial_is_not_compared(chain):
    chain.crawl("G001", REGION, day(1), roots=("dairy", "pantry"))
    told = explain(chain, "G001")
    assert {line.category for line in told.figures.categories} == {"dairy", "pantry"}
    assert told.figures.shared == len(ROOTS["dairy"]) + len(ROOTS["pantry"])


def test_a_place_in_a_category_group_is_told_on_that_category_alone(sqlite):
    chain = SmallChain(sqlite, ["G001", "G002", "G003", "G004"])
    for number, store_id in enumerate(("G001", "G002", "G003")):
        chain.crawl(store_id, dearer(BASE, range(40, 200), by=1 + number), day(0, number))
    chain.crawl("G004", dearer(BASE, range(200), by=9), day(0, 3))
    chain.run(day(0, 5))
    chain.crawl("G001", BASE, day(1), roots=("produce",))
    waiting = explain(chain, "G001", at=day(1, 1), scope="produce")
    assert (waiting.kind, waiting.decided_at, waiting.group) == ("confirmed", None, "aldi G003: produce")
    chain.run(day(1, 2))
    told = explain(chain, "G001", scope="produce")
    assert (told.kind, told.category, told.group) == ("confirmed", "produce", "aldi G003: produce")
    assert (told.figures.shared, told.figures.different, told.logged) == (40, 0, None)
    assert {entry.group for entry in told.decisions} == {"aldi G003: produce"}
    assert explain(chain, "G001").figures is None  # of whole lists there are no groups
    assert explain(chain, "G001", "G002", scope="produce").figures.true_overlap == 1
    apart = explain(chain, "G004", scope="produce")
    assert (apart.kind, apart.group, apart.figures.true_overlap) == (None, "aldi G003: produce", 0)


def test_an_exception_is_told_by_the_list_that_it_is_an_exception_from(chain):
    chain.crawl("G001", REGION, day(1))
    chain.crawl("G003", BASE, day(3))
    for at in (3, 4):  # suspended; with the tie-breaker's help ejected, and back with an exception
        chain.crawl("G002", BASE, day(at, 1))
        chain.run(day(at, 3))
    assert "produce: keeps its own prices" in explain(chain, "G001").standing
    told = explain(chain, "G001", scope="produce")
    assert (told.group, told.figures.shared, told.figures.different) == ("aldi G003", 40, 12)
    assert "place, not time" in told.reasons[-1]


def test_stores_that_cannot_be_compared_are_refused(sqlite):
    chain = SmallChain(sqlite, ["G001", "G002"])
    chain.crawl("G001", BASE, day(0))
    with pytest.raises(InputError, match="aldi/G002 was never crawled completely"):
        explain(chain, "G001", "G002")
    with pytest.raises(InputError, match="G001 is one store"):
        explain(chain, "G001", "G001")
    assert explain(chain, "G001").reasons == ["the company has no groups yet; splitcart group run finds them"]


def test_the_command_prints_a_table_or_json(chain, monkeypatch):
    chain.crawl("G001", REGION, day(1))
    chain.run(day(1, 2))
    monkeypatch.setenv("SPLITCART_DATABASE_URL", str(chain.engine.url))
    get_settings.cache_clear()
    monkeypatch.setenv("COLUMNS", "100")
    printed = splitcart("group", "explain", "G001", "--skus", "3").output
    assert "pending in aldi G003" in printed
    assert "(the first 3 of 12)" in printed
    document = json.loads(splitcart("group", "explain", "G001", "G002", "--company", "aldi", "--json").output)
    assert (document["other_id"], document["figures"]["different"]) == ("G002", 12)
    refused = splitcart("group", "explain", "woolworths/1", "--company", "aldi")
    assert (refused.exit_code, refused.error.count("\n")) == (2, 1)
    refused = splitcart("group", "explain", "G001", "--category", "fish")
    assert (refused.exit_code, "it has dairy, pantry, produce" in refused.error) == (2, True)
    assert splitcart("group", "explain", "G999").exit_code == 2


def test_an_explanation_fits_eighty_columns_whatever_the_names_are(chain, monkeypatch):
    chain.crawl("G001", REGION, day(1))
    chain.crawl("G003", BASE, day(3))
    chain.run(day(3, 2))
    with transaction(chain.engine) as session:
        session.execute(sa.update(Category).values(name=Category.name + " of a long name, and all that goes with it"))
        session.execute(sa.update(Sku).values(name=Sku.name + " of quite some length, large", code=Sku.code + "0" * 15))
        session.execute(sa.update(StoreGroup).values(name="aldi G003, a group of stores with a long name"))
    monkeypatch.setenv("SPLITCART_DATABASE_URL", str(chain.engine.url))
    get_settings.cache_clear()
    monkeypatch.setenv("COLUMNS", "80")
    printed = splitcart("group", "explain", "G001").output
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    words = printed.split()
    assert all(words.count(number) for number in ("1.10", "1.00", "2026-03-03", "94.00%", "fails"))
