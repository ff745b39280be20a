"""Why a file or a command of this room cannot go on."""

from splitcart.errors import FailedError, InputError


class RefusedFileError(InputError):
    """The file is not taken: nothing of it is stored, it goes to ``rejected/`` with this reason."""


class KeptFileError(FailedError):
    """A file below ``ingested/`` that a rebuild needs is missing or damaged; the new file is not to blame and waits."""
