"""Room on the disk: checked before a file is taken, so that the database beside it always has some."""

import logging
import shutil
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from splitcart.server.problems import RETRY_SECONDS, Problem

MIB = 1 << 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Space:
    """The disk of the data folder, of which ``min_free_mib`` must stay free."""

    folder: Path
    min_free_mib: int

    def free_bytes(self) -> int:
        """Return what is free for this process; raise OSError without a data folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free

    def check(self, wanted_bytes: int = 0) -> None:
        """Raise 503 when taking so many bytes would leave too little."""
        free = self.free_bytes()
        if free - wanted_bytes < self.min_free_mib * MIB:
            logger.warning(
                "%d MiB are free in %s, fewer than SPLITCART_MIN_FREE_MIB asks for", free // MIB, self.folder
            )
            detail = "the server's disk is nearly full; try again later"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(12 * RETRY_SECONDS)})
