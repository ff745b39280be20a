"""What is stored: models, engine, migrations.

In: a database URL. Out: sessions on a schema that is current. PostgreSQL serves, SQLite is embedded; both hold the
same rows.
"""

from splitcart.database.engine import attempt, create_engine, reading, transaction
from splitcart.database.locks import BusyError, only_one
from splitcart.database.models import OFFER_COLUMNS, Base
from splitcart.database.schema import open_database, upgrade
from splitcart.database.troubles import DatabaseError

__all__ = [
    "OFFER_COLUMNS",
    "Base",
    "BusyError",
    "DatabaseError",
    "attempt",
    "create_engine",
    "only_one",
    "open_database",
    "reading",
    "transaction",
    "upgrade",
]
