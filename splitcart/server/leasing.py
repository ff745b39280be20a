"""``/api/schedule/``: stores lent to scraper hosts."""

from http import HTTPStatus
from random import Random
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from scheduler import LeaseError, lease_stores, release_lease, renew_lease
from splitcart.config import get_chain
from splitcart.database import transaction
from splitcart.measures.clock import Clock
from splitcart.server.problems import Problem

MAX_LEASES = 100
LeaseId = Annotated[int, Path(ge=1, le=2**63 - 1)]  # what a database can look for
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]+$")]  # PostgreSQL holds no NUL


class LeaseRequest(BaseModel):
    """Who wants stores of which company, how many, and (``cluster``) of which area only."""

    company: Name
    worker: Name
    limit: int = Field(1, ge=1, le=MAX_LEASES)
    cluster: Name | None = None


class Release(BaseModel):
    """How the crawl of a leased store ended."""

    outcome: Name
    failure_class: Annotated[str, Field(max_length=40)] | None = None


def lease_routes(engine: sa.Engine, clock: Clock, rng: Random) -> APIRouter:
    """Return the endpoints that lend stores, prolong leases and take stores back."""
    router = APIRouter(prefix="/api/schedule")

    @router.post("/lease/")
    def lease(wanted: LeaseRequest) -> Response:
        chain = get_chain(wanted.company)
        with transaction(engine) as session:
            leases = lease_stores(session, chain, wanted.worker, wanted.limit, clock, rng, cluster=wanted.cluster)
        return _json({"leases": leases})

    @router.post("/leases/{lease_id}/heartbeat/")
    def heartbeat(lease_id: LeaseId) -> Response:
        try:
            with transaction(engine) as session:
                return _json(renew_lease(session, lease_id, clock))
        except LeaseError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error

    @router.post("/leases/{lease_id}/release/")
    def release(lease_id: LeaseId, ended: Release) -> Response:
        try:
            with transaction(engine) as session:
                release_lease(session, lease_id, ended.outcome, ended.failure_class, clock)
        except LeaseError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        return _json({"lease_id": lease_id})

    return router


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
