"""The command line as a user meets it: arguments in; exit code, output and error line out."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from splitcart.cli.app import main


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: str
    error: str


def splitcart(*arguments: str) -> Outcome:
    """Run ``splitcart`` with these arguments in this process."""
    output, error = io.StringIO(), io.StringIO()
    exit_code = 0
    with (
        mock.patch.object(sys, "argv", ["splitcart", *arguments]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(error),
    ):
        try:
            main()
        except SystemExit as leaving:
            exit_code = int(leaving.code or 0)
    return Outcome(exit_code, output.getvalue(), error.getvalue())
