"""Who tests the pairs of a matrix: the threads of this process, or the workers of a Dask cluster. The answer is one."""

from collections.abc import Callable, Iterable
from functools import partial

from grouping.pairs import Overlaps, Question, answer, threads
from splitcart.errors import FailedError, InputError

CONNECT_SECONDS = 10

Answering = Callable[[Question], Iterable[Overlaps]]  # by task


def answer_here(question: Question) -> list[Overlaps]:
    """Let the threads of this process answer."""
    with threads() as pool:
        return list(pool.map(partial(answer, question), question.tasks()))


def answer_on_dask(address: str) -> Answering:
    """Return what lets the cluster answer whose scheduler listens at ``address`` (``tcp://host:8786``).

    The workers need this version of SplitCart; they get the encoded matrix once each, and nothing of the database.
    Raises InputError when Dask is not installed here; the answering raises FailedError when no scheduler answers at the
    address, it has no workers, or they cannot do it.
    """
    try:
        import distributed  # noqa: PLC0415 - an extra that few need
    except ImportError as error:
        raise InputError("Dask is not installed; run: pip install splitcart[dask]") from error

    def answer_there(question: Question) -> list[Overlaps]:
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise FailedError(f"no Dask scheduler answers at {address}: {error}; start: dask scheduler") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            except TimeoutError as error:
                raise FailedError(
                    f"the Dask scheduler at {address} has no workers; start: dask worker {address}"
                ) from error
            there = client.scatter(question, broadcast=True)
            try:
                found: list[Overlaps] = client.gather(
                    [client.submit(answer, there, first) for first in question.tasks()]
                )
            except (ImportError, OSError, distributed.KilledWorker) as error:
                raise FailedError(
                    f"the workers at {address} cannot do it: {error}; do they have this version of SplitCart?"
                ) from error
            return found

    return answer_there
