"""A lock between processes that the operating system takes back when its holder dies, however it dies."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """One exclusive lock, named by a file that exists while it is held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting; False: another holds it, in this process or another."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _try_lock(descriptor)
            except OSError:  # what both systems answer when the lock is held
                os.close(descriptor)
                return False
            if self._is_named(descriptor):
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # its last holder removed the name between our two calls

    def release(self) -> None:
        """Give the lock back and remove its file; does nothing when it is not held."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if sys.platform != "win32":  # there an open file cannot be removed, and an empty one does no harm
            self.path.unlink(missing_ok=True)
        os.close(descriptor)

    def _is_named(self, descriptor: int) -> bool:
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(descriptor))
