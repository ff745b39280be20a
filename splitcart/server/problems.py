"""Errors as the client sees them: problem details for HTTP APIs (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from splitcart.database import DatabaseError
from splitcart.errors import InputError, SplitCartError

RETRY_SECONDS = 5

logger = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An answer that is not what was asked for; ``detail`` says what was wrong and what to do.

    ``sha256`` names the file that is refused, where all of it was looked at.
    """

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, sha256: str | None = None
    ) -> None:
        super().__init__(detail)
        self.sha256 = sha256
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def problem_response(problem: Problem) -> JSONResponse:
    body: dict[str, str | int] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.sha256:
        body["sha256"] = problem.sha256
    return JSONResponse(body, problem.status, problem.headers, media_type="application/problem+json")


def answer_problems(app: FastAPI) -> None:
    """Make every error of ``app`` a problem: ours, the framework's, the database's, the disk's and the unforeseen."""

    @app.exception_handler(Problem)
    async def _ours(_request: Request, error: Problem) -> JSONResponse:
        return problem_response(error)

    @app.exception_handler(SplitCartError)
    async def _rooms(_request: Request, error: SplitCartError) -> JSONResponse:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if isinstance(error, InputError) else HTTPStatus.INTERNAL_SERVER_ERROR
        return problem_response(Problem(status, str(error)))

    @app.exception_handler(HTTPException)
    async def _framework(_request: Request, error: HTTPException) -> JSONResponse:
        return problem_response(Problem(error.status_code, str(error.detail), error.headers))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return problem_response(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, wrong))

    @app.exception_handler(DatabaseError)
    @app.exception_handler(sa.exc.OperationalError)
    async def _database(_request: Request, error: DatabaseError | sa.exc.OperationalError) -> JSONResponse:
        logger.error("the database does not answer: %s", getattr(error, "orig", error))
        return problem_response(_later("the database does not answer; try again"))

    @app.exception_handler(OSError)
    async def _disk(_request: Request, error: OSError) -> JSONResponse:
        logger.error("the disk refuses: %s", error)
        return problem_response(_later("the server cannot store anything now; try again"))

    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        # The server logs the traceback; it is nobody else's business.
        return problem_response(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its log says why"))


def _later(detail: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_SECONDS)})
