"""Why a file or a command of this room cannot go on."""

from splitcart.errors import InputError


class RefusedFileError(InputError):
    """The file is not taken: nothing of it is stored, it goes to ``rejected/`` with this reason."""
