"""An audit's report as tree, table and data.

An account's mark is a sign, the status in words and a colour; without colour nothing is lost.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rootkeeper.audit.records import AuditDocument, AuditedInventoryRecord
from rootkeeper.audit.service import AuditReport
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    build_tree,
    cause_lines,
    counted,
    render_age,
    show_listing,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.records import account_to_record
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    Status,
    StatusReason,
    count_root_logins_left,
    count_statuses,
    counted_status,
)
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import printable

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree


@dataclass(frozen=True, slots=True)
class AccountMark:
    """The mark before an account in the tree."""

    sign: str
    words: str
    style: str


MARKS = {
    Status.PRESENT: AccountMark("✗", "Present", "bold red"),
    Status.NOT_PRESENT: AccountMark("✓", "Not present", "green"),
    Status.RECOVERY_OPEN: AccountMark("◷", "Recovery open", "bold yellow"),
    Status.UNKNOWN: AccountMark("?", "Unknown", "bold magenta"),
    Status.NOT_APPLICABLE: AccountMark("·", "Not applicable", "dim"),
}


def flag_of(status: AccountStatus) -> AccountMark:
    """Choose the mark. A failsafe in order is good although it has credentials."""
    is_good = status.role is AccountRole.FAILSAFE and status.status is Status.PRESENT and status.is_in_order
    return replace(MARKS[Status.NOT_PRESENT if is_good else counted_status(status)], words=render_status(status))


def render_status(status: AccountStatus) -> str:
    """Such as ``Unknown, blocked by a policy``, ``Not applicable, SUSPENDED`` or ``Present, not read now``."""
    words = MARKS[counted_status(status)].words
    if status.failed_attempt is not None and status.is_unread and status.status is not Status.UNKNOWN:
        return f"{words}, not read now"
    if status.reason is None:
        return words
    if status.reason is StatusReason.NOT_ACTIVE:
        return f"{words}, {status.account.state.value}"
    if status.reason is StatusReason.BLOCKED_BY_POLICY:
        return f"{words}, blocked by a policy"
    return f"{words}, {status.reason.value.replace('_', ' ')}"


def render_credentials(status: AccountStatus) -> str:
    """Such as ``password, 2 access keys, MFA``; empty if there are none, or they weren't read."""
    found, summary = status.credentials, status.summary
    if summary is None:
        return ""
    if found is None:
        present = {
            "password": summary.has_password,
            "access key": summary.has_access_keys,
            "signing certificate": summary.has_signing_certificates,
            "MFA": summary.has_mfa_devices,
        }
        return ", ".join(name for name, is_there in present.items() if is_there)
    counts = {
        "access key": len(found.access_keys),
        "signing certificate": len(found.signing_certificates),
        "MFA device": len(found.mfa_devices),
    }
    names = ["password"] if found.login_profile else []
    return ", ".join(names + [counted(count, name) for name, count in counts.items() if count])


def render_role(status: AccountStatus) -> str:
    """Describe a login that is kept on purpose; empty for a member account."""
    if status.role is AccountRole.MEMBER:
        return ""
    name = "failsafe" if status.role is AccountRole.FAILSAFE else "management"
    if status.summary is None:
        return f"{name}, not read"
    if status.is_in_order:
        return f"{name}, in order"
    missing = [] if status.summary.has_mfa_devices else ["no MFA"]
    missing += ["has an access key"] if status.summary.has_access_keys else []
    missing += ["has a signing certificate"] if status.summary.has_signing_certificates else []
    if not missing:
        return f"{name}, not confirmed"
    return f"{name}, not in order: {', '.join(missing)}"


def show_audit(report: AuditReport, output: OutputFormat, terminal: Terminal, *, details: bool) -> None:
    if output is OutputFormat.TREE:
        terminal.show(_build_tree(report))
    else:
        show_listing(_listing(report, details=details), output, terminal)
    if output not in (OutputFormat.TREE, OutputFormat.TABLE):
        return
    from rich.text import Text

    counts, left = count_statuses(report.accounts), count_root_logins_left(report.accounts)
    parts = [f"{counts[status.value]:,} {mark.words.lower()}" for status, mark in MARKS.items() if counts[status.value]]
    known = len(report.inventory.accounts)
    of_all = "" if counts["accounts"] == known else f" of {known:,} in the organization"
    terminal.show(Text(), Text(f"{counted(counts['accounts'], 'account')}{of_all}: {', '.join(parts)}."))
    unknown = [
        (status.account.account_id, status.detail or render_status(status))
        for status in report.accounts
        if counted_status(status) is Status.UNKNOWN
    ]
    for line in cause_lines(unknown):
        terminal.show(Text(printable(line), style="magenta"))
    attempts = [
        (status.account.account_id, status.failed_attempt.detail or status.failed_attempt.reason.value)
        for status in report.accounts
        if status.failed_attempt is not None and status.is_unread and status.status is not Status.UNKNOWN
    ]
    for line in cause_lines(attempts, "Not read now, shown as last read"):
        terminal.show(Text(printable(line), style="magenta"))
    style = "bold red" if left.known else "bold green" if left.is_none else "bold yellow"
    terminal.show(Text(left.headline, style=style))


def _listing(report: AuditReport, *, details: bool) -> Listing:
    columns: tuple[TableColumn, ...] = (
        TableColumn("Account", lambda status: status.account.account_id, keeps_whole=True),
        TableColumn("Name", lambda status: status.account.name),
        TableColumn("Organizational unit", lambda status: status.account.ou_path),
        TableColumn("Status", render_status, lambda status: flag_of(status).style, importance=1),
        TableColumn("Root user credentials", render_credentials, importance=1),
        TableColumn("Role", lambda status: render_role(status) or "member"),
    )
    if details:
        columns += (TableColumn("Last used", lambda status: _render_last_use(status, report.ended_at)),)
    document = fill_record(
        AuditDocument,
        report,
        inventory=fill_record(AuditedInventoryRecord, report),
        accounts=[account_to_record(status, details=details) for status in report.accounts],
        summary=count_statuses(report.accounts),
        root_logins_left_to_secure=count_root_logins_left(report.accounts),
    )
    return Listing("accounts", document["accounts"], columns, document, rows=report.accounts)


def _render_last_use(status: AccountStatus, now: datetime) -> str:
    """``3 days ago``, ``never``, or empty if there is nothing to use or it wasn't read."""
    found = status.credentials
    if found is None or not (found.login_profile or found.access_keys):
        return ""
    return render_age(found.last_used_at, now) if found.last_used_at else "never"


def _build_tree(report: AuditReport) -> Tree:
    from rich.text import Text

    below: dict[tuple[str, ...], Counter[Status]] = {}
    for status in report.accounts:
        path = status.account.ou_ids
        for depth in range(1, len(path) + 1):
            below.setdefault(path[:depth], Counter())[counted_status(status)] += 1

    def render_unit(name: str, unit: tuple[str, ...]) -> Text:
        counts = below[unit]
        findings = [
            f"{counts[status]:,} {MARKS[status].words.lower()}"
            for status in (Status.PRESENT, Status.RECOVERY_OPEN, Status.UNKNOWN)
            if counts[status]
        ]
        return Text.assemble(
            (name, "bold"),
            (f"  {counted(counts.total(), 'account')}", "dim"),
            (f": {', '.join(findings)}" if findings else "", "dim"),
        )

    leaves = []
    for status in report.accounts:
        flag, used = flag_of(status), _render_last_use(status, report.ended_at)
        attempt, read_at = status.failed_attempt, status.observed_at
        aged = f"read {render_age(read_at, report.ended_at)}" if attempt is not None and read_at is not None else ""
        parts = (render_credentials(status), f"last used {used}" if used else "", render_role(status), aged)
        remarks = "; ".join(filter(None, parts))
        label = Text.assemble(
            (f"{flag.sign} {flag.words:<14}", flag.style),
            f"  {status.account.account_id}  ",
            printable(status.account.name),
            (f"  ({remarks})" if remarks else "", "dim"),
        )
        leaves.append((status.account, label))
    return build_tree(report.inventory, report.endpoint, leaves, render_unit)
