"""Real processes on one real database: no store is with two of them at once, and none is left out."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.database.models import Lease
from tests.scheduler.world import CHAIN, World

ROOT = Path(__file__).parents[2]
OTHER = msgspec.structs.replace(CHAIN, slug="othermart", name="Othermart")
LASTS_SECONDS = 2.0

# Each process crawls store after store until nothing is due any more; 1 and 2 die at their first.
# They are forked before any of them has met the database, so that all begin within a moment.
WORKERS = """
import json, os, sys, time
from random import Random
from scheduler import LeaseError, lease_in_turns, release_lease, renew_lease
from splitcart.database import create_engine, transaction
from splitcart.measures.clock import system_clock
from tests.scheduler.test_lease_processes import LASTS_SECONDS, OTHER
from tests.scheduler.world import CHAIN

LASTS = LASTS_SECONDS / 60  # minutes

def tell(what, lease):
    line = json.dumps([what, lease.company, lease.store_id, time.time()])
    os.write(1, f"{line}\\n".encode())  # at once and as a whole

def work(number):
    engine, rng = create_engine(sys.argv[1]), Random(number)
    busy_at = time.monotonic()
    while time.monotonic() - busy_at < LASTS_SECONDS + 0.5:
        with transaction(engine) as session:
            leases = lease_in_turns(session, [CHAIN, OTHER], f"host-{number}", 1, system_clock, rng, LASTS)
        if not leases:
            time.sleep(0.1)
            continue
        (lease,), busy_at = leases, time.monotonic()
        tell("took", lease)
        if number in {1, 2}:
            tell("died", lease)
            os._exit(9)
        try:
            with transaction(engine) as session:
                renew_lease(session, lease.lease_id, system_clock, LASTS)
        except LeaseError:  # this machine stood still for so long
            continue
        tell("gave", lease)
        with transaction(engine) as session:
            release_lease(session, lease.lease_id, "finished", None, system_clock)
        time.sleep(0.02)  # SQLite's lock knows no queue: let the others in

children = []
for number in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        work(number)
        os._exit(0)
    children.append(child)
ended = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
sys.exit(0 if set(ended) == {0, 9} else str(ended))
"""


def run_workers(engine: sa.Engine, count: int) -> list[list]:
    """Let so many processes work side by side, of which two die; returns what they tell, in order of time."""
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WORKERS, url, str(count)]
    told = subprocess.run(command, cwd=ROOT, text=True, check=True, stdout=subprocess.PIPE, timeout=60).stdout
    return sorted(map(json.loads, told.splitlines()), key=itemgetter(-1))


@pytest.mark.parametrize(("dialect", "count"), [("postgres", 8), ("sqlite", 3)])
def test_processes_that_work_and_die_side_by_side_reach_every_store_once_and_keep_the_pattern(
    request: pytest.FixtureRequest, dialect: str, count: int
) -> None:
    world = World(request.getfixturevalue(dialect))
    perth = world.cluster("Perth", 30)
    world.cluster("Bunbury", 6)
    World(world.engine, OTHER).cluster("Perth", 10)
    told = run_workers(world.engine, count)
    assert [what for what, *_ in told].count("died") in {1, 2}  # one may get none, where many are quicker
    finished = Counter((company, store) for what, company, store, _ in told if what == "gave")
    assert len(finished) == 46
    assert set(finished.values()) == {1}
    with Session(world.engine) as session:
        ever = session.scalars(sa.select(Lease).order_by(Lease.id)).all()
        life: defaultdict[int, list[Lease]] = defaultdict(list)
        for lease in ever:
            life[lease.store_id].append(lease)
        for held in life.values():  # taken again only when the lease has run out, never when it was given
            assert [lease.outcome for lease in held] == ["expired"] * (len(held) - 1) + ["finished"]
            assert all(earlier.expires_at <= later.leased_at for earlier, later in pairwise(held))
        leases = [lease for lease in ever if lease.company_id == world.company_id]
        assert Counter(lease.outcome for lease in leases)["finished"] == 36
    inside = [lease.cluster_id == perth for lease in leases]
    assert inside[:25] == [True, True, True, True, False] * 5
