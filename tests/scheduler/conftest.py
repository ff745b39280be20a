import pytest
import sqlalchemy as sa

from tests.scheduler.world import World


@pytest.fixture
def world(engine: sa.Engine) -> World:
    """On both databases."""
    return World(engine)


@pytest.fixture
def embedded(sqlite: sa.Engine) -> World:
    """On SQLite alone, where the database makes no difference to what is tested."""
    return World(sqlite)
