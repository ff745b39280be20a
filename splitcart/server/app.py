"""The web application."""

from random import Random, SystemRandom

import msgspec
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Response

import splitcart
from splitcart.config import Settings
from splitcart.measures.clock import Clock
from splitcart.server.counting import Counters, UploadCounting
from splitcart.server.exports import ExportLimits, export_routes
from splitcart.server.health import health_routes
from splitcart.server.keys import Access
from splitcart.server.leasing import lease_routes
from splitcart.server.metrics import metrics_routes
from splitcart.server.openapi import openapi_document
from splitcart.server.problems import answer_problems
from splitcart.server.receiving import Limits
from splitcart.server.space import Space
from splitcart.server.uploads import ARRIVING, upload_routes
from splitcart.transfer.inbox import remove_abandoned


def create_app(
    settings: Settings, engine: sa.Engine, clock: Clock, *, rng: Random | None = None, limits: Limits | None = None
) -> FastAPI:
    """Return the application; raise InputError when the settings give it no key to ask for."""
    access = Access(settings, engine, clock)
    remove_abandoned(settings.data_dir / ARRIVING)
    space = Space(settings.data_dir, settings.min_free_mib)
    app = FastAPI(title="SplitCart", version=splitcart.__version__, docs_url=None, redoc_url=None, openapi_url=None)
    answer_problems(app)
    app.include_router(health_routes(space, engine, access))
    counters = Counters(settings.data_dir / "state" / "counters.sqlite")
    app.add_middleware(UploadCounting, counters=counters)
    app.include_router(metrics_routes(space, engine, clock, counters, access))
    app.include_router(
        upload_routes(space, engine, clock, limits or Limits()),
        dependencies=[Depends(access.needs("upload"))],
    )
    app.include_router(
        lease_routes(engine, clock, rng or SystemRandom()), dependencies=[Depends(access.needs("schedule"))]
    )
    app.include_router(export_routes(engine, clock, ExportLimits()), dependencies=[Depends(access.needs("export"))])
    document = msgspec.json.encode(openapi_document())

    @app.get("/api/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(document, media_type="application/json")

    return app
