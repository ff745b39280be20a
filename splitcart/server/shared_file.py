"""Small counts that all server processes of a machine share: an SQLite file. Losing it loses nothing but counts."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 5.0


class SharedFile:
    """One file, and this process's one connection to it; ``setup`` are the statements that make its tables."""

    def __init__(self, path: Path, *setup: str) -> None:
        self._path = path
        self._setup = setup
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread at a time: opening the file costs more than counting. Raises OSError."""
        with self._lock:
            try:
                self._opened = self._opened or self._open()
                yield self._opened
            except sqlite3.Error as error:
                raise OSError(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        for statement in self._setup:
            connection.execute(statement)
        return connection
