"""Who waits for whom: one job of a kind at a time, and a company's groups while crawls of it come in."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.orm import Session

from splitcart.errors import FailedError

# Of PostgreSQL's two-part advisory locks; the other part is the job or the company.
_JOB, _COMPANY = 0x5C47, 0x5C48


class BusyError(FailedError):
    """Another process is at the same job."""


@contextmanager
def only_one(engine: sa.Engine, job: str) -> Iterator[None]:
    """Be the only one at a job (``update products``, ``group run of aldi``); raise BusyError when another is at it.

    The database or the operating system takes the lock back when its holder dies, however it dies.
    """
    if engine.dialect.name == "postgresql":
        with _on_server(engine, job):
            yield
    else:
        with _beside_file(engine, job):
            yield


def lock_company(session: Session, company_id: int, *, alone: bool) -> None:
    """Hold a company's lock until the transaction ends: shared by ingesters, ``alone`` for a step of a group run.

    On SQLite a writing transaction is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        take = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
        session.execute(sa.select(take(_COMPANY, company_id)))


@contextmanager
def _on_server(engine: sa.Engine, job: str) -> Iterator[None]:
    key = {"class": _JOB, "job": crc32(job.encode()) - 2**31}  # PostgreSQL's integers have a sign
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:class, :job)"), key):
            raise _busy(job)
        try:
            yield
        finally:
            connection.execute(sa.text("SELECT pg_advisory_unlock(:class, :job)"), key)


@contextmanager
def _beside_file(engine: sa.Engine, job: str) -> Iterator[None]:
    """An empty SQLite file beside the database, held by an exclusive transaction: it locks on every system."""
    if not engine.url.database or engine.url.database == ":memory:":
        yield  # nobody else can open it
        return
    name = f"{engine.url.database}.{job.replace(' ', '-')}.lock"
    with closing(sqlite3.connect(name, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise _busy(job) from error
        yield


def _busy(job: str) -> BusyError:
    return BusyError(f"another {job} is running; this one has done nothing")
