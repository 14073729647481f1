"""Compares the rows of recovery windows with the ledger: of all windows at once, or again and again on a server.

A server reads each entry once. Each comparison reads the rows and the new entries in one snapshot, because an entry is
written before its row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.errors import DatabaseError, WindowConflictError
from rootkeeper.ledger.rules import LedgerEntry
from rootkeeper.ledger.writer import GroupCommit, OrganizationStore, parse_entry_row, read_head
from rootkeeper.windows.entries import ENTRY_ACTIONS, RecordedWindow, RecordedWindows, correct, find_contradictions
from rootkeeper.windows.rules import RecoveryWindow
from rootkeeper.windows.store import parse_window

_CHUNK_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class ContradictingWindow:
    """A window's row that contradicts its entries."""

    window: RecoveryWindow
    recorded: RecordedWindow | None
    contradictions: tuple[str, ...]

    def make_correction(self, now: datetime) -> Callable[[RecoveryWindow], RecoveryWindow] | None:
        """Make the step that corrects the row; ``None`` if the entries don't say how.

        The step raises a ``WindowConflictError`` if the row has changed since the comparison.
        """
        if self.recorded is None or correct(self.window, self.recorded, now) == self.window:
            return None
        recorded = self.recorded

        def step(found: RecoveryWindow) -> RecoveryWindow:
            if found != self.window:
                raise WindowConflictError(f"Recovery window {found.window_id} isn't as it was when it was compared.")
            return correct(found, recorded, now)

        return step


class WindowComparison(OrganizationStore):
    """Compares the unfinished windows, and those that may be open by their entries. Not thread-safe."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        super().__init__(store, commits, organization_id)
        self._recorded = RecordedWindows()
        self._sequence = 0
        """The last entry that was read."""

    def compare(self) -> tuple[tuple[ContradictingWindow, ...], tuple[RecordedWindow, ...]]:
        """Return the windows whose rows contradict the ledger, and those that may be open and have no row.

        :raises DatabaseError: if the database can't be read, or was replaced.
        """
        self._commits.require_known_ledger()
        windows = schema.recovery_windows
        with reading(self._store) as connection:
            head = read_head(connection).sequence
            entries = _list_entries(connection, self._sequence, head)
            self._recorded.take_all(entry for entry in entries if entry.organization_id == self._organization_id)
            self._sequence = max(self._sequence, head)
            recorded = self._recorded.windows
            open_ids = {window_id for window_id, window in recorded.items() if window.must_be_closed}
            statement = select(windows).where(
                windows.c.organization_id == self._organization_id,
                (windows.c.unfinished_account_id > "") | windows.c.window_id.in_(sorted(open_ids)),
            )
            rows = [parse_window(row) for row in connection.execute(statement)]
        found = (
            ContradictingWindow(window, known, find_contradictions(window, known))
            for window in rows
            for known in (recorded.get(window.window_id),)
        )
        missing = open_ids - {window.window_id for window in rows}
        return (
            tuple(window for window in found if window.contradictions),
            tuple(recorded[window_id] for window_id in sorted(missing) if recorded[window_id].request is not None),
        )


def find_row_contradictions(connection: Connection) -> Sequence[str]:
    """Compare all windows of all organizations with their entries; a sentence for each contradiction."""
    recorded: defaultdict[str, RecordedWindows] = defaultdict(RecordedWindows)
    for entry in _list_entries(connection, 0, read_head(connection).sequence):
        recorded[entry.organization_id].take(entry)
    rows = connection.execute(select(schema.recovery_windows).order_by(schema.recovery_windows.c.requested_at))
    problems, known_ids = list[str](), set[tuple[str, str]]()
    for row in rows:
        known_ids.add((row.organization_id, row.window_id))
        try:
            window = parse_window(row)
        except DatabaseError as error:
            problems.append(error.message)
            continue
        problems += find_contradictions(window, recorded[window.organization_id].windows.get(window.window_id))
    problems += [
        describe_missing(window_id)
        for organization_id, of_organization in recorded.items()
        for window_id in of_organization.windows
        if (organization_id, window_id) not in known_ids
        and of_organization.windows[window_id].request is not None
        and of_organization.windows[window_id].must_be_closed
    ]
    return problems


def describe_missing(window_id: str) -> str:
    """Describe a window that the ledger knows as open, and the database not at all."""
    return f"Recovery window {window_id} isn't in the database, but its entries say that it may be open."


def _list_entries(connection: Connection, after: int, until: int) -> Iterator[LedgerEntry]:
    """List the entries about windows. A row that isn't an entry any more is left out: the chain shows it."""
    entries, last = schema.ledger_entries, after
    actions = sorted(action.value for action in ENTRY_ACTIONS)
    while last < until:
        statement = (
            select(entries)
            .where(entries.c.sequence > last, entries.c.sequence <= until, entries.c.action.in_(actions))
            .order_by(entries.c.sequence)
            .limit(_CHUNK_ROWS)
        )
        rows = connection.execute(statement).mappings().all()
        for row in rows:
            try:
                yield parse_entry_row(row)
            except ValueError:
                continue
        if len(rows) < _CHUNK_ROWS:
            return
        last = rows[-1]["sequence"]
