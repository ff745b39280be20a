"""Ingest workers in processes of their own."""

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

WORKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from splitcart.database import create_engine
from splitcart.ingest import CrawlIngester
from splitcart.ingest.updates import update_products
engine = create_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
update = update_products(CrawlIngester(engine, Path(sys.argv[2]), lambda: datetime(2026, 3, 11, 9, tzinfo=UTC)))
print(len(update.crawls), len(update.refused), flush=True)
"""


def work_together(engine: sa.Engine, *data_dirs: Path) -> list[tuple[int, int]]:
    """Run one worker for each data folder, all begun at once; return how many files each took and refused."""
    url = engine.url.render_as_string(hide_password=False)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in data_dirs
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers), answers
    return [tuple(map(int, output.split())) for output, _ in answers]
