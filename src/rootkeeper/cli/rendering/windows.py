"""Recovery windows: lists, a single window, its report, questions about it, a person's steps in it, lost windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    counted,
    name_some,
    render_length,
    render_timestamp,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import printable
from rootkeeper.values import render_duration
from rootkeeper.windows.records import FailedRecoveryRecord, window_to_record
from rootkeeper.windows.rules import (
    FINAL_STATES,
    NEVER_OPENED_STATES,
    OWING_STATES,
    WAITING_STATES,
    CloseResult,
    OpeningResult,
    RecoveryWindow,
    WindowRequest,
    WindowState,
)

if TYPE_CHECKING:
    from rootkeeper.cli.operator.interface import CheckedRecovery
    from rootkeeper.errors import RootkeeperError
    from rootkeeper.settlement.lost_windows import LostWindow, LostWindows

_STYLES = {
    WindowState.CLOSED_VERIFIED: "green",
    WindowState.CLOSE_FAILED: "bold red",
    WindowState.OPEN: "bold yellow",
    WindowState.OPENING: "bold yellow",
    WindowState.CLOSING: "bold yellow",
}


_OPENED_STATES = FINAL_STATES - NEVER_OPENED_STATES | OWING_STATES - {WindowState.OPENING}


def show_windows(
    windows: Sequence[RecoveryWindow],
    output: OutputFormat,
    terminal: Terminal,
    now: datetime,
    failures: Mapping[AccountId, str] | None = None,
) -> None:
    """:param failures: explanations by account, where the command has made the windows."""
    columns = (
        TableColumn("Window", lambda window: window.window_id, keeps_whole=True),
        TableColumn("Account", lambda window: window.account_id, keeps_whole=True),
        TableColumn(
            "State",
            lambda window: window.state.value,
            lambda window: _STYLES.get(window.state, "dim"),
            keeps_whole=True,
        ),
        TableColumn("End", lambda window: render_end(window, now)),
        TableColumn("Requested by", lambda window: window.requested_by),
        TableColumn("Reason", lambda window: window.full_reason),
    )
    records = [window_to_record(window) for window in windows]
    tail = {}
    if failures is not None:
        tail["failures"] = [
            fill_record(FailedRecoveryRecord, None, account_id=account_id, explanation=explanation)
            for account_id, explanation in failures.items()
        ]
    listing = Listing("windows", records, columns, tail=tail, empty="No recovery windows.", rows=windows)
    show_listing(listing, output, terminal)


def show_window(window: RecoveryWindow, output: OutputFormat, terminal: Terminal, now: datetime) -> None:
    if output is not OutputFormat.TABLE:
        show_record(window_to_record(window), output, terminal)
        return
    review = ""
    if window.reviewed_by:
        review = f"by {window.reviewed_by}"
    elif window.review_due_at and (window.opened_at or window.state not in FINAL_STATES):
        review = f"due from a second person by {render_timestamp(window.review_due_at)}"
    approved, needed = ", ".join(window.approved_by), window.approvals_needed
    if needed:
        approved = f"{approved or 'no one'} ({len(window.approved_by)} of {needed} needed)"
    reread = ""
    if window.reread_due_at is not None:  # a command only stores the time; a server or a worker reads the account then
        due = render_timestamp(window.reread_due_at)
        overdue = " and not made" if window.reread_due_at < now else ""
        reread = f"due {due}{overdue}, by a server or worker; without one, run rootkeeper audit"
    kinds = {"drill": window.is_drill, "emergency, opened without approval": window.is_emergency}
    opened = render_timestamp(window.opened_at) if window.opened_at else ""
    if not opened and window.state in _OPENED_STATES:
        opened = "unknown"
    facts = {
        "Window": window.window_id,
        "Account": window.account_id,
        "State": window.state.value,
        "Kind": ", ".join(word for word, is_so in kinds.items() if is_so),
        "Reason": window.full_reason,
        "Requested by": f"{window.requested_by} at {render_timestamp(window.requested_at)}",
        "Approved by": approved or "no one (unapproved)",
        "Expires": render_timestamp(window.lapses_at) if window.lapses_at and window.state in WAITING_STATES else "",
        "Opened": f"{opened} by {window.activated_by}" if opened and window.activated_by else opened,
        "Watched": (window.watched_by or "not watched") if window.opened_at else "",
        "End": render_end(window, now),
        "Reopened": _render_reopening(window),
        "Closed by": window.closed_by or "",
        "Review": review,
        "Last failure": window.failure or "",
        "Next re-read": reread,
    }
    show_facts({name: value for name, value in facts.items() if value}, terminal)


def show_closing(closing: CloseResult, output: OutputFormat, terminal: Terminal, now: datetime) -> int:
    """Show the result of a closing, write the window to stdout, and return the exit status."""
    remark_closing(closing, terminal)
    status = ExitStatus.GOOD if closing.is_closed else ExitStatus.INCOMPLETE
    with terminal.showing_result(status):
        show_window(closing.window, output, terminal, now)
    return status


def remark_closing(closing: CloseResult, terminal: Terminal) -> None:
    """Show the result of a closing on stderr."""
    terminal.remark(closing.explanation, style=None if closing.is_closed else "bold red")
    if closing.hint:
        terminal.remark(f"hint: {render_hint(closing.hint)}")


def end_unopened(opening: OpeningResult, terminal: Terminal) -> int:
    """Show why a window isn't open, and return the exit status."""
    terminal.remark(f"error: {opening.explanation}", style="bold red")
    if opening.hint:
        terminal.remark(f"hint: {render_hint(opening.hint)}")
    return opening.exit_status


def list_waits(window: RecoveryWindow) -> list[str]:
    """List the next steps for a window that waits for approval or activation, and its deadline."""
    until = f" The request expires at {render_timestamp(window.lapses_at)}." if window.lapses_at else ""
    if window.state is WindowState.REQUESTED:
        missing = window.approvals_needed - len(window.approved_by)
        more = "one more approval" if missing == 1 else f"{missing} more approvals"
        return [
            f"It needs {more} by someone other than {window.requested_by}.{until}",
            f"To approve it: rootkeeper windows approve {window.window_id}",
        ]
    if window.state is WindowState.APPROVED:
        return [f"It is approved. To open it: rootkeeper windows activate {window.window_id}.{until}"]
    return []


def render_end(window: RecoveryWindow, now: datetime) -> str:
    """When it closed or was reopened, or when it is due and how long that is from now."""
    if window.is_reopened and window.reopened_at is not None:
        return f"reopened by someone else {render_timestamp(window.reopened_at)}"
    if window.closed_at is not None:
        return f"closed {render_timestamp(window.closed_at)}"
    if window.expires_at is None or window.state not in OWING_STATES:
        return ""
    left = window.expires_at - now
    if left <= timedelta():
        return f"due {render_timestamp(window.expires_at)}, overdue by {render_length(-left)}"
    return f"due {render_timestamp(window.expires_at)}, in {render_length(left)}"


def _render_reopening(window: RecoveryWindow) -> str:
    if window.reopened_at is None:
        return ""
    closed = f"; closed before {render_timestamp(window.first_closed_at)}" if window.first_closed_at else ""
    return f"by someone else: credentials found {render_timestamp(window.reopened_at)}{closed}"


def render_window_length(window: RecoveryWindow) -> str:
    """For how long it is requested."""
    return f"for {render_duration(timedelta(seconds=window.duration_seconds))}"


def describe_purpose(window: RecoveryWindow) -> str:
    """The account, the length and the reason."""
    drill = " (a drill)" if window.is_drill else ""
    return f"account {window.account_id}, {render_window_length(window)}{drill}: {window.full_reason}"


def describe_request(request: WindowRequest) -> str:
    """Describe a request in a sentence, for the question."""
    drill = " as a drill" if request.is_drill else ""
    urgent = ", without approval (emergency)" if request.is_emergency else ""
    governs = ", which governs its existing root login," if request.governs_login else ""
    seconds = request.duration_seconds
    length = "the default length" if seconds is None else render_duration(timedelta(seconds=seconds))
    return (
        f"Request a recovery window of {length} for account {request.account}{governs}{drill}{urgent}: {request.reason}"
    )


def describe_background(background: Record) -> tuple[str, ...]:
    """Describe what an approver should know beside the request, for the question."""
    check, approvers = background["check"], background["approvers"]
    lines = []
    if background["governs_login"]:
        lines.append("It governs the root login that the account has already: nothing is opened in AWS.")
    if background["keeps_login"]:
        lines.append("It sets up the root login of a failsafe. If the login is complete, a person can keep it.")
    if check is not None:
        present = ", ".join(map(str, check["present"])) or "no root user credentials"
        doubts = check["policy_doubts"] or ["No policy blocks what the window needs."]
        lines += [f"When it was requested, the account had {present}.", *(printable(str(doubt)) for doubt in doubts)]
    of_account, of_requester = background["of_account"]["total"], background["of_requester"]["total"]
    lines.append(f"Earlier windows: {of_account} of this account, {of_requester} of the requester in other accounts.")
    if approvers is not None:
        lines.append(f"Others who can approve it: {name_some(approvers) if approvers else 'no one'}.")
    return tuple(lines)


def describe_requests(
    requests: Sequence[WindowRequest], checked: Sequence[CheckedRecovery], now: datetime
) -> tuple[str, ...]:
    """Describe requests for several accounts that differ in the account alone, for the question."""
    request, length = requests[0], timedelta(seconds=checked[0].duration_seconds)
    review = "A second person must review each of them within 24 hours: rootkeeper windows review WINDOW_ID"
    urgent = (f"EMERGENCY: the windows open without approval. {review}",) if request.is_emergency else ()
    drill = ", as a drill" if request.is_drill else ""
    name_width = max(len(printable(account.name)) for account in checked)
    shared = set.intersection(*(set(account.remarks) for account in checked))
    what = "Allow password recovery for the root users"
    warning = [
        "Anyone who reads one of these mailboxes can then set that account's password and sign in as its root user."
    ]
    if request.governs_login:
        what, warning = "Govern the existing logins of the root users", []
    return (
        *urgent,
        (
            f"{what} of {len(checked)} accounts for {render_duration(length)}, until about "
            f"{render_timestamp(now + length)}{drill}: {request.reason}"
        ),
        *(f"  {account.account_id}  {printable(account.name):<{name_width}}  {account.email}" for account in checked),
        *warning,
        checked[0].ending,
        *(remark for remark in checked[0].remarks if remark in shared),
        *(
            f"{account.account_id}: {remark}"
            for account in checked
            for remark in account.remarks
            if remark not in shared
        ),
    )


def end_refused(refusals: Mapping[str, RootkeeperError], count: int, terminal: Terminal) -> int:
    """Show why none of ``count`` accounts is recovered, and return the exit status.

    :param refusals: by the accounts that are the cause, as they were named.
    """
    terminal.remark(
        f"error: {counted(len(refusals), 'account')} of {count} can't be recovered now, so nothing was requested or "
        "opened.",
        style="bold red",
    )
    for name, error in refusals.items():
        terminal.remark(f"{name}: {error.message}", style="bold red")
        if error.hint:
            for line in f"hint: {render_hint(error.hint)}".splitlines():  # a fix of a policy has several
                terminal.remark(line)
    return max(error.exit_status for error in refusals.values())


def show_report(record: Record, markdown: str, output: OutputFormat, terminal: Terminal) -> None:
    if output is OutputFormat.JSON:
        show_record(record, output, terminal)
    else:
        terminal.write(markdown)


_WHAT_CLOSING_DOES = (
    "Closing deletes every root user credential of the account, also older ones: access keys, signing certificates, "
    "the password, MFA devices. A console session that is still open can continue."
)


def list_next_steps(
    account: Account,
    window: RecoveryWindow,
    endpoint_url: str | None,
    *,
    leave_open: bool = False,
    governs_login: bool = False,
) -> tuple[str, ...]:
    """List the steps for a window that this command closes; ``endpoint_url`` is ``None`` for AWS."""
    end = _end_of(window)
    if leave_open:
        ending = (
            f"Nothing closes this window at its end ({end}): no server is running. Close it yourself: "
            f"rootkeeper windows close {window.window_id}"
        )
    else:
        ending = f"This command waits and closes the window at {end}; Ctrl-C closes it at once."
    work = _list_work(account.email, window, endpoint_url, governs_login=governs_login)
    return (*work, ending, _WHAT_CLOSING_DOES)


def list_steps_on_server(
    email: str, window: RecoveryWindow, endpoint_url: str | None, *, governs_login: bool = False
) -> tuple[str, ...]:
    """List the steps for a window that a server closes."""
    return (
        *_list_work(email, window, endpoint_url, governs_login=governs_login),
        f"The server closes the window at {_end_of(window)}. Earlier: rootkeeper windows close {window.window_id}",
        _WHAT_CLOSING_DOES,
    )


def _list_work(email: str, window: RecoveryWindow, endpoint_url: str | None, *, governs_login: bool) -> tuple[str, ...]:
    if governs_login:
        return (
            f"1. Sign in as root user {email} with the existing password: {_sign_in_page(endpoint_url, 'signin')}.",
            f"2. Do the work: {window.reason}",
        )
    return (
        f"1. Open {_sign_in_page(endpoint_url)} and ask to reset the root user's password of {email}.",
        f"2. Open the mail that arrives in the mailbox {email}, follow its link and set a password.",
        "3. Sign in with it as root user. You will be asked to register an MFA device; do so.",
        f"4. Do the work: {window.reason}",
    )


def list_set_up_steps(account: Account, window: RecoveryWindow, endpoint_url: str | None) -> tuple[str, ...]:
    """List the steps for a failsafe, whose login stays."""
    end = _end_of(window)
    return (
        f"1. Open {_sign_in_page(endpoint_url)} and ask to reset the root user's password of {account.email}.",
        (
            f"2. Open the mail that arrives in the mailbox {account.email}, follow its link and set a password that "
            "two people keep."
        ),
        "3. Sign in with it as root user and register an MFA device; register a second one, one of them hardware.",
        "4. Sign out, and store the password and the devices so that two people find them. Create no access key.",
        (
            f"This command checks every few seconds and ends when the login is complete. At {end}, or at Ctrl-C, "
            "everything is deleted again."
        ),
    )


def _end_of(window: RecoveryWindow) -> str:
    return render_timestamp(window.expires_at) if window.expires_at else "its end"


def _sign_in_page(endpoint_url: str | None, path: str = "signin/forgot-password") -> str:
    if endpoint_url is None:
        then = "" if path == "signin" else ", then Forgot password"
        return f"https://signin.aws.amazon.com/ (choose Root user{then})"
    return f"{endpoint_url.rstrip('/')}/{path}"


def remark_lost_windows(searched: LostWindows, terminal: Terminal) -> None:
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
            TableColumn("Result", lambda lost: _describe_result(lost, closings), importance=1),
        )
        if found:
            show_listing(Listing("lost_windows", [], columns, empty="", rows=found), output, terminal)
    else:
        from rootkeeper.settlement.records import adoption_to_record

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
