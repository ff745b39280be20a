"""What is stored: models, engine, migrations.

In: a database URL. Out: sessions on a schema that is current. PostgreSQL serves, SQLite is embedded; both hold the
same rows.
"""

from splitcart.database.engine import DatabaseError, create_engine, open_database, reading, transaction, upgrade
from splitcart.database.models import OFFER_COLUMNS, Base

__all__ = [
    "OFFER_COLUMNS",
    "Base",
    "DatabaseError",
    "create_engine",
    "open_database",
    "reading",
    "transaction",
    "upgrade",
]
