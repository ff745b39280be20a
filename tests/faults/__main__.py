"""The long form of the fault harness: ``make soak`` (docs/reliability.md).

python -m tests.faults --rounds 300 --seed 1
"""

import argparse
import math
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

from splitcart.database import create_engine, upgrade
from tests.faults.rounds import Report, run
from tests.postgres import QUICK, postgres_server


def main() -> int:
    parser = argparse.ArgumentParser(description="Cut, stall, damage and kill transfers, and look whether any is lost.")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no further round after so long")
    parser.add_argument("--postgres", action="store_true", help="a throw-away PostgreSQL in place of SQLite")
    given = parser.parse_args()
    folder, begin = Path(mkdtemp(prefix="splitcart-faults-")), time.monotonic()
    template = folder / "template.db"
    _migrate(f"sqlite:///{template}")
    with ExitStack() as stack:
        if given.postgres:
            url = stack.enter_context(postgres_server(QUICK)).render_as_string(hide_password=False)
        else:
            url = f"sqlite:///{folder / 'server.db'}"
        _migrate(url)
        report = run(folder, url, template, given.rounds, given.seed, given.seconds)
    _show(report, time.monotonic() - begin)
    if report.wrong:
        print(f"what is left is in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _migrate(url: str) -> None:
    engine = create_engine(url)
    upgrade(engine)
    engine.dispose()


def _show(report: Report, seconds: float) -> None:
    print(f"{report.rounds} rounds in {seconds:.0f} s, {report.files} files")
    print(f"{report.acknowledged} acknowledged, {report.refused} refused and set aside by the host")
    print(f"{report.ingested} crawls ingested and kept, {report.rejected} files rejected with a reason")
    for what, found in (("faults on the wire", report.faults), ("kills", report.kills)):
        print(f"{found.total()} {what}:")
        for name, count in sorted(found.items()):
            print(f"  {count:4} {name}")
    print(f"{len(report.wrong)} wrong")
    for line in list(report.wrong)[:50]:
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
