"""The flag of an account: a sign, the status in words and a colour. Without colour nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.cli.rendering.text import counted
from rootkeeper.domain.statuses import AccountRole, AccountStatus, Status, StatusReason

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
    """What stands before an account in the tree."""

    sign: str
    words: str
    style: str


def flag_of(status: AccountStatus) -> AccountMark:
    """The flag; a failsafe that is in order is good though its credentials are present."""
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
    """What there is, such as ``password, 2 access keys, MFA``; empty if nothing is, or it wasn't read."""
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
    """What a person should know of a login that is kept on purpose; empty for a member."""
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
