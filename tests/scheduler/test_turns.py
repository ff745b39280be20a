"""Where one host serves several companies, each gets its turn."""

from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import lease_in_turns
from scheduler.leases import lock_for_leasing
from splitcart.config import Chain
from splitcart.database import transaction
from tests.scheduler.world import CHAIN, World


def chain(slug: str) -> Chain:
    return msgspec.structs.replace(CHAIN, slug=slug, name=slug)


class Worlds:
    """Three companies in one database, with seven, three and no stores; a fourth that nobody stored."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.big, self.small, self.empty = (World(engine, chain(slug)) for slug in ("big", "small", "empty"))
        self.big.cluster("Perth", 7)
        self.small.cluster("Perth", 3)
        self.chains = [chain(slug) for slug in ("empty", "big", "unheard-of", "small")]

    def lease(self, limit: int, worker: str = "host") -> list[str]:
        for world in (self.big, self.small):
            world.now += timedelta(minutes=1)
        with transaction(self.engine) as session:
            leases = lease_in_turns(session, self.chains, worker, limit, self.big.clock, self.big.rng)
        assert len({(lease.company, lease.store_id) for lease in leases}) == len(leases)
        return [lease.company for lease in leases]


@pytest.fixture
def worlds(engine: sa.Engine) -> Worlds:
    return Worlds(engine)


def test_one_call_for_many_stores_takes_turns_until_one_company_has_nothing_left(worlds: Worlds) -> None:
    assert worlds.lease(20) == ["big", "small"] * 3 + ["big"] * 4
    assert worlds.lease(20) == []


def test_many_calls_for_one_store_take_the_same_turns(worlds: Worlds) -> None:
    assert [worlds.lease(1, worker=f"host-{number % 3}")[0] for number in range(7)] == ["big", "small"] * 3 + ["big"]


def test_the_company_that_has_waited_longest_goes_first(worlds: Worlds) -> None:
    worlds.big.lease(1)
    assert worlds.lease(3) == ["small", "big", "small"]


def test_a_company_whose_queue_is_being_served_is_passed_over_and_waited_for_only_when_no_other_has_work(
    postgres: sa.Engine,
) -> None:
    worlds = Worlds(postgres)
    with Session(postgres) as other, other.begin():
        assert lock_for_leasing(other, chain("big"))
        assert worlds.lease(5) == ["small"] * 3  # at once: SKIP LOCKED
        with Session(postgres) as session:
            session.execute(sa.text("SET lock_timeout = '50ms'"))
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                lease_in_turns(session, worlds.chains, "host", 1, worlds.big.clock, worlds.big.rng)
    assert worlds.lease(1) == ["big"]
