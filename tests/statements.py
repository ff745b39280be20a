"""Statements that were compiled for one test's database, known to those of the tests after it."""

from typing import Any

import sqlalchemy as sa

_dialects: dict[str, sa.Dialect] = {}
_compiled: dict[Any, Any] = {}


def knowing(engine: sa.Engine) -> sa.Engine:
    """Let this engine use all that was compiled for others of its kind: SQLAlchemy keeps it by dialect."""
    if engine.name not in _dialects:
        engine.connect().close()  # the first connection tells the dialect what it talks to
        _dialects[engine.name] = engine.dialect
    engine.dialect = _dialects[engine.name]
    engine.update_execution_options(compiled_cache=_compiled)
    return engine
