"""What a database's errors mean to an operator, and what to do about them."""

import sqlalchemy as sa

from splitcart.errors import FailedError

# By the code that PostgreSQL sends, or the name that SQLite gives the error.
_MEANINGS = {
    "55P03": "another command held a lock for longer than SPLITCART_LOCK_TIMEOUT_SECONDS; run it again later",
    "SQLITE_BUSY": "another command wrote for longer than SPLITCART_LOCK_TIMEOUT_SECONDS; run it again later",
    "25006": "the database is read-only (a standby, or default_transaction_read_only); name one that can be written",
    "SQLITE_READONLY": "the database file is read-only for this user; correct its permissions or name another",
    "SQLITE_CANTOPEN": "the database file cannot be opened; correct its permissions or name another",
    "53100": "the disk of the database is full",
    "SQLITE_FULL": "the disk of the database is full",
    "42501": "the database's user lacks a right: {text}",
    "42P01": "the schema is not whole: {text}; run: splitcart db check",
    "42703": "the schema is not whole: {text}; run: splitcart db check",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_CORRUPT": "the database file is damaged; restore it from a backup, or give another its place and run:"
    " splitcart db replay --all",
}
_TIMED_OUT = "a statement took longer than SPLITCART_STATEMENT_TIMEOUT_SECONDS; raise it, or run it at a quieter hour"
_WENT_AWAY = "the database ended the connection ({text}); run it again"


class DatabaseError(FailedError):
    """The database cannot be used as it is; the text says what to do."""


def explained(error: sa.exc.DBAPIError, engine: sa.Engine) -> DatabaseError | None:
    """Return the error in words that help an operator; None for one that is no matter of operation."""
    text = str(error.orig).partition("\n")[0]
    meaning = _meaning(error, text)
    if meaning is None:
        return None
    return DatabaseError(f"{engine.url.render_as_string()}: {meaning.format(text=text)}")


def _meaning(error: sa.exc.DBAPIError, text: str) -> str | None:
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None) or ""
    if code == "57014" and "statement timeout" in text:
        return _TIMED_OUT
    if error.connection_invalidated or code.startswith(("57P", "08")):
        return _WENT_AWAY
    if code == "0A000" and "recovery" in text:
        code = "25006"  # a standby that is asked for a transaction that writes
    return next((meaning for name, meaning in _MEANINGS.items() if code.startswith(name)), None)
