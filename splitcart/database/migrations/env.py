"""Alembic's entry: the connection is handed in by ``splitcart.database.engine``."""

from alembic import context

from splitcart.database.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    user_module_prefix="models.",
)
with context.begin_transaction():
    context.run_migrations()
