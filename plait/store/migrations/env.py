"""Runs migrations on the connection, and inside the transaction, that `plait.store.engine` hands over."""

from alembic import context

from plait.store.tables import Row
from plait.store.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Row.metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
