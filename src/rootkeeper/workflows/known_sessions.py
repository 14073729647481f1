"""Which root sessions the ledger tells of lately, read on from where it was read to.

Most root events are those of our own audits. So the ledger's part of the last days is kept in memory, and only what is
new in it is read for each lot of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.domain.ledger import Action
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.root_events import RecordedSession, collect_sessions
from rootkeeper.ports.ledger import LedgerReader

MARGIN = timedelta(hours=1)
"""A session lasts 15 minutes at most, and its entry may be written a while after its first call."""
_LARGEST = 200_000
"""Sessions that are kept in memory; beyond it the older half is forgotten, and read again if it is needed."""


@dataclass(slots=True)
class KnownSessionReader:
    """The sessions of one organization at one endpoint; for one thread."""

    ledger: LedgerReader
    organization_id: str
    endpoint_label: str
    _sessions: dict[str, RecordedSession] = field(default_factory=dict)
    _first_at: datetime | None = None
    """From when on every entry was read; ``None``: none was."""
    _last_sequence: int = 0

    def find_all(self, since: datetime) -> Mapping[str, RecordedSession]:
        """Those of the time from ``since`` on, and maybe earlier ones.

        :raises DatabaseError: if the ledger can't be read.
        """
        wanted = since - MARGIN
        if self._first_at is None or wanted < self._first_at:
            self._sessions, self._first_at = {}, wanted
            self._last_sequence = find_sequence_before(self.ledger, wanted)
        self._read_on()
        return self._sessions

    def list_pending(self) -> frozenset[AccountId]:
        """Accounts in which a root session may be that the ledger doesn't tell of yet: its intent has no outcome.

        :raises DatabaseError: if the ledger can't be read.
        """
        found: set[AccountId] = set()
        for entry in self.ledger.list_open_intents():
            if entry.action is Action.ROOT_SESSION_OPEN and entry.account_id is not None:
                found.add(entry.account_id)
            elif entry.action is Action.ACCOUNTS_AUDIT:
                account_ids = entry.parameters.get("account_ids")
                found.update(AccountId(str(one)) for one in account_ids if one) if isinstance(account_ids, list) else ()
        return frozenset(found)

    def _read_on(self) -> None:
        for entry in self.ledger.list_entries(since_sequence=self._last_sequence):
            self._sessions.update(collect_sessions([entry], self.organization_id, self.endpoint_label))
            self._last_sequence = entry.sequence
        if len(self._sessions) > _LARGEST:
            self._forget()

    def _forget(self) -> None:
        newest = list(self._sessions.items())[len(self._sessions) // 2 :]
        self._sessions = dict(newest)
        first = next(iter(self.ledger.list_entries(since_sequence=newest[0][1].sequence, limit=1)), None)
        self._first_at = None if first is None else first.at


def find_sequence_before(ledger: LedgerReader, moment: datetime) -> int:
    """The sequence of the last entry before ``moment``, or an earlier one; 0 if there is none.

    A clock that was set back lets times go backwards within the ledger: then it is earlier than need be.
    """
    low, high = 0, 1
    while (entry_at := _find_time(ledger, high)) is not None and entry_at < moment:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        entry_at = _find_time(ledger, middle)
        if entry_at is not None and entry_at < moment:
            low = middle
        else:
            high = middle
    return low


def _find_time(ledger: LedgerReader, sequence: int) -> datetime | None:
    """Of that entry; ``None`` beyond the last one."""
    entry = next(iter(ledger.list_entries(since_sequence=sequence - 1, limit=1)), None)
    return None if entry is None else entry.at
