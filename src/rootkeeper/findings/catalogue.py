"""Every rule that findings are judged by. An id never changes, because other tools keep findings by it."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.findings.rules import FindingRule, Severity

ROOT_USER_CREDENTIALS = FindingRule(
    "root-user-credentials",
    "A member account has no root user credentials",
    "The root user of a member account has no password, access key, signing certificate or MFA device. "
    "A confirmed failsafe is kept on purpose: with MFA, without access key and certificate.",
    Severity.HIGH,
    "Delete them with Rootkeeper, or confirm that the account is a failsafe.",
    "docs/guides/bulk-deletion.md",
)
MANAGEMENT_ROOT_USER = FindingRule(
    "management-account-root-user",
    "The root user of the management account is guarded",
    "The root user of the management account can't be removed. It has MFA, no access key and no signing certificate.",
    Severity.CRITICAL,
    "Sign in as the root user of the management account: add MFA, delete access keys and signing certificates.",
    "docs/guides/failsafe.md",
)
CENTRALIZED_ROOT_ACCESS = FindingRule(
    "centralized-root-access",
    "Root access of member accounts is centralized",
    "Trusted access for IAM and the feature RootCredentialsManagement are on, and a delegated administrator for IAM is "
    "no workload account.",
    Severity.HIGH,
    "Turn on trusted access for IAM and the feature RootCredentialsManagement.",
    "docs/guides/first-audit.md",
)
SETUP_DRIFT = FindingRule(
    "set-up-drift",
    "The set-up is the accepted one",
    "Trusted access, features, delegated administrators and guardrails are as they were when the set-up was accepted.",
    Severity.MEDIUM,
    "Undo the change, or accept the set-up as it is now.",
    "docs/guides/watching.md",
)
LEDGER_INTACT = FindingRule(
    "ledger-intact",
    "The ledger is intact",
    "Each entry of the ledger is chained to the one before it, and none was changed or removed.",
    Severity.CRITICAL,
    "Compare the ledger with its mirror and its anchor, and find out what changed it.",
    "docs/reference/ledger.md",
)
ROOT_TASK_ALLOWED = FindingRule(
    "root-task-allowed",
    "No policy blocks the task",
    "No service control policy and no resource control policy blocks a task of centralized root access in the account.",
    Severity.MEDIUM,
    "Change the policy as Rootkeeper's preflight shows.",
    "docs/guides/preflight.md",
)
ROOT_EMAIL = FindingRule(
    "root-email-address",
    "The root e-mail address follows the rules",
    "Anyone who reads the mailbox can reset the root user's password. The address is in a domain of the organization, "
    "a group reads it, and no other account has it.",
    Severity.MEDIUM,
    "Change the address, or attest that a group reads it.",
    "docs/guides/root-emails.md",
)


def _failsafe(name: str, title: str, severity: Severity, remediation: str) -> FindingRule:
    description = f"{title}. The failsafe is a delegated administrator account whose root login is kept."
    return FindingRule(f"failsafe-{name}", title, description, severity, remediation, "docs/guides/failsafe.md")


_SIGN_IN = "Sign in as its root user and register two MFA devices, one of them hardware."

FAILSAFE_RULES: Mapping[str, FindingRule] = {
    "failsafe": _failsafe(
        "registered", "A failsafe is registered", Severity.HIGH, "Register a delegated administrator for IAM."
    ),
    "delegated_administrator": _failsafe(
        "active", "The failsafe is an ACTIVE account", Severity.HIGH, "Register another account."
    ),
    "recovery_window": _failsafe(
        "recovery-window",
        "No recovery window will delete the failsafe's root login",
        Severity.HIGH,
        "Close the recovery window, or set the failsafe up again.",
    ),
    "mailbox": _failsafe(
        "mailbox",
        "A group reads the failsafe's mailbox",
        Severity.HIGH,
        "Attest that a group reads it, or change the address.",
    ),
    "password": _failsafe("password", "The failsafe's root login works", Severity.HIGH, "Set it up, and sign in."),
    "mfa_devices": _failsafe("mfa-devices", "The failsafe has two MFA devices", Severity.CRITICAL, _SIGN_IN),
    "hardware_mfa": _failsafe("hardware-mfa", "One MFA device is hardware", Severity.HIGH, _SIGN_IN),
    "access_keys": _failsafe(
        "access-keys", "The failsafe's root user has no access key", Severity.CRITICAL, "Delete the access key."
    ),
    "signing_certificates": _failsafe(
        "signing-certificates",
        "The failsafe's root user has no signing certificate",
        Severity.CRITICAL,
        "Delete the certificate.",
    ),
    "alarm": _failsafe(
        "alarm",
        "A sign-in raises an alarm",
        Severity.MEDIUM,
        "Set up alarms on root activity, and record in the next drill whether one was seen.",
    ),
    "drill": _failsafe(
        "drill",
        "A drill was held in the last 90 days",
        Severity.MEDIUM,
        "Follow the failsafe's runbook, then record the drill.",
    ),
    "policies": _failsafe(
        "policies",
        "No policy blocks the failsafe's root user",
        Severity.HIGH,
        "Change the policy as Rootkeeper's preflight shows.",
    ),
}
"""By the name of the check."""

RULES = (
    ROOT_USER_CREDENTIALS,
    MANAGEMENT_ROOT_USER,
    CENTRALIZED_ROOT_ACCESS,
    SETUP_DRIFT,
    LEDGER_INTACT,
    ROOT_TASK_ALLOWED,
    ROOT_EMAIL,
    *FAILSAFE_RULES.values(),
)
