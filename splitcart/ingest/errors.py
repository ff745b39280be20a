"""Why a file or a command of this room cannot go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from splitcart.errors import FailedError, InputError


class RefusedFileError(InputError):
    """The file is not taken: nothing of it is stored, it goes to ``rejected/`` with this reason."""


class KeptFileError(FailedError):
    """A file below ``ingested/`` that a rebuild needs is missing or damaged; the new file is not to blame and waits."""


@contextmanager
def refusing_what_no_column_holds(path: Path) -> Iterator[None]:
    """Turn the database's refusal of a value, which every further try would meet again, into a RefusedFileError."""
    try:
        yield
    except sa.exc.DataError as error:
        reason = str(error.orig).partition("\n")[0]
        raise RefusedFileError(f"{path.name}: the database does not take a value of it: {reason}") from error
