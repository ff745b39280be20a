"""The budget is shared between the phases."""

import msgspec
import pytest

from splitcart.database import transaction
from tests.scheduler.world import CHAIN, World


@pytest.fixture
def both(embedded: World) -> World:
    """Forty stores to discover and forty outliers."""
    embedded.crawl(*embedded.stores_of(embedded.cluster("Perth", 40)), ago=100)
    embedded.cluster("Adelaide", 40)
    return embedded


@pytest.mark.parametrize(("share", "discovered"), [(0, 0), (0.25, 10), (0.5, 20), (1, 40)])
def test_a_long_queue_is_split_exactly(both: World, share: float, discovered: int) -> None:
    both.chain = msgspec.structs.replace(CHAIN, discovery_share=share)
    modes = [entry.mode for entry in both.queue(limit=40)]
    assert abs(modes.count("discovery") - discovered) <= 1


def test_single_leases_are_split_on_average(both: World) -> None:
    modes = [both.lease_row(both.lease(1)[0]).mode for _ in range(40)]
    assert 10 <= modes.count("discovery") <= 30


def test_the_rest_goes_to_the_other_phase_when_one_has_nothing_left(both: World) -> None:
    modes = [entry.mode for entry in both.queue(limit=100)]
    assert (modes.count("discovery"), modes.count("optimization")) == (40, 40)


def test_the_queue_only_reads(both: World) -> None:
    first = both.queue("discovery", 10)
    assert [entry.store for entry in both.queue("optimization", 10)] == [
        entry.store for entry in both.queue("optimization", 10)
    ]
    with transaction(both.engine) as session:
        assert both.scheduler(session).roster.leases == []
    assert {entry.mode for entry in first} == {"discovery"}
