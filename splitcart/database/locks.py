"""Who may change a company's groups while crawls of it come in."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

_LOCK_CLASS = 0x5C48  # of PostgreSQL's two-part advisory locks; the other part is the company


def lock_company(session: Session, company_id: int, *, alone: bool) -> None:
    """Hold a company's lock until the transaction ends: shared by ingesters, ``alone`` for a step of a group run.

    On SQLite a writing transaction is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        take = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
        session.execute(sa.select(take(_LOCK_CLASS, company_id)))
