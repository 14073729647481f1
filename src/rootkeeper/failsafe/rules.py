"""What the failsafe must be, its drills and its runbook.

A check: one thing that should be so, whether it is, and what shows it.

An unknown is a verdict of its own and never a pass: what couldn't be read, what AWS doesn't tell, and what nobody has
recorded.

Drills of the way back in: who opened the failsafe's or the management account's root login, when, how it went.

AWS doesn't tell of a drill, so it is somebody's word, kept in the ledger and shown as such. It also says what only the
person at the desk sees: whether the alarm went off, and what kind of MFA device was used.

The failsafe: a delegated administrator account whose root login is kept as the last way back in.

What it is held to: a mailbox that a group reads, a password, two MFA devices of which one is hardware, no access key,
no signing certificate, an alarm on use, a drill every 90 days, and no policy of the organization in its way.

When a person has completed the failsafe's root login, judged from what a re-read shows.

A login profile alone shows nothing: it is there from the moment that recovery is allowed. That somebody set a password
and holds it shows when it was used after that moment. ``AccountMFAEnabled`` counts only with its device, which AWS
enables for two codes in a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import Action, LedgerEntry
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import AccountStatus, FailOn, MfaKind, RootCredentials, RootCredentialsSummary
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.root_emails.rules import GroupBasis, RootEmail
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow


class CheckVerdict(StrEnum):
    """Whether it is so."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a checking command."""

    name: str
    """Stable, for programs, such as ``mfa_devices``."""
    verdict: CheckVerdict
    evidence: str
    """One sentence for a person: what was found, or why it can't be known."""
    hint: str | None = None
    """What to do next; ``None`` where there is nothing to do."""
    account_id: AccountId | None = None
    """``None`` where it concerns no single account."""


def passed(name: str, evidence: str, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.PASS, evidence, account_id=account_id)


def failed(name: str, evidence: str, hint: str | None = None, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.FAIL, evidence, hint, account_id)


def unknown(name: str, evidence: str, hint: str | None = None, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.UNKNOWN, evidence, hint, account_id)


def unread(name: str, caller: str, said: str | None = None, *, account_id: AccountId | None = None) -> Check:
    """What this caller can't read, and ``caller`` could.

    :param said: how AWS refused it; ``None`` where it wasn't asked.
    """
    return unknown(name, f"needs {caller}: {said}" if said else f"needs {caller}", account_id=account_id)


def count_checks(checks: Iterable[Check]) -> dict[str, int]:
    """How many checks there are, and how many of each verdict."""
    counts = {"checks": 0} | {verdict.value: 0 for verdict in CheckVerdict}
    for check in checks:
        counts["checks"] += 1
        counts[check.verdict.value] += 1
    return counts


def has_bad_checks(checks: Iterable[Check], fail_on: frozenset[FailOn]) -> bool:
    """Whether the answer is bad: a failed check counts as ``present``."""
    verdicts = {check.verdict for check in checks}
    return (CheckVerdict.FAIL in verdicts and FailOn.PRESENT in fail_on) or (
        CheckVerdict.UNKNOWN in verdicts and FailOn.UNKNOWN in fail_on
    )


DRILL_EVERY = timedelta(days=90)
"""Source: needs of the product, after Microsoft's guidance for emergency access accounts (validate every 90 days)."""

RECORD_COMMAND = "rootkeeper failsafe record-drill"


class DrillOutcome(StrEnum):
    """Whether the way in worked."""

    FAILED = "failed"
    PASSED = "passed"


class AlarmObservation(StrEnum):
    """Whether somebody was alarmed by the sign-in."""

    MISSED = "missed"
    SEEN = "seen"


class SignInDevice(StrEnum):
    """What kind of MFA device the code came from."""

    HARDWARE = "hardware"
    SOFTWARE = "software"


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, as somebody told it."""

    account_id: AccountId
    held_at: datetime
    held_by: str
    outcome: DrillOutcome
    recorded_by: str
    recorded_at: datetime
    alarm: AlarmObservation | None = None
    """``None`` where nobody looked."""
    device: SignInDevice | None = None
    """``None`` where it isn't told."""

    def is_recent(self, now: datetime) -> bool:
        return now - self.held_at <= DRILL_EVERY

    @property
    def source(self) -> str:
        """Whose word it is."""
        return f"self-asserted by {self.recorded_by}"


def require_drill(drill: Drill, now: datetime) -> Drill:
    """``drill``, if it may be recorded.

    :raises InputError: if nobody held it, or it wasn't held yet.
    """
    if not drill.held_by:
        raise InputError("A drill needs somebody who held it.", hint="Name who signed in: --by NAME")
    if drill.held_at > now:
        raise InputError(
            f"A drill can't be recorded before it was held ({drill.held_at.isoformat(timespec='seconds')}).",
            hint="Give the day on which it was held: --at YYYY-MM-DD",
        )
    return drill


def describe_drill(drill: Drill) -> dict[str, JsonValue]:
    """What the ledger keeps of a drill."""
    return {
        "held_at": drill.held_at.isoformat(),
        "held_by": drill.held_by,
        "outcome": drill.outcome.value,
        "alarm": drill.alarm.value if drill.alarm else None,
        "device": drill.device.value if drill.device else None,
    }


def find_drills(entries: Iterable[LedgerEntry], organization_id: str, *, in_sandbox: bool) -> tuple[Drill, ...]:
    """The drills of one organization among ledger entries, the latest held first; of one moment, the latest recorded.

    What was recorded of a sandbox never counts for AWS, nor the other way round.
    """
    drills = [
        _parse_drill(entry)
        for entry in entries
        if entry.action is Action.FAILSAFE_DRILL
        and entry.organization_id == organization_id
        and (entry.endpoint != "AWS") is in_sandbox
    ]
    return tuple(sorted((one for one in drills if one is not None), key=_recency, reverse=True))


def _recency(drill: Drill) -> tuple[datetime, datetime]:
    """Of two drills of one day, what was recorded later corrects what was recorded before."""
    return drill.held_at, drill.recorded_at


def _parse_drill(entry: LedgerEntry) -> Drill | None:
    """``None`` for an entry that a later release wrote in another way."""
    reported, account_id = entry.parameters, entry.account_id
    try:
        drill = Drill(
            account_id=account_id or AccountId(""),
            held_at=datetime.fromisoformat(str(reported["held_at"])),
            held_by=str(reported["held_by"]),
            outcome=DrillOutcome(str(reported["outcome"])),
            recorded_by=entry.actor.name,
            recorded_at=entry.at,
            alarm=AlarmObservation(str(reported["alarm"])) if reported.get("alarm") else None,
            device=SignInDevice(str(reported["device"])) if reported.get("device") else None,
        )
    except (KeyError, ValueError):
        return None
    return drill if account_id and drill.held_at.tzinfo else None


def check_drills(drills: Iterable[Drill], now: datetime, account_id: AccountId | None = None) -> Check:
    """Whether the last drill is recent and went well. ``account_id`` narrows to one account."""
    known = [one for one in drills if account_id in (None, one.account_id)]
    if not known:
        where = f" of {account_id}" if account_id else ""
        hint = _HINT.format(account_id or "ACCOUNT")
        return failed("drill", f"No drill{where} is recorded.", hint, account_id=account_id)
    last = max(known, key=_recency)
    reported = f"{last.held_at:%Y-%m-%d} by {last.held_by} in {last.account_id} ({last.source})"
    hint = _HINT.format(last.account_id)
    if last.outcome is DrillOutcome.FAILED:
        return failed("drill", f"The last drill failed: {reported}.", hint, account_id=account_id)
    if not last.is_recent(now):
        return failed(
            "drill", f"The last drill is over {DRILL_EVERY.days} days old: {reported}.", hint, account_id=account_id
        )
    return passed("drill", f"Held {reported}.", account_id=account_id)


_HINT = (
    "Walk through `rootkeeper failsafe runbook`, then record it: "
    f"{RECORD_COMMAND} {{}} --by NAME --at DATE --outcome passed"
)

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


@dataclass(frozen=True, slots=True)
class LoginProgress:
    """How far a person has come."""

    missing: tuple[str, ...]
    """Half a sentence for each step that isn't shown to be done, in their order."""
    obstacles: tuple[str, ...] = ()
    """What must go before the login can be kept."""

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """All of them, what is missing first."""
        return (*self.missing, *self.obstacles)

    @property
    def is_complete(self) -> bool:
        return not self.shortcomings


def evaluate_progress(
    found: RootCredentials, summary: RootCredentialsSummary, opened_at: datetime | None
) -> LoginProgress:
    """Judge details and summary of one moment together: a kind is there if either shows it, and counts as done only
    where both do.

    :param opened_at: ``CreateDate`` of the login profile that the window made; ``None`` for a login that was there
        before, whose own ``CreateDate`` counts.
    """
    missing, obstacles = [], []
    profile = found.login_profile
    since = opened_at or (profile.created_at if profile else None)
    if profile is None or not summary.has_password:
        missing.append("the login profile isn't shown any more")
    elif since is None or profile.last_used_at is None or profile.last_used_at < since:
        missing.append("nobody has signed in with a new password yet")
    if not found.mfa_devices or not summary.has_mfa_devices:
        missing.append("no MFA device is registered yet")
    if found.access_keys or summary.has_access_keys:
        obstacles.append("the root user has an access key, which must be deleted")
    if found.signing_certificates or summary.has_signing_certificates:
        obstacles.append("the root user has a signing certificate, which must be deleted")
    return LoginProgress(tuple(missing), tuple(obstacles))


def describe_login(found: RootCredentials) -> dict[str, JsonValue]:
    """What the ledger keeps of a login that is kept."""
    profile = found.login_profile
    return {
        "login_profile_created_at": profile.created_at.isoformat() if profile else None,
        "last_signed_in_at": profile.last_used_at.isoformat() if profile and profile.last_used_at else None,
        "mfa_serial_numbers": [device.mfa_serial_number for device in found.mfa_devices],
    }
