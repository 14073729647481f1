"""``recover --server``: request and activation in one where no approval is owed; the server closes the window."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.countdown import open_countdown
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.confirming import open_confirmation
from rootkeeper.cli.on_server.windows import (
    close_and_show,
    describe_next,
    describe_request,
    end_unopened,
    make_request,
    tell,
    tell_steps,
)
from rootkeeper.cli.recovery_options import RecoveryOptions
from rootkeeper.cli.rendering.windows import show_window
from rootkeeper.cli.stopping import StopRequests
from rootkeeper.clock import SystemClock
from rootkeeper.domain.access import Permission
from rootkeeper.domain.openings import OpeningOutcome
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import RootkeeperError, ServerUnreachableError, UnprovenChangeError
from rootkeeper.remote.windows import RemoteOpening, RemoteWindows, WindowRequest

if TYPE_CHECKING:
    from rootkeeper.cli.countdown import Countdown
    from rootkeeper.ports.stopping import StopSignal
    from rootkeeper.remote.server import RemoteServer

_LOOK_SECONDS = 1.0
_UNREACHABLE_SECONDS = 120.0


def recover(
    invocation: Invocation,
    server: RemoteServer,
    change: ChangeOptions,
    options: RecoveryOptions,
    *,
    leave_open: bool,
    is_emergency: bool,
) -> int:
    """Request it, open it if nobody has to approve, and wait for its end unless told otherwise."""
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    wanted = make_request(options, is_emergency=is_emergency)
    membership = server.read_membership()
    confirmation = open_confirmation(invocation, server, change, output, Permission.WINDOWS_REQUEST, membership)
    if change.dry_run:
        confirmation.show_context()
        return tell(invocation, _statement(wanted))
    confirmation.ensure(_statement(wanted))
    window = server.windows.request(wanted)
    if window.state is not WindowState.APPROVED:
        tell(invocation, describe_next(window))
        return _show(invocation, window, output)
    with StopRequests() as stop:
        opening = _activate(server.windows, window)
        if opening.outcome is not OpeningOutcome.OPEN:
            return end_unopened(invocation, opening)
        tell_steps(invocation, server, opening.window, membership.endpoint.people_url)
        if leave_open:
            return _show(invocation, opening.window, output)
        with open_countdown(invocation.terminal, opening.window, SystemClock()) as countdown:
            waiting = WindowFollowing(server.windows.get, invocation.terminal.remark, stop, time.monotonic)
            window = waiting.wait(opening.window, countdown)
        if stop.asked_once() and window.state not in FINAL_STATES:
            invocation.terminal.remark("Closing now.")
            return close_and_show(invocation, server, window, output)
    return _end(invocation, window, output)


def _statement(wanted: WindowRequest) -> list[str]:
    return [
        describe_request(wanted),
        (
            "Where nobody has to approve it, it opens at once: whoever reads the root user's mailbox can then set a "
            "password and sign in as root user."
        ),
        "The server closes it at its end and deletes every root user credential of the account.",
    ]


def _activate(windows: RemoteWindows, window: RecoveryWindow) -> RemoteOpening:
    """What can't be opened shall not stand in the next request's way."""
    try:
        return windows.activate(window.window_id)
    except (ServerUnreachableError, UnprovenChangeError):
        raise
    except RootkeeperError:
        with suppress(RootkeeperError):
            windows.cancel(window)
        raise


@dataclass(slots=True)
class WindowFollowing:
    """One open window, as somebody waits for its end. The server closes it, whether anybody waits or not."""

    read: Callable[[str], RecoveryWindow]
    remark: Callable[[str], None]
    stop: StopSignal
    monotonic: Callable[[], float]
    _unreachable_since: float | None = None

    def wait(self, window: RecoveryWindow, countdown: Countdown) -> RecoveryWindow:
        """The window when it is over, when closing it failed, or when somebody asks to stop.

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


def _end(invocation: Invocation, window: RecoveryWindow, output: OutputFormat) -> int:
    is_closed = window.state is WindowState.CLOSED_VERIFIED
    if window.state is WindowState.CLOSE_FAILED:
        invocation.terminal.remark(
            f"It isn't closed: {window.failure or 'no reason is told.'} The server goes on trying.", style="bold red"
        )
    elif is_closed:
        invocation.terminal.remark("Closed: a re-read shows no root user credential in the account.")
    _show(invocation, window, output)
    return ExitStatus.GOOD if is_closed else ExitStatus.INCOMPLETE


def _show(invocation: Invocation, window: RecoveryWindow, output: OutputFormat) -> int:
    show_window(window, output, invocation.terminal, datetime.now(UTC))
    return ExitStatus.GOOD
