"""Alembic's entry: the connection is handed in by ``splitcart.database.engine``."""

from alembic import context

from splitcart.database.models import Base
from splitcart.database.partitions import is_no_partition

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    user_module_prefix="models.",
    include_name=is_no_partition,
)
with context.begin_transaction():
    context.run_migrations()
