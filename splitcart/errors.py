"""The two ways a command can end badly; every room's exceptions derive from one of them."""


class SplitCartError(Exception):
    """Base of all errors that SplitCart raises on purpose; its text is one clear line for a person."""

    exit_code = 1


class InputError(SplitCartError):
    """What the user gave is wrong: the text says what was given, what was expected and what to do (exit code 2)."""

    exit_code = 2


class FailedError(SplitCartError):
    """The input was right but the work could not be done (exit code 1)."""
