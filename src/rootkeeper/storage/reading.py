"""Reading transactions: one snapshot each, and database errors told as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.errors import DatabaseError
from rootkeeper.storage.dialects import Store, explain


@contextmanager
def reading(store: Store) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever is written meanwhile.

    :raises DatabaseError: if the database can't be read.
    """
    try:
        with store.engine.connect() as connection, connection.begin():
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise _translate(store, error) from error


@contextmanager
def glancing(store: Store) -> Iterator[Connection]:
    """A connection for one statement, which is a transaction of its own: on a server, two answers fewer to wait for.

    :raises DatabaseError: if the database can't be read.
    """
    try:
        with store.engine.connect().execution_options(**store.glance_options) as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise _translate(store, error) from error


def _translate(store: Store, error: Exception) -> DatabaseError:
    reason, hint = explain(error)
    return DatabaseError(f"The database {store.place} can't be read: {reason}.", hint=hint)
