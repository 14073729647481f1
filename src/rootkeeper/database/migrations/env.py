"""Runs the steps for Alembic, on the connection and in the transaction that the opener already holds."""

from __future__ import annotations

from alembic import context

from rootkeeper.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
