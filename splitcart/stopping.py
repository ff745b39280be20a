"""Ending between two files: what Ctrl-C and SIGTERM mean to an update and to an upload."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """A wish to end, which the one who works looks at between two files, and which wakes the one who waits."""

    def __init__(self) -> None:
        self.asked = False
        self._bell, self.ear = socket.socketpair()

    def ask(self) -> None:
        """Ask for the end; may be called from a signal handler."""
        self.asked = True
        self._bell.send(b"!")

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the end is asked for; return whether it is."""
        if not self.asked:
            select.select([self.ear], [], [], seconds)
        return self.asked

    def close(self) -> None:
        """Give the sockets back."""
        self._bell.close()
        self.ear.close()


@contextmanager
def stopping_at(*signals: signal.Signals) -> Iterator[Stop]:
    """Turn these signals into a wish to end; a second one interrupts at once, which loses the file under way only."""
    stop = Stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.ask()

    before = {each: signal.signal(each, ask) for each in signals}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        stop.close()


def rounds(work: Callable[[Stop], object], every_seconds: float, *, watch: bool) -> None:
    """Do the work once, or (``watch``) again and again until Ctrl-C or SIGTERM."""
    with stopping_at(signal.SIGINT, signal.SIGTERM) as stop:
        work(stop)
        while watch and not stop.wait(every_seconds):
            work(stop)
