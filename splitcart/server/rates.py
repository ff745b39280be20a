"""How often one caller may call; counted in one small file, so that all processes of a machine count together."""

import time
from http import HTTPStatus
from math import ceil
from pathlib import Path

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from splitcart.errors import InputError
from splitcart.server.problems import Problem
from splitcart.server.shared_file import Row, SharedFile

_TABLE = "CREATE TABLE IF NOT EXISTS windows (key TEXT PRIMARY KEY, hits INTEGER NOT NULL, ends REAL NOT NULL)"
_HIT = """
INSERT INTO windows VALUES (:key, :amount, :now + :seconds)
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN ends <= :now THEN 0 ELSE hits END + :amount,
    ends = CASE WHEN ends <= :now THEN :now + :seconds ELSE ends END
RETURNING hits
"""


class SqliteStorage(Storage):
    """The counters of the ``limits`` library in an SQLite file. Losing it loses nothing but counts."""

    STORAGE_SCHEME = None

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = SharedFile(path, _TABLE, "DELETE FROM windows WHERE ends <= CAST(strftime('%s') AS INTEGER)")

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a window, which begins now if none is open; return what it holds. ``expiry``: seconds."""
        values = {"key": key, "amount": amount, "seconds": expiry, "now": time.time()}
        ((hits,),) = self._file.execute(_HIT, values)
        return int(hits)

    def get(self, key: str) -> int:
        """Return what a window holds, 0 when none is open."""
        row = self._row(key)
        return int(row[0]) if row else 0

    def get_expiry(self, key: str) -> float:
        """Return when a window ends (seconds since 1970); now, when none is open."""
        row = self._row(key)
        return float(row[1]) if row else time.time()

    def check(self) -> bool:
        """Tell whether the file can be written."""
        try:
            self.clear("")
        except OSError:
            return False
        return True

    def reset(self) -> int:
        """Forget all windows; return how many there were."""
        return len(self._file.execute("DELETE FROM windows RETURNING key"))

    def clear(self, key: str) -> None:
        """Forget one window."""
        self._file.execute("DELETE FROM windows WHERE key = ?", (key,))

    def _row(self, key: str) -> Row | None:
        found = self._file.execute("SELECT hits, ends FROM windows WHERE key = ? AND ends > ?", (key, time.time()))
        return found[0] if found else None


class Rate:
    """One rate, such as ``600/minute``, for each caller by itself. Raises InputError for a text that is none."""

    def __init__(self, name: str, text: str, storage: Storage) -> None:
        try:
            self._item: RateLimitItem = parse(text)
        except ValueError as error:
            raise InputError(f"{name} is {text!r}; expected a rate such as 600/minute or 10/second") from error
        self._name = name
        self._limiter = FixedWindowRateLimiter(storage)

    def spend(self, caller: str) -> None:
        """Count one call; raise 429 with Retry-After when the caller has no more in this window."""
        if not self._limiter.hit(self._item, self._name, caller):
            raise self._problem(caller)

    def check(self, caller: str) -> None:
        """Raise 429 when the caller has used up this window; count nothing."""
        if not self._limiter.test(self._item, self._name, caller):
            raise self._problem(caller)

    def _problem(self, caller: str) -> Problem:
        ends, _ = self._limiter.get_window_stats(self._item, self._name, caller)
        seconds = max(1, ceil(ends - time.time()))
        detail = f"more than {self._item}: try again in {seconds} seconds"
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(seconds)})
