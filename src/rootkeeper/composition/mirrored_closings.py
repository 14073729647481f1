"""Closes recovery windows while a starting server waits for its database: the ledger's mirror knows them.

A database that hangs or refuses connections must keep no window open, also not across a restart. Closing needs no
write: the spill file records it, and a later start merges that. A window closed in this way is closed once more then,
because only a recorded re-read ends it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from rootkeeper.aws.rules import SERVER_NAME, AwsWork
from rootkeeper.composition.application import Application
from rootkeeper.database.engines import open_store
from rootkeeper.database.files import read_lines
from rootkeeper.errors import DatabaseError, DatabaseNewerError, DatabaseOutdatedError, RootkeeperError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.owners import UnregisteredOwner
from rootkeeper.ledger.rules import Actor, ActorKind, LedgerEntry, parse_entry
from rootkeeper.organization.progress import RemarkProgress
from rootkeeper.organization.threads import KeyedExecutor, start_keyed_executor
from rootkeeper.windows.closing import WindowCloser
from rootkeeper.windows.entries import ENTRY_ACTIONS, RecordedWindows, rebuild
from rootkeeper.windows.imports import list_spilled_closings
from rootkeeper.windows.rules import CloseOutcome, RecoveryWindow, WindowState

if TYPE_CHECKING:
    from rootkeeper.composition.serving import ServerRuntime
    from rootkeeper.ledger.spill import SpillLedger

PATIENCE_SECONDS = 3.0
"""How long a start waits for its database before it closes windows by the mirror. A start that fails waits as long for
windows that end soon.
"""

_LOOK_SECONDS = 1.0
_CLOSINGS_AT_ONCE = 8
_LAST_PASS_SECONDS = 20.0
"""How long closings may take when the start fails."""

_MARKS = tuple(f'"action":"{action.value}"'.encode() for action in ENTRY_ACTIONS)
"""In the lines of entries about windows: a mirror may have millions of other lines."""


class MirrorApplication(Application):
    """The use cases of closing, with a database that isn't asked anything."""

    def __init__(self, server: ServerRuntime, ledger_id: str) -> None:
        """:param ledger_id: the hash of the ledger's first entry.

        :raises AwsError: if AWS can't be asked.
        """
        super().__init__(server.settings, warn=server.warn, clock=server.clock)
        self._ledger_id = ledger_id
        self.organization_id = server.organization.organization_id
        self.aws = server.accesses.gateway_pool.gateway(AwsWork.RECOVER, SERVER_NAME)
        self.actor = Actor(SERVER_NAME, ActorKind.SERVER)

    @cached_property
    def database(self) -> Database:
        """No connection is made."""
        return Database(open_store(self.settings.database.url), self._database_options)

    def open_spill(self) -> SpillLedger:
        owner = UnregisteredOwner(self.clock)
        return self.database.open_spill(self.organization_id, self.endpoint, self.actor, owner, self._ledger_id)


class MirroredClosings:
    """Closes windows by the mirror while a start waits for its database."""

    def __init__(self, server: ServerRuntime, mirror: Path) -> None:
        """:param mirror: if it is missing, nothing is known and nothing is closed."""
        self._server = server
        self._mirror = mirror
        self._is_over = threading.Event()
        self._closed: set[str] = set()
        self._closer: WindowCloser | None = None
        self._known: tuple[RecoveryWindow, ...] = ()
        self._read_size = -1
        """The size of the mirror when it was last read."""

    @cached_property
    def _executor(self) -> KeyedExecutor:
        return start_keyed_executor(_CLOSINGS_AT_ONCE, "closing by the mirror", self._remark)

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Close what is due while the block waits; if the block fails for the database, close what is due before."""
        threading.Thread(target=self._run, name="rootkeeper-mirrored-closings", daemon=True).start()
        try:
            yield
        except (DatabaseOutdatedError, DatabaseNewerError):
            raise  # the version that fits it closes its windows
        except DatabaseError:
            self._close_due()
            if (wait := self._find_wait()) > 0:
                time.sleep(wait)
                self._close_due()
            self._executor.wait_idle(_LAST_PASS_SECONDS)
            raise
        finally:
            self._is_over.set()

    def _run(self) -> None:
        if self._is_over.wait(PATIENCE_SECONDS):
            return
        self._remark("ALERT: the database doesn't answer. Recovery windows are closed by the ledger's mirror.")
        while True:
            self._close_due()
            if self._is_over.wait(_LOOK_SECONDS):
                return

    def _close_due(self) -> None:
        try:
            self._read()
            if self._closer is not None:
                now = self._closer.acting.window_clock.now()
                due = [window for window in self._known if window.expires_at is None or window.expires_at <= now]
                for window in due:
                    if window.window_id not in self._closed:
                        self._executor.offer(window.account_id, partial(self._close, self._closer, window))
        except (OSError, ValueError, RootkeeperError) as error:
            self._remark(f"ALERT: recovery windows can't be closed by the ledger's mirror: {error}")

    def _find_wait(self) -> float:
        """Find how many seconds to wait for windows that end within a moment: the next start may be much later.

        AWS tells its time in whole seconds, so a window that has just ended may not be due yet.
        """
        if self._closer is None:
            return 0
        now = self._closer.acting.window_clock.now()
        left = [(window.expires_at - now).total_seconds() for window in self._known if window.expires_at is not None]
        return max((seconds for seconds in left if 0 < seconds <= PATIENCE_SECONDS), default=0)

    def _read(self) -> None:
        """Read the mirror again if it has grown."""
        with suppress(FileNotFoundError):
            size = self._mirror.stat().st_size
            if size == self._read_size:
                return
            first = next(read_lines(self._mirror), None)
            if first is None:
                return
            if self._closer is None:
                application = MirrorApplication(self._server, parse_entry(first.decode()).entry_hash)
                self._closer = WindowCloser(application, RemarkProgress(self._remark))
            acting = self._closer.acting
            self._known = list_open_windows(self._mirror, acting.organization_id, acting.window_clock.now())
            self._closed |= list_spilled_closings(acting.database.list_spills())
            self._read_size = size

    def _close(self, closer: WindowCloser, window: RecoveryWindow) -> None:
        """Runs on a thread of the executor."""
        closing = closer.attempt_beside(window, lambda _: True, can_read=False)
        self._remark(f"ALERT: recovery window {window.window_id}: {closing.explanation}")
        if closing.outcome is CloseOutcome.CLOSED_UNRECORDED:
            self._closed.add(window.window_id)

    def _remark(self, text: str) -> None:
        self._server.log.error("closing.mirrored", text)


def list_open_windows(mirror: Path, organization_id: str, now: datetime) -> tuple[RecoveryWindow, ...]:
    """List the windows that were opened and not closed, by the entries of a mirror.

    :raises OSError: if it can't be read.
    """
    recorded = RecordedWindows().take_all(_list_entries(mirror, organization_id)).windows.values()
    windows = [rebuild(window, now) for window in recorded if window.must_be_closed]
    return tuple(window for window in windows if window is not None and window.state is not WindowState.OPENING)


def _list_entries(mirror: Path, organization_id: str) -> Iterator[LedgerEntry]:
    """Without the lines that aren't entries: the chain shows them later."""
    for line in read_lines(mirror):
        if any(mark in line for mark in _MARKS):
            with suppress(ValueError):
                entry = parse_entry(line.decode())
                if entry.organization_id == organization_id:
                    yield entry
