"""An audit's report as tree, table and data.

An account's mark is a sign, the status in words and a colour; without colour nothing is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rootkeeper.audit.service import AuditReport
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    cause_lines,
    counted,
    render_age,
    show_listing,
)
from rootkeeper.cli.rendering.setups import drift_record
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import Endpoint, Inventory, OrganizationalUnit
from rootkeeper.organization.records import account_to_record
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    Status,
    StatusReason,
    count_left_to_secure,
    count_statuses,
)
from rootkeeper.untrusted_text import json_text, printable
from rootkeeper.values import json_time

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree


_SIGNS = {
    Status.PRESENT: ("✗", "bold red"),
    Status.NOT_PRESENT: ("✓", "green"),
    Status.RECOVERY_OPEN: ("◷", "bold yellow"),
    Status.UNKNOWN: ("?", "bold magenta"),
    Status.NOT_APPLICABLE: ("·", "dim"),
}


STATUS_WORDS = {
    Status.PRESENT: "Present",
    Status.NOT_PRESENT: "Not present",
    Status.RECOVERY_OPEN: "Recovery open",
    Status.UNKNOWN: "Unknown",
    Status.NOT_APPLICABLE: "Not applicable",
}


_REASON_WORDS = {
    StatusReason.ACCESS_DENIED: "access denied",
    StatusReason.BLOCKED_BY_POLICY: "blocked by a policy",
    StatusReason.ERROR: "error",
    StatusReason.MANAGEMENT_ACCOUNT: "management account",
    StatusReason.NEVER_READ: "never read",
    StatusReason.NOT_ACTIVE: "not active",
    StatusReason.PARTITION: "partition",
    StatusReason.STALE: "stale",
    StatusReason.THROTTLED: "throttled",
}


@dataclass(frozen=True, slots=True)
class AccountMark:
    """The mark before an account in the tree."""

    sign: str
    words: str
    style: str


def flag_of(status: AccountStatus) -> AccountMark:
    """Choose the mark. A failsafe in order is good although it has credentials."""
    sign, style = _SIGNS[status.status]
    if status.role is AccountRole.FAILSAFE and status.status is Status.PRESENT and status.is_in_order:
        sign, style = "✓", "green"
    return AccountMark(sign, render_status(status), style)


def render_status(status: AccountStatus) -> str:
    """Such as ``Unknown, blocked by a policy`` or ``Not applicable, SUSPENDED``."""
    words = STATUS_WORDS[status.status]
    if status.reason is None:
        return words
    if status.reason is StatusReason.NOT_ACTIVE:
        return f"{words}, {status.account.state.value}"
    return f"{words}, {_REASON_WORDS[status.reason]}"


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
    return f"{name}, not in order: {', '.join(missing)}"


def show_audit(report: AuditReport, output: OutputFormat, terminal: Terminal, *, details: bool) -> None:
    """Write the report to stdout."""
    if output is OutputFormat.TREE:
        terminal.show(build_tree(report.inventory, report.accounts, report.ended_at, report.endpoint))
    else:
        show_listing(_listing(report, details=details), output, terminal)
    if output in (OutputFormat.TREE, OutputFormat.TABLE):
        for line in summary_lines(report.accounts, len(report.inventory.accounts)):
            terminal.show(line)


def account_line(status: AccountStatus, *, details: bool) -> str:
    """Render one account as a line of JSON."""
    return json_text(account_to_record(status, details=details)) + "\n"


def _listing(report: AuditReport, *, details: bool) -> Listing:
    organization = report.inventory.organization
    return Listing(
        name="accounts",
        records=[account_to_record(status, details=details) for status in report.accounts],
        columns=_columns(report.accounts, report.ended_at, details=details),
        head={
            "organization_id": organization.organization_id,
            "management_account_id": organization.management_account_id,
            "endpoint": report.endpoint.label,
            "caller_arn": report.caller.arn,
            "observed_at": json_time(report.ended_at),
            "inventory": {
                "listed_at": json_time(report.inventory.listed_at),
                "is_complete": report.is_inventory_complete,
            },
        },
        tail={
            "summary": count_statuses(report.accounts),
            "root_logins_left_to_secure": count_left_to_secure(report.accounts),
            "drift": drift_record(report.drift),
        },
    )


def _columns(statuses: Iterable[AccountStatus], now: datetime, *, details: bool) -> tuple[TableColumn, ...]:
    by_id: dict[Any, AccountStatus] = {status.account.account_id: status for status in statuses}

    def status_of(record: Record) -> AccountStatus:
        return by_id[record["account_id"]]

    columns = (
        TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
        TableColumn("Name", lambda record: record["name"]),
        TableColumn("Organizational unit", lambda record: record["ou_path"]),
        TableColumn(
            "Status", lambda record: render_status(status_of(record)), lambda record: flag_of(status_of(record)).style
        ),
        TableColumn("Root user credentials", lambda record: render_credentials(status_of(record))),
        TableColumn("Role", lambda record: render_role(status_of(record)) or "member"),
    )
    used = TableColumn("Last used", lambda record: render_last_use(status_of(record), now))
    return (*columns, used) if details else columns


def render_last_use(status: AccountStatus, now: datetime) -> str:
    """``3 days ago``, ``never``, or empty if there is nothing to use or it wasn't read."""
    found = status.credentials
    if found is None or not (found.login_profile or found.access_keys):
        return ""
    return render_age(found.last_used_at, now) if found.last_used_at else "never"


def build_tree(inventory: Inventory, statuses: Sequence[AccountStatus], now: datetime, endpoint: Endpoint) -> Tree:
    """Build the organization's hierarchy, without units that have no selected account."""
    from rich.text import Text
    from rich.tree import Tree

    units = {unit.ou_id: unit for unit in inventory.organizational_units}
    title = Text(f"Organization {inventory.organization.organization_id}, {endpoint.label}", style="bold")
    tree = Tree(title, guide_style="dim")
    branches: dict[tuple[str, ...], Tree] = {(): tree}
    below = _count_below(statuses)
    for status in statuses:
        path = status.account.ou_ids
        for depth in range(1, len(path) + 1):
            if path[:depth] not in branches:
                label = _unit_label(units.get(path[depth - 1]), below[path[:depth]])
                branches[path[:depth]] = branches[path[: depth - 1]].add(label)
        branches[path].add(_account_label(status, now))
    return tree


def _count_below(statuses: Sequence[AccountStatus]) -> dict[tuple[str, ...], Counter[Status]]:
    below: dict[tuple[str, ...], Counter[Status]] = {}
    for status in statuses:
        path = status.account.ou_ids
        for depth in range(1, len(path) + 1):
            below.setdefault(path[:depth], Counter())[status.status] += 1
    return below


def _unit_label(unit: OrganizationalUnit | None, counts: Counter[Status]) -> Text:
    from rich.text import Text

    findings = [
        f"{counts[status]:,} {STATUS_WORDS[status].lower()}"
        for status in (Status.PRESENT, Status.RECOVERY_OPEN, Status.UNKNOWN)
        if counts[status]
    ]
    name = printable(unit.name) if unit else "?"
    return Text.assemble(
        (name, "bold"),
        (f"  {counted(counts.total(), 'account')}", "dim"),
        (f": {', '.join(findings)}" if findings else "", "dim"),
    )


def _account_label(status: AccountStatus, now: datetime) -> Text:
    from rich.text import Text

    flag = flag_of(status)
    used = render_last_use(status, now)
    remarks = [
        part for part in (render_credentials(status), f"last used {used}" if used else "", render_role(status)) if part
    ]
    return Text.assemble(
        (f"{flag.sign} {flag.words:<14}", flag.style),
        f"  {status.account.account_id}  ",
        printable(status.account.name),
        (f"  ({'; '.join(remarks)})" if remarks else "", "dim"),
    )


def summary_lines(statuses: Sequence[AccountStatus], accounts_in_all: int) -> list[Text]:
    """Render counts, why accounts are unknown, and the root logins left to secure."""
    from rich.text import Text

    counts = count_statuses(statuses)
    parts = [
        f"{counts[status.value]:,} {words.lower()}" for status, words in STATUS_WORDS.items() if counts[status.value]
    ]
    left = count_left_to_secure(statuses)
    selected = counts["accounts"]
    of_all = "" if selected == accounts_in_all else f" of {accounts_in_all:,} in the organization"
    style = "bold red" if left else "bold yellow" if counts[Status.UNKNOWN.value] else "bold green"
    return [
        Text(),
        Text(f"{counted(selected, 'account')}{of_all}: {', '.join(parts)}."),
        *_unknown_lines(statuses),
        Text(f"Root logins left to secure: {left:,}", style=style),
    ]


def _unknown_lines(statuses: Sequence[AccountStatus]) -> list[Text]:
    from rich.text import Text

    unknown = [
        (status.account.account_id, status.detail or render_status(status))
        for status in statuses
        if status.status is Status.UNKNOWN or (status.role is AccountRole.MANAGEMENT and status.summary is None)
    ]
    return [Text(printable(line), style="magenta") for line in cause_lines(unknown)]
