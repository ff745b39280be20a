"""The stage: a market, its sites, a server with its database, and the folder that all of it lives in."""

import logging
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace
from pydantic import SecretStr

from splitcart.config import Settings
from splitcart.database import open_database
from splitcart.errors import InputError
from splitcart.replica.config import ChainConfig, ListChange, MarketConfig, Move
from splitcart.replica.market import Market
from splitcart.replica.server import ReplicaServer
from splitcart.server.app import create_app
from splitcart.server.serve import BackgroundServer

if TYPE_CHECKING:
    import sqlalchemy as sa

MARKER = ".splitcart-demo"
CITY = "Perth"
STATE = "WA"
FIRST_DAY = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
DAYS = 14
CHAINS = ("aldi", "woolworths")
SEED = 20
_BASE = ChainConfig(
    lists=2,
    cities={"Perth": 10.0, "Adelaide": 5.0, "Sydney": 3.0},
    roots=8,
    leaves_per_root=2,
    solo_share=0.03,
    mixed_share=0.03,
    small_share=0.1,
    move_rate=0.0,  # the one move and the one unscheduled change are the demo's own
    unscheduled_every_days=0.0,
)
FIGURES = {
    "aldi": replace(_BASE, stores=34, skus=320, promoted_share=0.10),
    "woolworths": replace(_BASE, stores=40, skus=400, petrol_share=0.2, unpriced_share=0.006),
}


class StageClock:
    """A clock that is set by hand and runs on at the pace of real time."""

    def __init__(self, start: datetime) -> None:
        self.set(start)

    def set(self, instant: datetime) -> None:
        """Make it ``instant`` now."""
        self._base, self._began = instant, monotonic()

    def __call__(self) -> datetime:
        return self._base + timedelta(seconds=monotonic() - self._began)


@dataclass(frozen=True)
class Incidents:
    """What the demo makes happen, beside the market's own weekly flips, arrivals, departures and clearances."""

    mover: str
    move_day: int = 4
    changed_list: str = "A"
    change_day: int = 6
    blocked_day: int = 3
    killed_day: int = 5


def build_market() -> tuple[Market, Incidents]:
    """Return the demo's market and what will happen in it: a store of the city moves, a list changes unannounced."""
    plain = Market(MarketConfig(seed=SEED, start=FIRST_DAY, chains=FIGURES))
    mover = next(
        store.store_id
        for store in plain.stores("woolworths")
        if store.city == CITY and store.priced and not (plan := plain.plan("woolworths", store.store_id)).solo
        if plan.list_on(0) == "A" and not store.small and len(plan.roots) == 1
    )
    incidents = Incidents(mover)
    moves = [Move("woolworths", mover, incidents.move_day)]
    changes = [ListChange("aldi", incidents.changed_list, incidents.change_day, 0.04)]
    return Market(
        MarketConfig(seed=SEED, start=FIRST_DAY, chains=FIGURES, moves=moves, list_changes=changes)
    ), incidents


def prepare_folder(folder: Path) -> None:
    """Empty the demo's folder; raise InputError for one that is not the demo's own or cannot be written.

    The marker is there from before the first file to after the last, so that whenever a run ends the next one may empty
    the folder.
    """
    marker = folder / MARKER
    try:
        if folder.exists() and any(folder.iterdir()) and not marker.exists():
            raise InputError(f"{folder} holds files that are not the demo's; choose an empty folder with --data-dir")
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text("made by splitcart demo, which empties this folder when it runs again\n")
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != marker:
                path.unlink()
    except OSError as error:
        raise InputError(
            f"cannot write to {folder}: {error.strerror}; choose another folder with --data-dir"
        ) from error


class World:
    """Everything that runs while the demo plays. A context manager; leaving it stops the servers."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder.absolute()
        self.market, self.incidents = build_market()
        self.clock = StageClock(self.market.midnight(0, STATE) + timedelta(hours=8))
        self.settings = Settings(
            data_dir=self.folder / "server", api_secret_key=SecretStr("sc_demo_key_of_this_machine_only")
        )
        self._port = port
        self._stack = ExitStack()
        self.lifeline: int
        self.engine: sa.Engine
        self.replica: ReplicaServer
        self.server: BackgroundServer

    def __enter__(self) -> Self:
        prepare_folder(self.folder)
        with ExitStack() as stack:
            self._start_log(stack)
            self._open_lifeline(stack)
            self.engine = open_database(self.settings.resolved_database_url, self.settings.database_limits)
            stack.callback(self.engine.dispose)
            self.replica = stack.enter_context(ReplicaServer(self.market, self.clock))
            app = create_app(self.settings, self.engine, self.clock)
            self.server = stack.enter_context(BackgroundServer(app, port=self._port))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def log(self) -> Path:
        """The log file of everything."""
        return self.folder / "demo.log"

    def _start_log(self, stack: ExitStack) -> None:
        handler = logging.FileHandler(self.log, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        stack.callback(handler.close)
        ours = logging.getLogger("splitcart")
        stack.callback(ours.setLevel, ours.level)
        stack.callback(setattr, ours, "propagate", ours.propagate)
        stack.callback(ours.removeHandler, handler)
        ours.setLevel(logging.INFO)
        ours.propagate = False
        ours.addHandler(handler)

    def _open_lifeline(self, stack: ExitStack) -> None:
        """A pipe that nobody writes to: who reads from it learns of this process's end, however it ends."""
        self.lifeline, ours = os.pipe()
        stack.callback(os.close, self.lifeline)
        stack.callback(os.close, ours)

    def host_environment(self) -> dict[str, str]:
        """The environment of the scraper host: its own data folder, the server's address and key, the sites' URLs."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("SPLITCART_", "API_", "SCRAPY_"))
        }
        key = self.settings.api_secret_key
        return (
            own
            | self.replica.urls
            | {
                "SPLITCART_DATA_DIR": str(self.folder / "host"),
                "SPLITCART_WORKER": "demo-host",
                "SPLITCART_CONTACT": "demo@localhost",
                "SPLITCART_CLOCK_START": self.clock().isoformat(),
                "API_SERVER_URL": self.server.url,
                "API_SECRET_KEY": key.get_secret_value() if key else "",
            }
        )
