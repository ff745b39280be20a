"""How groups came to be what they are, told from memberships, tenures, audits and the log."""

import json
from datetime import date

import pytest
import sqlalchemy as sa

from grouping.chronicle import tell_group, tell_groups
from grouping.overview import show_group
from splitcart.config import get_settings
from splitcart.database import reading, transaction
from splitcart.database.models import Store, StoreGroup
from splitcart.errors import InputError
from tests.cli.front_door import splitcart
from tests.grouping.factory import BASE, SmallChain, day, dearer

OTHER = dearer(BASE, range(0, 200, 4), by=30)  # a quarter of the list


@pytest.fixture
def chain(sqlite):
    """Three stores found a group; one moves to the list of two others; then these three close but for one."""
    chain = SmallChain(sqlite, ["G001", "G002", "G003", "G004", "G005"])
    for position, store_id in enumerate(chain.stores):
        chain.crawl(store_id, OTHER if store_id in {"G004", "G005"} else BASE, day(0, position))
    chain.run(day(0, 6))
    chain.crawl("G003", dearer(BASE, [150]), day(1))  # the Ambassador's news
    chain.crawl("G002", dearer(BASE, [150, 151]), day(1, 2))
    chain.crawl("G001", OTHER, day(1, 3))
    chain.crawl("G003", dearer(BASE, [150]), day(2))
    chain.run(day(2, 2))
    return chain


def told(chain, *of):
    with reading(chain.engine) as session:
        return tell_group(session, *of, 30) if of else tell_groups(session, "aldi", 30)


def close(chain, store_ids, at):
    with transaction(chain.engine) as session:
        session.execute(sa.update(Store).where(Store.store_id.in_(store_ids)).values(is_active=False))
    chain.run(at)


def test_a_group_is_told_by_its_members_ambassadors_audits_and_log(chain):
    group = chain.group_of("G002")
    story = told(chain, group.id)
    assert [(step.begins, step.joined, step.left, step.members) for step in story.steps] == [
        (date(2026, 3, 2), 3, 0, 3),
        (date(2026, 3, 4), 0, 1, 2),
    ]
    stays = [(line.store_id, line.since, line.until, line.ended_by) for line in story.places]
    assert stays == [
        ("G001", day(0, 6), day(2, 2), "ejected"),
        ("G002", day(0, 6), None, None),
        ("G003", day(0, 6), None, None),
    ]
    assert [(line.store_id, line.since, line.until) for line in story.tenures] == [("G003", day(0, 6), None)]
    (life,) = story.groups
    assert (life.group.members, life.most_members, life.since, life.until) == (2, 3, day(0, 6), None)
    assert {"founded", "ejected", "news"} <= {event.kind for event in story.events}


def test_accuracy_is_told_day_by_day_and_shown_with_the_group(chain):
    group = chain.group_of("G002")
    story = told(chain, group.id)
    first, second = story.accuracy
    assert (first.begins, first.audits, first.inferred, first.accuracy) == (date(2026, 3, 3), 3, 2, 0.5)
    assert (second.audits, second.accuracy) == (1, None)  # the Ambassador's own: nothing was inferred
    with reading(chain.engine) as session:
        details = show_group(session, group.id)
    assert (details.accuracy, details.step_days) == (story.accuracy, 1)


def test_all_groups_are_told_from_their_beginnings_to_their_ends(chain):
    close(chain, ["G004", "G005"], day(60))
    story = told(chain)
    assert [(life.group.name, life.group.members, life.most_members, life.until) for life in story.groups] == [
        ("aldi G003", 2, 3, None),
        ("aldi G005", 0, 3, day(60)),
    ]
    assert story.step_days == 7  # it is a long time
    assert [(step.begins, step.joined, step.left, step.members, step.groups) for step in story.steps] == [
        (date(2026, 3, 2), 6, 1, 5, 2),
        (date(2026, 4, 27), 0, 3, 2, 1),
    ]
    assert (story.events[0].kind, story.events[0].group) == ("dissolved", "aldi G005")
    assert {event.kind for event in story.events} == {"dissolved", "founded", "promoted"}


def test_the_command_prints_tables_of_eighty_columns_or_json(chain, monkeypatch):
    with transaction(chain.engine) as session:
        session.execute(sa.update(StoreGroup).values(name=StoreGroup.name + ", a group of stores with a long name"))
        session.execute(sa.update(Store).values(name="A store with a name of many words, in a place"))
    monkeypatch.setenv("SPLITCART_DATABASE_URL", str(chain.engine.url))
    get_settings.cache_clear()
    monkeypatch.setenv("COLUMNS", "80")
    group_id = str(chain.group_of("G002").id)
    every, one = splitcart("group", "history").output, splitcart("group", "history", group_id).output
    shown = splitcart("group", "show", group_id).output
    for printed in (every, one, shown):
        assert "50.00%" in printed or printed is every
        assert max(map(len, printed.splitlines())) <= 80
        assert "…" not in printed
    assert "how it ended" in one
    document = json.loads(splitcart("group", "history", group_id, "--json").output)
    assert [place["store_id"] for place in document["places"]] == ["G001", "G002", "G003"]
    assert len(json.loads(splitcart("group", "history", "--company", "aldi", "--json").output)["groups"]) == 2
    refused = splitcart("group", "history", "99")
    assert (refused.exit_code, "there is no group 99" in refused.error) == (2, True)
    assert splitcart("group", "history", group_id, "--company", "aldi").exit_code == 2


def test_without_groups_there_is_no_history(sqlite):
    chain = SmallChain(sqlite, ["G001"])
    assert told(chain).groups == []
    with pytest.raises(InputError, match="there is no group 1"):
        told(chain, 1)
