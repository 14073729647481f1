"""Checks of the failsafe and its drills, and the proof that a person completed its root login.

The failsafe is a delegated administrator account whose root login is kept for emergency access. It needs a mailbox
that a group reads, a password, two MFA devices (a hardware device among them), no access key, no signing
certificate, an alarm on use, a drill every 90 days, and no organization policy that blocks its root user.

Unknown is a verdict of its own and never a pass: facts that are unreadable, not shown by AWS, or not recorded.
AWS has no record of a drill, so a drill is a person's statement in the ledger and is shown as such.

A login profile alone proves no password: it exists as soon as recovery is allowed. Its use after that moment does.
``AccountMFAEnabled`` counts only together with an MFA device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.errors import Hint, InputError
from rootkeeper.ledger.rules import Action, LedgerEntry
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import (
    AccountStatus,
    CredentialKind,
    FailOn,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    count_each,
    is_bad,
)
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.root_emails.rules import GroupBasis, RootEmail
from rootkeeper.shapes import parse_facts, to_plain_value
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow


class CheckVerdict(StrEnum):
    """The result of a check."""

    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    """The partition has nothing to check; the evidence has the reason."""
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """A line of a checking command."""

    name: str
    """Stable, for programs, such as ``mfa_devices``."""
    verdict: CheckVerdict
    evidence: str
    """A sentence for a person: the fact, or why it can't be known."""
    hint: str | None = None
    """The next step; ``None`` if there is nothing to do."""
    account_id: AccountId | None = None
    """``None`` if it concerns no single account."""

    @property
    def hint_code(self) -> str | None:
        return self.hint.code if isinstance(self.hint, Hint) else None

    @property
    def hint_facts(self) -> Mapping[str, str]:
        return dict(self.hint.facts) if isinstance(self.hint, Hint) else {}


def passed(name: str, evidence: str, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.PASS, evidence, account_id=account_id)


def failed(name: str, evidence: str, hint: str | None = None, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.FAIL, evidence, hint, account_id)


def unknown(name: str, evidence: str, hint: str | None = None, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.UNKNOWN, evidence, hint, account_id)


def unread(name: str, caller: str, refusal: str | None = None, *, account_id: AccountId | None = None) -> Check:
    """Make the check of facts that only ``caller`` can read; ``refusal`` is AWS's message, if any."""
    return unknown(name, f"needs {caller}: {refusal}" if refusal else f"needs {caller}", account_id=account_id)


def count_checks(checks: Iterable[Check]) -> dict[str, int]:
    return count_each(CheckVerdict, (check.verdict for check in checks), "checks")


def describe_counts(checks: Iterable[Check]) -> str:
    """Describe the counts, such as ``9 checks: 6 pass, 1 fail, 2 unknown.``"""
    counts = count_checks(checks)
    order = (CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN, CheckVerdict.NOT_APPLICABLE)
    found = ", ".join(
        f"{counts[verdict.value]} {verdict.value.replace('_', ' ')}" for verdict in order if counts[verdict.value]
    )
    return f"{counts['checks']} check{'' if counts['checks'] == 1 else 's'}: {found}."


def has_bad_checks(checks: Iterable[Check], fail_on: frozenset[FailOn]) -> bool:
    """Whether the answer is bad: a failed check counts as ``present``."""
    return is_bad({check.verdict for check in checks}, fail_on)


DRILL_EVERY = timedelta(days=90)
"""Source: needs of the product, after Microsoft's guidance for emergency access accounts (validate every 90 days)."""


class DrillOutcome(StrEnum):
    """Whether the sign-in worked."""

    FAILED = "failed"
    PASSED = "passed"


class AlarmObservation(StrEnum):
    """Whether an alarm of the sign-in was seen."""

    MISSED = "missed"
    SEEN = "seen"


class SignInDevice(StrEnum):
    """The kind of MFA device that was used."""

    HARDWARE = "hardware"
    SOFTWARE = "software"


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill, as a person recorded it."""

    account_id: AccountId
    held_at: datetime
    held_by: str
    outcome: DrillOutcome
    recorded_by: str
    """Who recorded it: self-asserted."""
    recorded_at: datetime
    alarm: AlarmObservation | None = None
    """``None`` if the alarm wasn't checked."""
    device: SignInDevice | None = None
    """``None`` if it wasn't recorded."""

    def is_recent(self, now: datetime) -> bool:
        return now - self.held_at <= DRILL_EVERY

    @property
    def source(self) -> str:
        return f"self-asserted by {self.recorded_by}"

    @property
    def order(self) -> tuple[datetime, datetime]:
        """Of two drills of the same moment, the drill recorded later corrects the other."""
        return self.held_at, self.recorded_at


def require_drill(drill: Drill, now: datetime) -> Drill:
    """:raises InputError: if it names no person, or its time is in the future."""
    if not drill.held_by:
        raise InputError(
            "A drill needs the name of the person who held it.",
            hint=Hint("Name the person who signed in.", "failsafe.held_by"),
        )
    if drill.held_at > now:
        raise InputError(
            f"The time of the drill ({drill.held_at.isoformat(timespec='seconds')}) is in the future.",
            hint=Hint("Give the day on which the drill was held.", "failsafe.held_at"),
        )
    return drill


def describe_drill(drill: Drill) -> dict[str, JsonValue]:
    """Render a drill for the ledger."""
    names = ("held_at", "held_by", "outcome", "alarm", "device")
    return {name: to_plain_value(getattr(drill, name), datetime.isoformat) for name in names}


def find_drills(entries: Iterable[LedgerEntry], organization_id: str, *, in_sandbox: bool) -> tuple[Drill, ...]:
    """Find the drills of an organization in the ledger, the latest held first; of the same moment, the latest recorded.

    A drill in a sandbox never counts for AWS, nor a drill in AWS for a sandbox.
    """
    drills: list[Drill] = []
    for entry in entries:
        is_wanted = entry.action is Action.FAILSAFE_DRILL and entry.organization_id == organization_id
        if is_wanted and (entry.endpoint != "AWS") is in_sandbox:
            recorded = {"account_id": entry.account_id, "recorded_by": entry.actor.name, "recorded_at": entry.at}
            try:
                drills.append(parse_facts(Drill, {"alarm": None, "device": None, **entry.parameters, **recorded}))
            except (KeyError, TypeError, ValueError):
                continue  # A later release wrote the entry in another form.
    return tuple(sorted(drills, key=lambda drill: drill.order, reverse=True))


def find_last_drill(drills: Iterable[Drill], account_id: AccountId | None = None) -> Drill | None:
    """Find the drill that was held last; if an account is given, only its drills count."""
    return max(
        (drill for drill in drills if account_id in (None, drill.account_id)),
        key=lambda drill: drill.order,
        default=None,
    )


def check_drills(drills: Iterable[Drill], now: datetime, account_id: AccountId | None = None) -> Check:
    """Check that the last drill is recent and passed; if an account is given, only its drills count."""
    last = find_last_drill(drills, account_id)
    if last is None:
        where = f" of {account_id}" if account_id else ""
        return failed("drill", f"No drill{where} is recorded.", hint_drill(account_id), account_id=account_id)
    reported = f"{last.held_at:%Y-%m-%d} by {last.held_by} in {last.account_id} ({last.source})"
    hint = hint_drill(last.account_id)
    if last.outcome is DrillOutcome.FAILED:
        return failed("drill", f"The last drill failed: {reported}.", hint, account_id=account_id)
    if not last.is_recent(now):
        evidence = f"The last drill is more than {DRILL_EVERY.days} days old: {reported}."
        return failed("drill", evidence, hint, account_id=account_id)
    return passed("drill", f"Held {reported}.", account_id=account_id)


def hint_drill(account_id: AccountId | None) -> Hint:
    return Hint(
        "Follow the failsafe's runbook, then record the drill.", "failsafe.drill", account_id=account_id or "ACCOUNT"
    )


WANTED_MFA_DEVICES = 2
_UNREAD_DETAIL = "The details couldn't be read."


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """The effect of the organization's policies."""

    verdict: AccessVerdict
    explanation: str
    """Half a sentence: the policies, or why it isn't known."""


@dataclass(frozen=True, slots=True)
class FailsafeFacts:
    """The facts about a failsafe."""

    account: Account
    status: AccountStatus
    """Read in detail in an audit session."""
    email: RootEmail
    drills: tuple[Drill, ...]
    """Of this account, the latest held first."""
    root_sign_in: PolicyFinding
    """Whether policies allow a signed-in root user to work there."""
    window: RecoveryWindow | None = None
    """An unfinished recovery window."""
    sign_in_obstacle: str | None = None
    """Why no root user of the partition can sign in."""


_OF_SIGN_IN = frozenset({"password", "mfa_devices", "hardware_mfa", "alarm", "drill", "policies"})
"""The checks of a login at the console."""


def check_failsafe(facts: FailsafeFacts, now: datetime) -> tuple[Check, ...]:
    """Run every check of a failsafe, in the order in which a person would fix them."""
    account_id = facts.account.account_id
    checks = (
        *_check_account(facts),
        _check_mailbox(facts),
        _check_password(facts),
        *_check_mfa_devices(facts),
        _check_kind(CredentialKind.ACCESS_KEYS, "an access key", facts),
        _check_kind(CredentialKind.SIGNING_CERTIFICATES, "a signing certificate", facts),
        _check_alarm(facts, now),
        check_drills(facts.drills, now, account_id),
        _check_policies(facts),
    )
    if (obstacle := facts.sign_in_obstacle) is not None:
        checks = tuple(
            Check(check.name, CheckVerdict.NOT_APPLICABLE, obstacle) if check.name in _OF_SIGN_IN else check
            for check in checks
        )
    return tuple(replace(check, account_id=account_id) for check in checks)


def find_confirmed_until(facts: FailsafeFacts, now: datetime) -> datetime:
    """Find until when passed checks count: until the first of the facts that they rest on is too old."""
    ends = [now + DRILL_EVERY]
    ends += [drill.held_at + DRILL_EVERY for drill in facts.drills[:1]]
    ends += [drill.held_at + DRILL_EVERY for drill in facts.drills if drill.alarm is not None][:1]
    if facts.email.group_basis is GroupBasis.ATTESTATION and facts.email.attested_until is not None:
        ends.append(facts.email.attested_until)
    return min(ends)


def _check_account(facts: FailsafeFacts) -> Iterator[Check]:
    account, window = facts.account, facts.window
    if account.state is not AccountState.ACTIVE:
        hint = Hint("Register another account as delegated administrator for IAM.", "failsafe.register_another")
        yield failed("delegated_administrator", f"The account is {account.state.value}.", hint)
    else:
        yield passed("delegated_administrator", "Registered for iam.amazonaws.com.")
    if window is not None and window.state in OWING_STATES:
        yield failed(
            "recovery_window",
            f"Recovery window {window.window_id} is {window.state.value}. Its end deletes the root login.",
            Hint("View the recovery window.", "failsafe.show_window", window_id=window.window_id),
        )


def _check_mailbox(facts: FailsafeFacts) -> Check:
    email = facts.email
    address = email.account.email
    attest = Hint("Attest that a group reads it.", "failsafe.attest", address=address)
    if email.group_basis is GroupBasis.SETTINGS:
        return passed("mailbox", f"{address} is on the list of group addresses.")
    if email.attested_until is None:
        return unknown("mailbox", f"It isn't recorded that a group reads {address}.", attest)
    until = f"{email.attested_until:%Y-%m-%d}"
    if email.group_basis is GroupBasis.ATTESTATION:
        return passed("mailbox", f"{email.attested_by} attests until {until} that a group reads {address}.")
    return failed("mailbox", f"The attestation that a group reads {address} ended on {until}.", attest)


def _check_password(facts: FailsafeFacts) -> Check:
    summary, credentials = facts.status.summary, facts.status.credentials
    if summary is None:
        return unknown("password", _explain_unread(facts))
    if not summary.has_password:
        set_up = Hint("Set up its root login.", "failsafe.set_up", account_id=facts.account.account_id)
        return failed("password", "It has no root login.", set_up)
    profile = credentials.login_profile if credentials else None
    if profile is None:
        return unknown("password", f"It has a password, or recovery is allowed. {_UNREAD_DETAIL}", _AS_AUDITOR)
    if profile.last_used_at is None or profile.last_used_at < profile.created_at:
        return unknown(
            "password",
            f"Password recovery was allowed on {profile.created_at:%Y-%m-%d} and the root user hasn't signed in since. "
            "It isn't known whether a password was set.",
            "Sign in as the root user.",
        )
    return passed("password", f"Last used {profile.last_used_at:%Y-%m-%d %H:%M} UTC.")


def _check_mfa_devices(facts: FailsafeFacts) -> Iterator[Check]:
    summary, credentials = facts.status.summary, facts.status.credentials
    names = ("mfa_devices", "hardware_mfa")
    if summary is None:
        yield from (unknown(name, _explain_unread(facts)) for name in names)
        return
    if not summary.has_mfa_devices:
        yield from (failed(name, "The root login has no MFA device.", _REGISTER) for name in names)
        return
    if credentials is None:
        evidence = f"There is at least one MFA device. {_UNREAD_DETAIL}"
        yield from (unknown(name, evidence, _AS_AUDITOR) for name in names)
        return
    devices = credentials.mfa_devices
    kinds = ", ".join(sorted(device.kind.value.replace("_", " ") for device in devices))
    if len(devices) < WANTED_MFA_DEVICES:
        evidence = f"Only one MFA device: {kinds}. If it is lost, the root user can't sign in."
        yield failed("mfa_devices", evidence, _REGISTER)
    else:
        yield passed("mfa_devices", f"{len(devices)} MFA devices: {kinds}.")
    yield _check_hardware(facts, credentials)


def _check_hardware(facts: FailsafeFacts, found: RootCredentials) -> Check:
    """AWS shows passkeys as security keys, so only a drill shows whether the key is hardware."""
    kinds = {device.kind for device in found.mfa_devices}
    if MfaKind.HARDWARE in kinds:
        return passed("hardware_mfa", "One MFA device is a hardware token.")
    if MfaKind.SECURITY_KEY not in kinds:
        return failed("hardware_mfa", "No MFA device is hardware.", _REGISTER)
    reported = next((drill for drill in facts.drills if drill.device is not None), None)
    enabled_at = min(device.enabled_at for device in found.mfa_devices if device.kind is MfaKind.SECURITY_KEY)
    if reported is not None and reported.device is SignInDevice.HARDWARE and reported.held_at >= enabled_at:
        return passed(
            "hardware_mfa",
            f"A security key; the drill of {reported.held_at:%Y-%m-%d} reports hardware ({reported.source}).",
        )
    return unknown(
        "hardware_mfa",
        "One MFA device is a hardware security key or a passkey in software. AWS doesn't distinguish them.",
        Hint("Sign in with it in a drill, and record the kind of device.", "failsafe.record_device"),
    )


def _check_kind(kind: CredentialKind, noun: str, facts: FailsafeFacts) -> Check:
    account_id, summary = facts.account.account_id, facts.status.summary
    if summary is None:
        return unknown(kind.value, _explain_unread(facts))
    if summary.has(kind):
        hint = Hint("Delete it.", "failsafe.delete_kinds", account_id=account_id, kinds=kind.value)
        return failed(kind.value, f"The root user has {noun}.", hint)
    return passed(kind.value, f"The root user doesn't have {noun}.")


def _check_alarm(facts: FailsafeFacts, now: datetime) -> Check:
    """Rootkeeper reads no alarms; only a drill shows that a sign-in raises an alarm."""
    last = next((drill for drill in facts.drills if drill.alarm is not None), None)
    if last is None or not last.is_recent(now):
        return unknown("alarm", "No recent drill reports that a sign-in raised an alarm.", _ALARM)
    if last.alarm is AlarmObservation.MISSED:
        return failed("alarm", f"In the drill of {last.held_at:%Y-%m-%d} no alarm was seen ({last.source}).", _ALARM)
    return passed("alarm", f"Seen in the drill of {last.held_at:%Y-%m-%d} ({last.source}).")


def _check_policies(facts: FailsafeFacts) -> Check:
    found = facts.root_sign_in
    verdict = CHECK_VERDICTS[found.verdict]
    hint = Hint("Run a preflight of the account.", "failsafe.preflight", account_id=facts.account.account_id)
    return Check("policies", verdict, found.explanation, None if verdict is CheckVerdict.PASS else hint)


def _explain_unread(facts: FailsafeFacts) -> str:
    return f"Not read: {facts.status.detail or facts.status.status.value}"


CHECK_VERDICTS = {
    AccessVerdict.ALLOWED: CheckVerdict.PASS,
    AccessVerdict.BLOCKED: CheckVerdict.FAIL,
    AccessVerdict.DEPENDS: CheckVerdict.UNKNOWN,
    AccessVerdict.UNKNOWN: CheckVerdict.UNKNOWN,
}
_AS_AUDITOR = "Use credentials that can open audit sessions in the account."
_REGISTER = "Sign in as its root user and register two MFA devices, one of them hardware."
_ALARM = Hint("Set up alarms on root activity, and record in the next drill whether one was seen.", "failsafe.alarm")


@dataclass(frozen=True, slots=True)
class LoginProgress:
    """The steps of a root login that a person still has to do."""

    missing: tuple[str, ...]
    """Half a sentence for each step that isn't proven, in their order."""
    obstacles: tuple[str, ...] = ()
    """Credentials that must be deleted before the login can be kept."""

    @property
    def shortcomings(self) -> tuple[str, ...]:
        return (*self.missing, *self.obstacles)

    @property
    def is_complete(self) -> bool:
        return not self.shortcomings


def evaluate_progress(
    found: RootCredentials, summary: RootCredentialsSummary, opened_at: datetime | None
) -> LoginProgress:
    """Find the missing steps from the details and the summary of the same moment.

    A kind exists if either shows it; a step is done only if both show it.

    :param opened_at: ``CreateDate`` of the login profile that the window made; ``None`` for an earlier login, whose
        own ``CreateDate`` counts.
    """
    missing, obstacles = [], []
    profile = found.login_profile
    since = opened_at or (profile.created_at if profile else None)
    if profile is None or not summary.has_password:
        missing.append("AWS doesn't show the login profile any more")
    elif since is None or profile.last_used_at is None or profile.last_used_at < since:
        missing.append("the root user hasn't signed in with a new password yet")
    if not found.mfa_devices or not summary.has_mfa_devices:
        missing.append("no MFA device is registered yet")
    if found.access_keys or summary.has_access_keys:
        obstacles.append("the root user has an access key, which must be deleted")
    if found.signing_certificates or summary.has_signing_certificates:
        obstacles.append("the root user has a signing certificate, which must be deleted")
    return LoginProgress(tuple(missing), tuple(obstacles))


def describe_login(found: RootCredentials) -> dict[str, JsonValue]:
    """Render a kept login for the ledger."""
    profile = found.login_profile
    return {
        "login_profile_created_at": profile.created_at.isoformat() if profile else None,
        "last_signed_in_at": profile.last_used_at.isoformat() if profile and profile.last_used_at else None,
        "mfa_serial_numbers": [device.mfa_serial_number for device in found.mfa_devices],
    }
