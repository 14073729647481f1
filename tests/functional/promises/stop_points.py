"""Where a run stops itself, as if by SIGSTOP: between the commit of an intent and the call that it allows."""

from __future__ import annotations

import signal
import threading
from typing import Any

import sqlalchemy


class StopAfterIntent:
    """A listener of SQLAlchemy's public commit event; stops the process once."""

    def __init__(self, action: str) -> None:
        self._action = action
        self._has_stopped = False

    def __call__(self, connection: sqlalchemy.Connection) -> None:
        if self._has_stopped or not self._is_due(connection):
            return
        self._has_stopped = True
        database: Any = connection.connection
        database.commit()
        # To this thread and not to the process: then another thread would take the signal, and on a busy machine this
        # one continued for some 4 ms meanwhile, enough for the call to leave.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def _is_due(self, connection: sqlalchemy.Connection) -> bool:
        """Before the commit, in its own transaction."""
        database: Any = connection.connection.dbapi_connection
        if not (database.in_transaction and database.execute(_FIND_LEDGER).fetchone()):
            return False
        return bool(database.execute(_SELECT_LAST).fetchone() == (self._action, "intent"))


_FIND_LEDGER = "SELECT 1 FROM sqlite_master WHERE name = 'ledger_entries'"
_SELECT_LAST = "SELECT action, phase FROM ledger_entries ORDER BY sequence DESC LIMIT 1"
