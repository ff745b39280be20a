"""Fixtures of the archive's tests."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.database import transaction
from tests.archive.small_chain import dairy


@pytest.fixture
def market(engine: sa.Engine) -> sa.Engine:
    """A database with the chain of ``dairy``."""
    with transaction(engine) as session:
        dairy(session)
    return engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def local_market(sqlite: sa.Engine) -> sa.Engine:
    """The same where the database makes no difference: what happens to files."""
    with transaction(sqlite) as session:
        dairy(session)
    return sqlite
