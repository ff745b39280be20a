"""Shared fixtures: a real PostgreSQL server, and each test's own database in both dialects."""

import asyncio
import itertools
import os
import re
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from splitcart.database import create_engine, upgrade
from splitcart.database.engine import SQLITE_SYNCHRONOUS
from tests.postgres import QUICK
from tests.postgres import postgres_server as start_postgres
from tests.statements import knowing

DIALECTS = ["sqlite", "postgres"]
ON_BOTH = ("scheduler", "database", "ingest/test_crawls.py", "ingest/test_stores.py", "grouping/test_lists.py")

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-dialect", action="store_true", help="run each test of an engine on SQLite and PostgreSQL")
    parser.addoption("--requests", type=int, default=4, help="how many requests are drawn for each endpoint")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a quarter of the time goes into waiting for processes that tests start."""
    return (os.cpu_count() or 1) + 1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of an ``engine`` runs on one database, by its name; on both in ON_BOTH or with ``--every-dialect``."""
    own = [str(mark.args[0]).split(",") for mark in metafunc.definition.iter_markers("parametrize")]
    if "engine" not in metafunc.fixturenames or ["engine"] in own:
        return
    place = metafunc.definition.path.relative_to(Path(__file__).parent).as_posix()
    if metafunc.config.getoption("every_dialect") or place.startswith(ON_BOTH):
        chosen = DIALECTS
    else:
        chosen = [DIALECTS[zlib.crc32(metafunc.definition.name.encode()) % 2]]
    metafunc.parametrize("engine", chosen, indirect=True)


@pytest.fixture(autouse=True)
def _clean_settings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """No setting of the developer's machine reaches a test; the data folder is the test's own, below its ``tmp_path``.

    A test that asks for no ``tmp_path`` gets a folder that is not made until something is written to it.
    """
    from splitcart.config import Settings, get_settings

    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.delenv("SPLITCART_ENV_FILE", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)  # the test runner's own terminal
    if "tmp_path" in request.fixturenames:
        own: Path = request.getfixturevalue("tmp_path")
    else:
        own = tmp_path_factory.getbasetemp() / f"test-{next(_numbers)}"
    monkeypatch.setenv("SPLITCART_DATA_DIR", str(own / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _quick_sqlite() -> Iterator[None]:
    """As ``QUICK`` for PostgreSQL; the processes that tests start have what is shipped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("splitcart.database.engine.SQLITE_SYNCHRONOUS", "OFF")
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_ends() -> Iterator[None]:
    """Servers in this process look ten times as often whether they are to end, and wait a tenth of the time for it."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
        yield


@pytest.fixture
def shipped_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that are made after this are as durable as those of an operator."""
    monkeypatch.setattr("splitcart.database.engine.SQLITE_SYNCHRONOUS", SQLITE_SYNCHRONOUS)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A throw-away server on a socket below /tmp, or the one that TEST_DATABASE_URL names."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield sa.make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
        return
    with start_postgres(QUICK) as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_order(postgres_server: sa.URL) -> Iterator[Callable[[str], object]]:
    """What the server itself is told, all of it over one connection."""
    server = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        yield connection.exec_driver_sql


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: sa.URL, _postgres_order: Callable[[str], object]) -> Iterator[str]:
    """The name of a migrated database."""
    name = f"template_{uuid.uuid4().hex}"
    _postgres_order(f"CREATE DATABASE {name}")
    engine = create_engine(postgres_server.set(database=name).render_as_string(hide_password=False))
    upgrade(engine)
    engine.dispose()
    yield name
    _postgres_order(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()  # closing the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def postgres(
    postgres_server: sa.URL, _postgres_order: Callable[[str], object], _postgres_template: str
) -> Iterator[sa.Engine]:
    """An empty, migrated PostgreSQL database of this test's own."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    _postgres_order(f"CREATE DATABASE {name} TEMPLATE {_postgres_template} STRATEGY FILE_COPY")
    engine = knowing(create_engine(postgres_server.set(database=name).render_as_string(hide_password=False)))
    yield engine
    engine.dispose()
    _postgres_order(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite(tmp_path: Path, _sqlite_template: Path) -> Iterator[sa.Engine]:
    """An empty, migrated SQLite database of this test's own."""
    path = tmp_path / "test.db"
    shutil.copyfile(_sqlite_template, path)
    engine = knowing(create_engine(f"sqlite:///{path}"))
    yield engine
    engine.dispose()


@pytest.fixture
def own_engine(_clean_settings: None, _sqlite_template: Path) -> Iterator[sa.Engine]:
    """The database of the settings as they are: in the test's data folder, empty and migrated."""
    from splitcart.config import get_settings

    settings = get_settings()
    settings.data_dir.mkdir(parents=True)
    shutil.copyfile(_sqlite_template, settings.data_dir / "splitcart.db")
    engine = knowing(create_engine(settings.resolved_database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """A database of this test's own, in the dialect that pytest_generate_tests chose."""
    return request.getfixturevalue(request.param)
