"""``splitcart update products`` as a process of its own, on a database and a data folder of the test's."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from tests.ingest.random_crawls import NOW


def start(engine: sa.Engine, data_dir: Path, *options: str, command: str = "products") -> subprocess.Popen[str]:
    """Start it in a process group of its own, so that it can be killed with all its workers."""
    return subprocess.Popen(
        [sys.executable, "-m", "splitcart.cli", "update", command, "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ
        | {
            "SPLITCART_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "SPLITCART_DATA_DIR": str(data_dir),
            "SPLITCART_CLOCK_START": NOW.isoformat(),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )


def wait_for_work(process: subprocess.Popen[str], data_dir: Path) -> bool:
    """Return when a file is claimed; False: the process ended before."""
    while process.poll() is None:
        if any((data_dir / "state" / "claims").glob("*.lock")):
            return True
        time.sleep(0.001)
    return False


def kill_at_work(process: subprocess.Popen[str], data_dir: Path, draws: random.Random) -> bool:
    """Kill the process group at a random moment of its work; False: it had ended."""
    if not wait_for_work(process, data_dir):
        return False
    time.sleep(draws.uniform(0, 0.2))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL
