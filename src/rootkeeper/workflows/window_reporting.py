"""Gathering what is known of one recovery window into a report; nothing is asked of AWS."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.window_reports import WindowReport, make_window_report
from rootkeeper.ports.ledger import LedgerReader
from rootkeeper.ports.window_events import WatchedEventReader
from rootkeeper.ports.windows import RecoveryWindows


@dataclass(frozen=True, slots=True)
class WindowReporter:
    """Reads window, ledger and watched events."""

    windows: RecoveryWindows
    ledger_reader: LedgerReader
    events: WatchedEventReader
    endpoint: str
    organization_id: str

    def report(self, window_id_or_account_id: str) -> WindowReport:
        """:raises InputError: if there is no such window."""
        window = self.windows.get(window_id_or_account_id)
        entries = self.ledger_reader.list_entries(account_id=window.account_id)
        mine = (entry for entry in entries if entry.organization_id == self.organization_id)
        return make_window_report(window, mine, self.events.list_of_window(window.window_id), self.endpoint)
