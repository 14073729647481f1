"""The recovery windows of a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rootkeeper.domain.openings import OpeningOutcome
from rootkeeper.domain.window_records import window_from_record
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.errors import NotFoundError
from rootkeeper.remote.connections import PAGE, Connection, segment


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """What somebody asks for; the server finds the account and checks the rest."""

    account: str
    """An id or a unique name."""
    reason: str
    ticket: str | None
    duration_seconds: int
    is_drill: bool = False
    is_emergency: bool = False


@dataclass(frozen=True, slots=True)
class RemoteOpening:
    """What came of an activation."""

    window: RecoveryWindow
    outcome: OpeningOutcome
    explanation: str
    hint: str | None
    exit_status: int


@dataclass(frozen=True, slots=True)
class RemoteClosing:
    """What came of a closing."""

    window: RecoveryWindow
    is_closed: bool
    explanation: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class RemoteWindows:
    """Asks the server; it decides who may.

    :raises RootkeeperError: what the server refuses, as its own error.
    """

    connection: Connection

    def list_windows(self, *, unfinished_only: bool) -> tuple[RecoveryWindow, ...]:
        """The newest first."""
        query = {"unfinished": unfinished_only, "limit": PAGE}
        return tuple(self._parse(record) for record in self.connection.list_pages("windows", "windows", query))

    def get(self, text: str) -> RecoveryWindow:
        """The window of that id, or the latest of that account.

        :raises NotFoundError: if there is none.
        """
        try:
            return self._parse(self.connection.get(f"windows/{segment(text)}"))
        except NotFoundError:
            account_id = self._find_account(text)
            if account_id is None:
                raise
            return self._parse(self.connection.get(f"windows/{account_id}"))

    def request(self, wanted: WindowRequest) -> RecoveryWindow:
        """Ask for one; APPROVED at once where no approval is owed."""
        return self._parse(self.connection.post("windows", asdict(wanted)))

    def approve(self, window: RecoveryWindow) -> RecoveryWindow:
        """Approve it as it was seen: another account or length is refused."""
        terms = {"account_id": window.account_id, "duration_seconds": window.duration_seconds}
        return self._change(window.window_id, "approve", terms)

    def deny(self, window: RecoveryWindow, reason: str) -> RecoveryWindow:
        return self._change(window.window_id, "deny", {"reason": reason})

    def cancel(self, window: RecoveryWindow) -> RecoveryWindow:
        return self._change(window.window_id, "cancel")

    def extend(self, window: RecoveryWindow, seconds: int) -> RecoveryWindow:
        """Consent to so much more."""
        return self._change(window.window_id, "extend", {"duration_seconds": seconds})

    def review(self, window: RecoveryWindow) -> RecoveryWindow:
        return self._change(window.window_id, "review")

    def activate(self, window_id: str) -> RemoteOpening:
        """Open it; answered when AWS has shown what came of it."""
        return self.connection.understand(_parse_opening, self._post(window_id, "activate"))

    def close(self, window_id: str) -> RemoteClosing:
        """Close it now; answered when a re-read has shown what came of it."""
        return self.connection.understand(_parse_closing, self._post(window_id, "close"))

    def read_report(self, window_id: str) -> Mapping[str, Any]:
        """What is known of it, as JSON values, and as Markdown under ``markdown``."""
        record: Mapping[str, Any] = self.connection.get(f"windows/{segment(window_id)}/report")
        return record

    def _change(self, window_id: str, what: str, body: Mapping[str, Any] | None = None) -> RecoveryWindow:
        return self._parse(self._post(window_id, what, body))

    def _post(self, window_id: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.connection.post(f"windows/{segment(window_id)}/{what}", body)

    def _parse(self, record: Any) -> RecoveryWindow:
        return self.connection.understand(window_from_record, record)

    def _find_account(self, name: str) -> str | None:
        """The id of the one account of that name, as far as the server knows accounts."""
        found = [
            self.connection.understand(lambda record: str(record["account_id"]), account)
            for account in self.connection.list_pages("accounts", "accounts", {"q": name, "limit": PAGE})
            if account.get("name") == name
        ]
        return found[0] if len(found) == 1 else None


def _parse_opening(record: Mapping[str, Any]) -> RemoteOpening:
    return RemoteOpening(
        window=window_from_record(record),
        outcome=OpeningOutcome(record["outcome"]),
        explanation=record["explanation"],
        hint=record["hint"],
        exit_status=int(record["exit_status"]),
    )


def _parse_closing(record: Mapping[str, Any]) -> RemoteClosing:
    return RemoteClosing(
        window=window_from_record(record),
        is_closed=record["is_closed"] is True,
        explanation=record["explanation"],
        hint=record["hint"],
    )
