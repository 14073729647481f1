"""The recovery windows that a restored database may have lost."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    counted,
    name_some,
    render_timestamp,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import AccountId
from rootkeeper.settlement.lost_windows import LostWindow, LostWindows
from rootkeeper.settlement.records import adoption_to_record
from rootkeeper.windows.rules import CloseResult


def remark_found(searched: LostWindows, terminal: Terminal) -> None:
    """Show each account that the lost part may have opened, and those that couldn't be read."""
    since = render_timestamp(searched.since)
    if not searched.found:
        terminal.remark(f"In no account that was read was password recovery allowed or a password set after {since}.")
    for lost in searched.found:
        obstacle = f" {lost.obstacle} It isn't closed from here." if lost.obstacle else ""
        terminal.remark(
            f"ALERT: account {lost.account.account_id} ({lost.account.name}) has a password, or allows password "
            f"recovery, since {render_timestamp(lost.allowed_at)}. No recovery window in this database explains that."
            f"{obstacle}",
            style="bold red",
        )
    if searched.unread:
        named = name_some([status.account.account_id for status in searched.unread])
        terminal.remark(
            f"ALERT: {counted(len(searched.unread), 'account')} couldn't be read, so a recovery window may be open "
            f"there: {named}. Audit them again: rootkeeper audit",
            style="bold red",
        )


def show_adoption(
    adopted_entry: int | None,
    searched: LostWindows | None,
    closings: Mapping[AccountId, CloseResult],
    failure: str | None,
    output: OutputFormat,
    terminal: Terminal,
) -> int:
    """Show the result, and return the exit status."""
    found = () if searched is None else searched.found
    if output is OutputFormat.TABLE:
        columns = (
            TableColumn("Account", lambda lost: lost.account.account_id, keeps_whole=True),
            TableColumn("Name", lambda lost: lost.account.name),
            TableColumn("Allowed", lambda lost: render_timestamp(lost.allowed_at)),
            TableColumn("Result", lambda lost: _describe_result(lost, closings)),
        )
        if found:
            show_listing(Listing("lost_windows", [], columns, empty="", rows=found), output, terminal)
    else:
        show_record(adoption_to_record(adopted_entry, searched, closings, failure), output, terminal)
    if any(not closing.is_closed for closing in closings.values()):
        return ExitStatus.INCOMPLETE
    is_clear = searched is not None and not searched.unread and len(closings) == len(found)
    return ExitStatus.GOOD if is_clear else ExitStatus.BAD


def _describe_result(lost: LostWindow, closings: Mapping[AccountId, CloseResult]) -> str:
    closing = closings.get(lost.account.account_id)
    if closing is None:
        return lost.obstacle or "Left open."
    return f"{closing.window.window_id}: {closing.explanation}"
