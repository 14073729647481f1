"""``windows --server``: request, approve, open and close recovery windows on a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.confirming import open_confirmation
from rootkeeper.cli.on_server.overdue import name_if_overdue
from rootkeeper.cli.recovery_options import RecoveryOptions
from rootkeeper.cli.rendering.window_reports import show_report_record
from rootkeeper.cli.rendering.windows import show_window, show_windows, spoken_reason
from rootkeeper.cli.windows import LIST_OUTPUTS, ONE_OUTPUTS
from rootkeeper.domain.access import Permission
from rootkeeper.domain.durations import parse_duration, render_duration
from rootkeeper.domain.openings import OpeningOutcome
from rootkeeper.domain.windows import (
    FINAL_STATES,
    LONGEST_DURATION,
    SHORTEST_DURATION,
    RecoveryWindow,
    WindowState,
)
from rootkeeper.remote.windows import RemoteOpening, WindowRequest

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer

_SHORTEST_EXTENSION = timedelta(seconds=1)


def list_windows(invocation: Invocation, server: RemoteServer, *, unfinished: bool) -> int:
    """All windows, the newest first."""
    output = invocation.choose_output(*LIST_OUTPUTS)
    found = server.windows.list_windows(unfinished_only=unfinished)
    now = datetime.now(UTC)
    for window in found:
        name_if_overdue(window, now, invocation.terminal)
    show_windows(found, output, invocation.terminal, now)
    return ExitStatus.GOOD


def show_one(invocation: Invocation, server: RemoteServer, text: str) -> int:
    """One window."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    return _show(invocation, server.windows.get(text), output)


def request(
    invocation: Invocation,
    server: RemoteServer,
    change: ChangeOptions,
    options: RecoveryOptions,
    *,
    emergency: bool,
) -> int:
    """Ask for a window, and tell what it waits for."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    wanted = make_request(options, is_emergency=emergency)
    confirmation = open_confirmation(invocation, server, change, output, Permission.WINDOWS_REQUEST)
    statement = [describe_request(wanted), "Nothing is opened by that."]
    if change.dry_run:
        confirmation.show_context()
        return tell(invocation, statement)
    confirmation.ensure(statement)
    window = server.windows.request(wanted)
    for line in describe_next(window):
        invocation.terminal.remark(line, style="bold")
    return _show(invocation, window, output)


def make_request(options: RecoveryOptions, *, is_emergency: bool) -> WindowRequest:
    """What the options say; how long it may last at most is the server's policy.

    :raises InputError: if the length can't be understood.
    """
    length = parse_duration(options.duration, option="--for", shortest=SHORTEST_DURATION, longest=LONGEST_DURATION)
    return WindowRequest(
        account=options.account,
        reason=options.reason,
        ticket=options.ticket,
        duration_seconds=int(length.total_seconds()),
        is_drill=options.drill,
        is_emergency=is_emergency,
    )


def describe_request(wanted: WindowRequest) -> str:
    """One sentence, for the question and for a dry run."""
    drill = " as a drill" if wanted.is_drill else ""
    urgent = ", before anybody approves it (emergency)" if wanted.is_emergency else ""
    length = render_duration(timedelta(seconds=wanted.duration_seconds))
    return f"Request a recovery window of {length} for account {wanted.account}{drill}{urgent}: {wanted.reason}"


def describe_next(window: RecoveryWindow) -> list[str]:
    """What a window that isn't open waits for, and until when."""
    until = f" Until {window.lapses_at:%Y-%m-%d %H:%M:%S UTC}, else it lapses." if window.lapses_at else ""
    if window.state is WindowState.REQUESTED:
        missing = window.approvals_needed - len(window.approved_by)
        more = "another approval" if missing == 1 else f"{missing} more approvals"
        return [
            f"It waits for {more}, by somebody else than {window.requested_by}.{until}",
            f"They approve it with: rootkeeper windows approve {window.window_id}",
        ]
    if window.state is WindowState.APPROVED:
        return [f"It can be opened: rootkeeper windows activate {window.window_id}.{until}"]
    return []


def approve(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str) -> int:
    """Approve what is shown: the account and the length that the person saw go with it."""

    def statement(window: RecoveryWindow) -> Sequence[str]:
        return [f"Approve recovery window {window.window_id}: {_describe(window)}", _asked_by(window)]

    return _decide(
        invocation, server, change, text, Decision(Permission.WINDOWS_APPROVE, statement, server.windows.approve)
    )


def deny(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str, reason: str) -> int:
    """Deny it, with a reason."""

    def statement(window: RecoveryWindow) -> Sequence[str]:
        return [f"Deny recovery window {window.window_id}: {_describe(window)}", _asked_by(window)]

    def decide(window: RecoveryWindow) -> RecoveryWindow:
        return server.windows.deny(window, reason)

    return _decide(invocation, server, change, text, Decision(Permission.WINDOWS_DENY, statement, decide))


def cancel(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str) -> int:
    """Take it back."""

    def statement(window: RecoveryWindow) -> Sequence[str]:
        return [f"Cancel recovery window {window.window_id}: {_describe(window)}"]

    return _decide(
        invocation, server, change, text, Decision(Permission.WINDOWS_REQUEST, statement, server.windows.cancel)
    )


def extend(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str, by: str) -> int:
    """Approve that it lasts longer."""
    length = parse_duration(by, option="--by", shortest=_SHORTEST_EXTENSION, longest=LONGEST_DURATION)
    seconds = int(length.total_seconds())

    def statement(window: RecoveryWindow) -> Sequence[str]:
        return [f"Prolong recovery window {window.window_id} by {render_duration(length)}: {_describe(window)}"]

    def decide(window: RecoveryWindow) -> RecoveryWindow:
        return server.windows.extend(window, seconds)

    return _decide(invocation, server, change, text, Decision(Permission.WINDOWS_EXTEND, statement, decide))


def review(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str) -> int:
    """Confirm that an emergency was looked at."""

    def statement(window: RecoveryWindow) -> Sequence[str]:
        return [
            (
                f"Confirm that you have reviewed recovery window {window.window_id}, opened in an emergency: "
                f"{_describe(window)}"
            ),
            _asked_by(window),
        ]

    return _decide(
        invocation, server, change, text, Decision(Permission.WINDOWS_REVIEW, statement, server.windows.review)
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decides about a window."""

    needs: Permission
    statement: Callable[[RecoveryWindow], Sequence[str]]
    """What is decided, for the question."""
    decide: Callable[[RecoveryWindow], RecoveryWindow]


def _decide(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str, decision: Decision) -> int:
    output = invocation.choose_output(*ONE_OUTPUTS)
    confirmation = open_confirmation(invocation, server, change, output, decision.needs)
    window = server.windows.get(text)
    if change.dry_run:
        confirmation.show_context()
        return tell(invocation, decision.statement(window))
    confirmation.ensure(decision.statement(window))
    decided = decision.decide(window)
    for line in describe_next(decided):
        invocation.terminal.remark(line, style="bold")
    return _show(invocation, decided, output)


def activate(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str) -> int:
    """Open it, and tell what to do in it."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    membership = server.read_membership()
    confirmation = open_confirmation(invocation, server, change, output, Permission.WINDOWS_ACTIVATE, membership)
    window = server.windows.get(text)
    statement = describe_opening(window)
    if change.dry_run:
        confirmation.show_context()
        return tell(invocation, statement)
    confirmation.ensure(statement)
    opening = server.windows.activate(window.window_id)
    if opening.outcome is not OpeningOutcome.OPEN:
        return end_unopened(invocation, opening)
    tell_steps(invocation, server, opening.window, membership.endpoint.people_url)
    return _show(invocation, opening.window, output)


def describe_opening(window: RecoveryWindow) -> list[str]:
    """What opening it means."""
    return [
        (
            f"Allow password recovery for the root user of account {window.account_id}, {_length(window)}: "
            f"{spoken_reason(window)}"
        ),
        "Whoever reads the root user's mailbox can then set a password and sign in as root user.",
        "The server closes it at its end and deletes every root user credential of the account.",
    ]


def tell_steps(invocation: Invocation, server: RemoteServer, window: RecoveryWindow, people_url: str | None) -> None:
    """What a person does in the open window."""
    from rootkeeper.workflows.recovery_guidance import list_steps_on_server

    email = server.read_account_email(window.account_id) or "the root user's address"
    for line in list_steps_on_server(email, window, people_url):
        invocation.terminal.remark(line)


def end_unopened(invocation: Invocation, opening: RemoteOpening) -> int:
    """Tell why it isn't open."""
    invocation.terminal.remark(f"error: {opening.explanation}", style="bold red")
    if opening.hint:
        invocation.terminal.remark(f"hint: {opening.hint}")
    return opening.exit_status


def close_one(invocation: Invocation, server: RemoteServer, change: ChangeOptions, text: str) -> int:
    """Close it now."""
    output = invocation.choose_output(*ONE_OUTPUTS)
    confirmation = open_confirmation(invocation, server, change, output, Permission.WINDOWS_CLOSE)
    window = server.windows.get(text)
    statement = (
        f"Close recovery window {window.window_id} ({window.state.value}): delete every root user credential of "
        f"account {window.account_id}."
    )
    if change.dry_run:
        confirmation.show_context()
        return tell(invocation, [statement])
    if window.state not in FINAL_STATES:
        confirmation.ensure([statement])
    return close_and_show(invocation, server, window, output)


def close_and_show(invocation: Invocation, server: RemoteServer, window: RecoveryWindow, output: OutputFormat) -> int:
    """Have it closed, and show what a re-read shows."""
    closing = server.windows.close(window.window_id)
    invocation.terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
    if closing.hint:
        invocation.terminal.remark(f"hint: {closing.hint}")
    _show(invocation, closing.window, output)
    return ExitStatus.GOOD if closing.is_closed else ExitStatus.INCOMPLETE


def report(invocation: Invocation, server: RemoteServer, text: str) -> int:
    """What is known of one window."""
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    record = dict(server.windows.read_report(server.windows.get(text).window_id))
    markdown = server.connection.understand(lambda found: str(found.pop("markdown")), record)
    show_report_record(record, markdown, output, invocation.terminal)
    return ExitStatus.GOOD


def tell(invocation: Invocation, lines: Sequence[str]) -> int:
    """What would be done."""
    for line in lines:
        invocation.terminal.remark(line)
    return ExitStatus.GOOD


def _show(invocation: Invocation, window: RecoveryWindow, output: OutputFormat) -> int:
    now = datetime.now(UTC)
    name_if_overdue(window, now, invocation.terminal)
    show_window(window, output, invocation.terminal, now)
    return ExitStatus.GOOD


def _describe(window: RecoveryWindow) -> str:
    drill = " (a drill)" if window.is_drill else ""
    return f"account {window.account_id}, {_length(window)}{drill}: {spoken_reason(window)}"


def _length(window: RecoveryWindow) -> str:
    return f"for {render_duration(timedelta(seconds=window.duration_seconds))}"


def _asked_by(window: RecoveryWindow) -> str:
    return f"Requested by {window.requested_by} at {window.requested_at:%Y-%m-%d %H:%M:%S UTC}."
