"""The recovery windows of a server: requests, approvals, openings and closings, and waiting for an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.countdown import open_countdown
from rootkeeper.cli.operator.interface import Recovery
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.rendering.windows import describe_request
from rootkeeper.cli.terminal import Terminal
from rootkeeper.clock import SystemClock
from rootkeeper.domain.openings import ClosingResult, OpeningResult, OpenOutcome, WindowRequest
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.window_records import window_from_record
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import NotFoundError, RootkeeperError, ServerUnreachableError, UnprovenChangeError
from rootkeeper.remote.connections import PAGE, Connection, segment
from rootkeeper.remote.server import RemoteServer

if TYPE_CHECKING:
    from rootkeeper.cli.countdown import Countdown
    from rootkeeper.ports.stopping import StopSignal

_LOOK_SECONDS = 1.0
_UNREACHABLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class RemoteWindows:
    """Asks one server, which decides who may do what.

    :raises RootkeeperError: what the server refuses, as its own error.
    """

    server: RemoteServer

    @property
    def connection(self) -> Connection:
        return self.server.connection

    def list_windows(self, *, unfinished: bool) -> tuple[RecoveryWindow, ...]:
        """The newest first."""
        query = {"unfinished": unfinished, "limit": PAGE}
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

    def activate(self, window: RecoveryWindow) -> OpeningResult:
        """Open it; answered when AWS has shown what came of it."""
        return self.connection.parse_answer(_parse_opening, self._post(window.window_id, "activate"))

    def close(self, window: RecoveryWindow) -> ClosingResult:
        """Close it now; answered when a re-read has shown what came of it."""
        return self.connection.parse_answer(_parse_closing, self._post(window.window_id, "close"))

    def read_report(self, window: RecoveryWindow) -> tuple[Record, str]:
        """What is known of it, as JSON values and as Markdown."""
        record = dict(self.connection.get(f"windows/{segment(window.window_id)}/report"))
        markdown = self.connection.parse_answer(lambda found: str(found.pop("markdown")), record)
        return record, markdown

    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        """What a person does in the open window."""
        from rootkeeper.workflows.recovery_guidance import list_steps_on_server

        people_url = self.server.read_membership().endpoint.people_url
        email = self._find_email(window.account_id) or "the root user's address"
        return list_steps_on_server(email, window, people_url)

    def _find_email(self, account_id: AccountId) -> str | None:
        """The root user's address, as far as the server knows the account."""
        try:
            record = self.connection.get(f"accounts/{account_id}")
        except NotFoundError:
            return None
        return self.connection.parse_answer(lambda found: str(found["email"]), record)

    def _change(self, window_id: str, what: str, body: Mapping[str, Any] | None = None) -> RecoveryWindow:
        return self._parse(self._post(window_id, what, body))

    def _post(self, window_id: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.connection.post(f"windows/{segment(window_id)}/{what}", body)

    def _parse(self, record: Any) -> RecoveryWindow:
        return self.connection.parse_answer(window_from_record, record)

    def _find_account(self, name: str) -> str | None:
        """The id of the one account of that name, as far as the server knows accounts."""
        found = [
            self.connection.parse_answer(lambda record: str(record["account_id"]), account)
            for account in self.connection.list_pages("accounts", "accounts", {"q": name, "limit": PAGE})
            if account.get("name") == name
        ]
        return found[0] if len(found) == 1 else None


def _parse_opening(record: Mapping[str, Any]) -> OpeningResult:
    return OpeningResult(
        window=window_from_record(record),
        outcome=OpenOutcome(record["outcome"]),
        explanation=record["explanation"],
        hint=record["hint"],
        exit_status=int(record["exit_status"]),
    )


def _parse_closing(record: Mapping[str, Any]) -> ClosingResult:
    return ClosingResult(
        window=window_from_record(record),
        is_closed=record["is_closed"] is True,
        explanation=record["explanation"],
        hint=record["hint"],
    )


class RemoteRecovery(Recovery):
    """Requests a window and, where it needs no approval, opens it. The server closes it at its end."""

    def __init__(self, windows: RemoteWindows, terminal: Terminal, request: WindowRequest) -> None:
        self._windows, self._terminal, self._request = windows, terminal, request
        self.statement = [
            describe_request(request),
            (
                "Where it needs no approval, it opens at once: anyone who reads the root user's mailbox can then set a "
                "password and sign in as root user."
            ),
            "The server closes it at its end and deletes every root user credential of the account.",
        ]

    def open(self) -> OpeningResult:
        window = self._windows.request(self._request)
        if window.state is not WindowState.APPROVED:
            return OpeningResult(window, None)
        try:
            return self._windows.activate(window)
        except (ServerUnreachableError, UnprovenChangeError):
            raise
        except RootkeeperError:
            with suppress(RootkeeperError):  # what can't be opened must not block the next request
                self._windows.cancel(window)
            raise

    def list_steps(self, window: RecoveryWindow) -> Sequence[str]:
        return self._windows.list_steps(window)

    def wait(self, window: RecoveryWindow, stop: StopSignal) -> ClosingResult:
        with open_countdown(self._terminal, window, SystemClock()) as countdown:
            waiting = WindowFollower(self._windows.get, self._terminal.remark, stop, time.monotonic)
            window = waiting.wait(window, countdown)
        if stop.asked_once() and window.state not in FINAL_STATES:
            self._terminal.remark("Closing now.")
            return self._windows.close(window)
        if window.state is WindowState.CLOSED_VERIFIED:
            return ClosingResult(window, True, "Closed: a re-read shows no root user credential in the account.")
        if window.state is WindowState.CLOSE_FAILED:
            reason = window.failure or "no reason is known."
            return ClosingResult(window, False, f"It isn't closed: {reason} The server keeps trying.")
        return ClosingResult(window, False, f"It isn't shown to be closed: its state is {window.state.value}.")


@dataclass(slots=True)
class WindowFollower:
    """One open window whose end a person waits for. The server closes it, whether or not a person waits."""

    read: Callable[[str], RecoveryWindow]
    remark: Callable[[str], None]
    stop: StopSignal
    monotonic: Callable[[], float]
    _unreachable_since: float | None = None

    def wait(self, window: RecoveryWindow, countdown: Countdown) -> RecoveryWindow:
        """The window when it is over, when closing it failed, or when a person asks to stop.

        :raises ServerUnreachableError: if the server hasn't answered for two minutes.
        """
        while window.state not in FINAL_STATES and window.state is not WindowState.CLOSE_FAILED:
            countdown.tick()
            if self.stop.wait(_LOOK_SECONDS):
                break
            window = self._look(window)
            countdown.show(window)
        return window

    def _look(self, window: RecoveryWindow) -> RecoveryWindow:
        try:
            found = self.read(window.window_id)
        except ServerUnreachableError as error:
            now = self.monotonic()
            if self._unreachable_since is None:
                self._unreachable_since = now
                self.remark(f"{error.message} Waiting for it.")
            if now - self._unreachable_since > _UNREACHABLE_SECONDS:
                raise ServerUnreachableError(
                    f"{error.message} It closes recovery window {window.window_id} once it runs again.",
                    hint=f"Start it, then look: rootkeeper windows show {window.window_id}",
                ) from error
            return window
        self._unreachable_since = None
        return found
