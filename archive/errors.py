"""What can go wrong while publishing."""

from splitcart.errors import FailedError, InputError


class ArchiveError(FailedError):
    """The archive could not be built; what was published before still stands."""


class ArchiveInputError(InputError):
    """A company, store or folder that cannot be archived was named."""
