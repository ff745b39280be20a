"""Weather: which requests a rule strikes, and what the client then sees."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from splitcart.replica.sites import Fault, Rule, Weather

NOW = datetime(2026, 11, 5, 2, tzinfo=UTC)


@given(after=st.integers(0, 5), every=st.integers(1, 4), times=st.none() | st.integers(0, 4), length=st.integers(0, 40))
def test_a_rule_strikes_after_some_every_so_often_and_so_many_times(after, every, times, length):
    weather = Weather(Rule(fault=Fault.HTML, after=after, every=every, times=times))
    struck = [number for number in range(1, length + 1) if weather.strike("aldi", None, "/", NOW)]
    assert struck == list(range(after + 1, length + 1, every))[:times]


def test_a_share_of_the_requests_is_struck_the_same_for_the_same_seed():
    def struck(seed):
        weather = Weather(Rule(fault=Fault.HTML, share=0.2, seed=seed))
        return [number for number in range(2000) if weather.strike("aldi", None, "/", NOW)]

    assert 340 < len(struck(1)) < 460
    assert struck(1) == struck(1) != struck(2)
    assert len(set(map(int.__sub__, struck(1)[1:], struck(1)[:-1]))) > 5  # at no rhythm


def test_a_rule_strikes_in_its_moment_by_the_replicas_clock():
    weather = Weather(Rule(fault=Fault.BLOCK, since=NOW, until=NOW + timedelta(hours=1), after=1))
    minutes = [-1, 0, 1, 59, 60]
    struck = [at for at in minutes if weather.strike("aldi", None, "/", NOW + timedelta(minutes=at))]
    assert struck == [1, 59]  # the first in its moment passes; those before it do not count


def test_a_rule_counts_only_what_it_is_about():
    weather = Weather(Rule(fault=Fault.BLOCK, chain="aldi", store="G001", path="product-search", after=1))
    assert not weather.strike("aldi", "G001", "/v3/product-search", NOW)
    for other in (
        ("woolworths", "G001", "/v3/product-search"),
        ("aldi", "G002", "/v3/product-search"),
        ("aldi", "G001", "/v2"),
    ):
        assert not weather.strike(*other, NOW)
    assert weather.strike("aldi", "G001", "/v3/product-search?offset=30", NOW)


def test_rules_can_be_removed_and_cleared():
    weather = Weather()
    first = weather.add(Rule(fault=Fault.HTML))
    weather.add(Rule(fault=Fault.DELAY))
    weather.remove(first)
    assert [rule.fault for rule in weather.rules] == [Fault.DELAY]
    weather.clear()
    assert weather.strike("aldi", None, "/", NOW) == []


@pytest.fixture
def listing(aldi, market):
    store = market.stores("aldi")[0].store_id
    return lambda: aldi("/v3/product-search", servicePoint=store, categoryKey="970000000")


def test_too_many_requests(server, listing):
    server.weather.add(Rule(fault=Fault.RATE_LIMIT, seconds=7, times=1))
    answer = listing()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert listing().status_code == 200


def test_a_429_may_come_without_a_time(server, listing):
    server.weather.add(Rule(fault=Fault.RATE_LIMIT))
    assert "retry-after" not in listing().headers


def test_a_block_page(server, listing, woolworths):
    server.weather.add(Rule(fault=Fault.BLOCK))
    assert (listing().status_code, listing().headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "edgesuite" in woolworths("/apis/ui/PiesCategoriesWithSpecials").text


def test_truncated_json_is_a_whole_message_with_half_a_body(server, listing):
    whole = listing().content
    server.weather.add(Rule(fault=Fault.TRUNCATE))
    answer = listing()
    assert answer.content == whole[: len(whole) // 2]
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_html_in_place_of_json(server, listing):
    server.weather.add(Rule(fault=Fault.HTML))
    assert (listing().status_code, listing().text[:15]) == (200, "<!DOCTYPE html>")


def test_a_server_error(server, listing):
    server.weather.add(Rule(fault=Fault.SERVER_ERROR))
    assert listing().status_code == 500


def test_a_reset_connection(server, listing):
    server.weather.add(Rule(fault=Fault.RESET, times=1))
    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        listing()
    assert listing().status_code == 200
    assert [visit.status for visit in server.book[-2:]] == [None, 200]


def test_a_delay_comes_before_whatever_else_is_struck(server, listing, monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr("splitcart.replica.sites.front.sleep", sleep)
    server.weather.add(Rule(fault=Fault.SERVER_ERROR))
    server.weather.add(Rule(fault=Fault.DELAY, seconds=30))
    assert listing().status_code == 500
    assert waited == [30]


def test_one_store_s_trouble_is_not_another_s(server, aldi, market):
    first, second = (store.store_id for store in market.stores("aldi")[:2])
    server.weather.add(Rule(fault=Fault.BLOCK, store=first, path="product-search"))
    assert aldi("/v3/product-search", servicePoint=first, categoryKey="970000000").status_code == 403
    assert aldi("/v3/product-search", servicePoint=second, categoryKey="970000000").status_code == 200


def test_the_store_of_a_woolworths_request_is_read_from_its_body(server, woolworths, market):
    store = market.stores("woolworths")[3].store_id
    server.weather.add(Rule(fault=Fault.SERVER_ERROR, chain="woolworths", store=store))
    assert woolworths.browse(categoryId="1-E5BEE36E", storeId=store).status_code == 500
    assert woolworths.browse(categoryId="1-E5BEE36E", storeId="1").status_code == 200
