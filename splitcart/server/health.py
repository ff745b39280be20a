"""``/healthz`` and ``/readyz``: for load balancers and people at night. They need no key and tell no secret."""

import logging
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from fastapi import APIRouter

from splitcart.server.keys import Access
from splitcart.server.problems import Problem
from splitcart.server.space import Space

logger = logging.getLogger(__name__)


def health_routes(space: Space, engine: sa.Engine, access: Access) -> APIRouter:
    """Return the endpoints that say whether the process lives, and whether it can work."""
    router = APIRouter()

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    def ready() -> dict[str, str]:
        try:
            with engine.connect().execution_options(read_only=True) as connection:
                connection.execute(sa.select(1))
        except sa.exc.SQLAlchemyError as error:
            logger.warning("not ready: %s", error)
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer") from error
        try:
            _write_and_remove(space.folder / "state")
            space.check()
            access.check()
        except OSError as error:
            logger.warning("not ready: %s", error)
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the data folder cannot be written") from error
        return {"status": "ready"}

    return router


def _write_and_remove(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f"ready-{uuid4().hex}"
    try:
        probe.write_bytes(b"ready")
    finally:
        probe.unlink(missing_ok=True)
