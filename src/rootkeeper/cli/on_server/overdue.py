"""Windows that a server should have closed: every command through it names them, loudly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.errors import RootkeeperError

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer

PATIENCE = timedelta(minutes=1)
"""A server closes at the end; so much later something keeps it from doing so."""


def name_overdue(server: RemoteServer, terminal: Terminal) -> None:
    """Name each window that is past its end; nothing is changed. What can't be told is remarked."""
    try:
        unfinished = server.windows.list_windows(unfinished_only=True)
    except RootkeeperError as error:
        terminal.remark(f"Whether a recovery window is overdue isn't known: {error.message}", style="bold red")
        return
    now = datetime.now(UTC)
    for window in unfinished:
        name_if_overdue(window, now, terminal)


def name_if_overdue(window: RecoveryWindow, now: datetime, terminal: Terminal) -> None:
    """One window."""
    if window.is_overdue(now - PATIENCE):
        failure = f": {window.failure}" if window.failure else "."
        terminal.remark(
            f"ALERT: recovery window {window.window_id} of account {window.account_id} is past its end and still "
            f"{window.state.value}{failure}",
            style="bold red",
        )
