"""Small counts that all server processes of a machine share: an SQLite file. Losing it loses nothing but counts."""

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from splitcart.transfer.lock import FileLock

BUSY_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.01
# SQLITE_ERROR is a table that is not there: what an emptied file is like to those who have it open.
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})

Row = tuple[Any, ...]

logger = logging.getLogger(__name__)


class SharedFile:
    """One file, and this process's one connection to it; ``setup`` are the statements that make its tables.

    A damaged file is replaced by an empty one, by one of the processes, and the others go on with that.
    """

    def __init__(self, path: Path, *setup: str) -> None:
        self._path = path
        self._setup = setup
        self._lock = threading.Lock()
        self._opened: tuple[sqlite3.Connection, os.stat_result, weakref.finalize[..., Any]] | None = None

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Run one statement and return its rows; raises OSError.

        One thread at a time, on one connection: opening the file costs more than counting.
        """

        def work() -> list[Row]:
            return self._connection().execute(statement, values).fetchall()

        with self._lock:
            try:
                try:
                    return work()
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    self._close()
                    self._mend(error)
                    return work()
            except sqlite3.Error as error:
                raise OSError(f"{self._path}: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        """Return the connection to the file of this name, which may be another than a moment ago."""
        if self._opened and not self._is_named(self._opened[1]):
            self._close()
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._open(self._path)
            self._opened = connection, self._path.stat(), weakref.finalize(self, connection.close)
        return self._opened[0]

    def _is_named(self, opened: os.stat_result) -> bool:
        try:
            return os.path.samestat(opened, self._path.stat())
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._opened:
            self._opened[2]()
        self._opened = None

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # No journal beside it, which the next file of this name would be given.
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")
            for statement in self._setup:
                connection.execute(statement)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        """Put an empty file in the place of one that is damaged, unless another process has just done so."""
        lock = FileLock(self._path.with_name(f"{self._path.name}.lock"))
        ends = time.monotonic() + BUSY_SECONDS
        while not lock.acquire():
            if time.monotonic() > ends:
                raise error
            time.sleep(LOOK_AGAIN_SECONDS)
        try:
            if not self._is_whole():
                self._replace()
                logger.warning("%s was damaged (%s): it begins anew, and its counts with it", self._path, error)
        finally:
            lock.release()

    def _is_whole(self) -> bool:
        try:
            with closing(self._open(self._path)) as connection:
                return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                return False
            raise

    def _replace(self) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        self._open(new).close()
        for ending in ("-journal", "-wal", "-shm"):
            self._path.with_name(f"{self._path.name}{ending}").unlink(missing_ok=True)
        new.replace(self._path)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED
