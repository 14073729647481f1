"""The failsafe: a delegated administrator account whose root login is kept as the last way back in.

What it is held to: a mailbox that a group reads, a password, two MFA devices of which one is hardware, no access key,
no signing certificate, an alarm on use, a drill every 90 days, and no policy of the organization in its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.checks import Check, CheckVerdict, failed, passed, unknown
from rootkeeper.domain.drills import AlarmObservation, Drill, SignInDevice, check_drills
from rootkeeper.domain.organizations import Account, AccountState
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.root_credentials import MfaKind, RootCredentials
from rootkeeper.domain.root_emails import GroupBasis, RootEmail
from rootkeeper.domain.statuses import AccountStatus
from rootkeeper.domain.windows import OWING_STATES, RecoveryWindow

WANTED_MFA_DEVICES = 2
_UNREAD_DETAIL = "It couldn't be read one by one."


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """What policies of the organization make of something."""

    verdict: AccessVerdict
    explanation: str
    """Half a sentence: the policies, or why it isn't known."""


@dataclass(frozen=True, slots=True)
class FailsafeFacts:
    """What is known of one failsafe."""

    account: Account
    status: AccountStatus
    """As an audit session read it, in detail."""
    email: RootEmail
    drills: tuple[Drill, ...]
    """Of this account, the latest held first."""
    root_sign_in: PolicyFinding
    """Whether a signed-in root user may work there."""
    window: RecoveryWindow | None = None
    """One that isn't over."""

    @property
    def credentials(self) -> RootCredentials | None:
        return self.status.credentials


def check_failsafe(facts: FailsafeFacts, now: datetime) -> tuple[Check, ...]:
    """Hold one failsafe to all of it, in the order in which a person would mend it."""
    account_id = facts.account.account_id
    checks = (
        *_check_account(facts),
        _check_mailbox(facts),
        _check_password(facts),
        *_check_mfa_devices(facts),
        _check_kind("access_keys", "access key", facts, has=_has_access_keys(facts)),
        _check_kind("signing_certificates", "signing certificate", facts, has=_has_signing_certificates(facts)),
        _check_alarm(facts, now),
        check_drills(facts.drills, now, account_id),
        _check_policies(facts),
    )
    return tuple(_at(check, facts) for check in checks)


def _at(check: Check, facts: FailsafeFacts) -> Check:
    return Check(check.name, check.verdict, check.evidence, check.hint, facts.account.account_id)


def _check_account(facts: FailsafeFacts) -> Iterator[Check]:
    account, window = facts.account, facts.window
    if account.state is not AccountState.ACTIVE:
        yield failed("delegated_administrator", f"The account is {account.state.value}.", _ANOTHER)
    else:
        yield passed("delegated_administrator", "Registered for iam.amazonaws.com.")
    if window is not None and window.state in OWING_STATES:
        yield failed(
            "recovery_window",
            f"Recovery window {window.window_id} is {window.state.value}: its end deletes the root login.",
            f"See it: rootkeeper windows show {window.window_id}",
        )


def _check_mailbox(facts: FailsafeFacts) -> Check:
    email = facts.email
    attest = f"Attest it: rootkeeper emails attest {email.account.email} --by NAME --until DATE"
    if email.group_basis is GroupBasis.SETTINGS:
        return passed("mailbox", f"{email.account.email} is on the list of group addresses.")
    if email.group_basis is GroupBasis.ATTESTATION and email.attestation is not None:
        by, until = email.attestation.attested_by, email.attestation.until
        return passed("mailbox", f"A group reads {email.account.email}, as {by} attests until {until:%Y-%m-%d}.")
    if email.attestation is not None:
        ended = f"{email.attestation.until:%Y-%m-%d}"
        return failed("mailbox", f"The attestation that a group reads {email.account.email} ended {ended}.", attest)
    return unknown("mailbox", f"Nobody has said that a group reads {email.account.email}.", attest)


def _check_password(facts: FailsafeFacts) -> Check:
    summary, credentials = facts.status.summary, facts.credentials
    set_up = f"Give it one: rootkeeper failsafe set-up {facts.account.account_id}"
    if summary is None:
        return unknown("password", _explain_unread(facts))
    if not summary.has_password:
        return failed("password", "It has no root login.", set_up)
    profile = credentials.login_profile if credentials else None
    if profile is None:
        return unknown("password", f"There is one, or recovery is allowed. {_UNREAD_DETAIL}", _AS_AUDITOR)
    if profile.last_used_at is None or profile.last_used_at < profile.created_at:
        return unknown(
            "password",
            f"Password recovery was allowed {profile.created_at:%Y-%m-%d}; nobody has signed in since, so that it "
            "isn't known whether a password was set.",
            "Sign in with it.",
        )
    return passed("password", f"Last used {profile.last_used_at:%Y-%m-%d %H:%M} UTC.")


def _check_mfa_devices(facts: FailsafeFacts) -> Iterator[Check]:
    if facts.status.summary is None:
        yield unknown("mfa_devices", _explain_unread(facts))
        yield unknown("hardware_mfa", _explain_unread(facts))
        return
    if not facts.status.summary.has_mfa_devices:
        yield failed("mfa_devices", "No MFA device guards the root login.", _REGISTER)
        yield failed("hardware_mfa", "There is no MFA device.", _REGISTER)
        return
    if facts.credentials is None:
        yield unknown("mfa_devices", f"There is at least one MFA device. {_UNREAD_DETAIL}", _AS_AUDITOR)
        yield unknown("hardware_mfa", f"There is at least one MFA device. {_UNREAD_DETAIL}", _AS_AUDITOR)
        return
    yield _check_mfa_count(facts.credentials)
    yield _check_hardware(facts, facts.credentials)


def _check_mfa_count(found: RootCredentials) -> Check:
    kinds = ", ".join(sorted(device.kind.value.replace("_", " ") for device in found.mfa_devices))
    if len(found.mfa_devices) < WANTED_MFA_DEVICES:
        return failed("mfa_devices", f"One MFA device alone: {kinds}. Lost, it locks everyone out.", _REGISTER)
    return passed("mfa_devices", f"{len(found.mfa_devices)} MFA devices: {kinds}.")


def _check_hardware(facts: FailsafeFacts, found: RootCredentials) -> Check:
    """AWS shows passkeys as security keys, so that a drill must tell whether there is a key to touch."""
    kinds = {device.kind for device in found.mfa_devices}
    if MfaKind.HARDWARE in kinds:
        return passed("hardware_mfa", "One of them is a hardware token.")
    if MfaKind.SECURITY_KEY not in kinds:
        return failed("hardware_mfa", "None of them is hardware.", _REGISTER)
    reported = next((one for one in facts.drills if one.device is not None), None)
    enabled_at = min(one.enabled_at for one in found.mfa_devices if one.kind is MfaKind.SECURITY_KEY)
    if reported is not None and reported.device is SignInDevice.HARDWARE and reported.held_at >= enabled_at:
        return passed(
            "hardware_mfa",
            f"A security key; hardware, as of the drill of {reported.held_at:%Y-%m-%d} ({reported.source}).",
        )
    return unknown(
        "hardware_mfa",
        "One of them is a security key or a passkey kept in software: AWS doesn't tell them apart.",
        "Sign in with it in a drill, and record that with --device hardware.",
    )


def _check_kind(name: str, noun: str, facts: FailsafeFacts, *, has: bool | None) -> Check:
    if has is None:
        return unknown(name, _explain_unread(facts))
    if has:
        return failed(
            name,
            f"The root user has a {noun}.".replace("a access", "an access"),
            _DELETE.format(name, facts.account.account_id),
        )
    return passed(name, f"No {noun}.")


def _has_access_keys(facts: FailsafeFacts) -> bool | None:
    return None if facts.status.summary is None else facts.status.summary.has_access_keys


def _has_signing_certificates(facts: FailsafeFacts) -> bool | None:
    return None if facts.status.summary is None else facts.status.summary.has_signing_certificates


def _check_alarm(facts: FailsafeFacts, now: datetime) -> Check:
    """Rootkeeper reads no alarms: only a drill shows that one goes off and that somebody hears it."""
    last = next((one for one in facts.drills if one.alarm is not None), None)
    if last is None or not last.is_recent(now):
        return unknown("alarm", "No recent drill says that a sign-in raised an alarm.", _ALARM)
    if last.alarm is AlarmObservation.MISSED:
        return failed("alarm", f"In the drill of {last.held_at:%Y-%m-%d} no alarm was seen ({last.source}).", _ALARM)
    return passed("alarm", f"Seen in the drill of {last.held_at:%Y-%m-%d} ({last.source}).")


def _check_policies(facts: FailsafeFacts) -> Check:
    found = facts.root_sign_in
    verdict = _VERDICTS[found.verdict]
    hint = None if verdict is CheckVerdict.PASS else f"See: rootkeeper preflight {facts.account.account_id}"
    return Check("policies", verdict, found.explanation, hint)


def _explain_unread(facts: FailsafeFacts) -> str:
    return f"Not read: {facts.status.detail or facts.status.status.value}"


_VERDICTS = {
    AccessVerdict.ALLOWED: CheckVerdict.PASS,
    AccessVerdict.BLOCKED: CheckVerdict.FAIL,
    AccessVerdict.DEPENDS: CheckVerdict.UNKNOWN,
    AccessVerdict.UNKNOWN: CheckVerdict.UNKNOWN,
}

_ANOTHER = "Register an account that works: rootkeeper enable --delegated-administrator ID"
_AS_AUDITOR = "Use credentials that may open audit sessions there."
_REGISTER = "Sign in as its root user and register MFA devices: two, one of them hardware."
_DELETE = "Delete it: rootkeeper delete {1} --include-failsafe {1} --only {0}"
_ALARM = "See `rootkeeper policies alarms`; in the next drill, record --alarm seen."
