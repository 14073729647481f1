"""Evaluates the evidence of one organization over a period: accounts, ledger, kept root logins, controls and gaps.

Three things count as a reading of an account: its last status, a status that an audit of the period stored, and a
recovery window whose closing a re-read proved. The newest reading up to the period's end counts. A window that was
opened later invalidates it. What wasn't read in the period is unknown, even if an older reading exists. Each gap is
named, so that missing evidence never counts as good.

The ledger is read once, as a stream. Exceptions come from the ledger, because their table has only the last one of each
account.

Source: CIS Amazon Web Services Foundations Benchmark 7.0.0, recommendation 2.1.1, Ensure centralized root access in
AWS Organizations: trusted access for IAM, and root credentials management.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.errors import Hint, InputError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.failsafe.rules import (
    Check,
    Drill,
    FailsafeFacts,
    PolicyFinding,
    check_failsafe,
    failed,
    find_drills,
    passed,
    unknown,
)
from rootkeeper.ledger.rules import Action, Actor, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Account, AccountId, Feature, Inventory
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    AccountRole,
    AccountStatus,
    CredentialKind,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
    find_status_without_reading,
)
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.removal.rules import ACTIONS, TARGET_PARAMETERS
from rootkeeper.root_emails.rules import RootEmail
from rootkeeper.setup.rules import CHANGES_OF_SETUP, SetupDrift, SetupState
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import FINAL_STATES, RecoveryWindow, WindowState

DEFAULT_STALE_AFTER = timedelta(days=30)


class ControlVerdict(StrEnum):
    """What evidence says of a control or an account."""

    FAIL = "fail"
    KEPT = "kept"
    """Of an account: root user credentials that are kept on purpose, and are guarded."""
    NOT_APPLICABLE = "not_applicable"
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` to ``end``, both included."""

    start: datetime
    end: datetime
    stale_after: timedelta = DEFAULT_STALE_AFTER
    """A reading older than this at ``end`` is stale, though it lies in the period."""

    def holds(self, at: datetime) -> bool:
        return self.start <= at <= self.end

    def find_staleness(self, read_at: datetime) -> str | None:
        """Why a reading isn't evidence for the period any more, or isn't yet; ``None`` if it is."""
        if read_at > self.end:
            return "read after the period's end"
        if read_at < self.start:
            return f"read before the period, {_render_age(self.end - read_at)} before its end"
        if self.end - read_at > self.stale_after:
            return f"read {_render_age(self.end - read_at)} before the period's end"
        return None


def require_period(period: Period) -> Period:
    """Return ``period`` if its end is after its start.

    :raises InputError: if not.
    """
    if period.end <= period.start:
        raise InputError(
            f"The period ends at {period.end.isoformat()}, which isn't after its start, {period.start.isoformat()}.",
            hint=Hint("Give an earlier start, or a later end.", "evidence.period"),
        )
    return period


def end_second(now: datetime) -> datetime:
    """The end of this second: what was read just now belongs to a period that ends now."""
    return now.replace(microsecond=0) + timedelta(seconds=1)


def _render_age(age: timedelta) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count = int(age.total_seconds() // length)
        if count:
            return f"{count} {unit if count == 1 else f'{unit}s'}"
    return "less than a second"


BY_ROOT_SESSION = "sts:AssumeRoot IAMAuditRootUserCredentials + iam:GetAccountSummary"
BY_OWN_CREDENTIALS = "iam:GetAccountSummary with credentials of the account itself"
BY_CLOSING = f"{BY_ROOT_SESSION}, as a recovery window was closed"

_IN_DETAIL = {
    CredentialKind.PASSWORD: "iam:GetLoginProfile",
    CredentialKind.ACCESS_KEYS: "iam:ListAccessKeys",
    CredentialKind.SIGNING_CERTIFICATES: "iam:ListSigningCertificates",
    CredentialKind.MFA_DEVICES: "iam:ListMFADevices",
}

_NEVER_OPENED = frozenset(
    {WindowState.APPROVED, WindowState.CANCELLED, WindowState.DENIED, WindowState.LAPSED, WindowState.REQUESTED}
)

_NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """One of the four kinds."""

    kind: CredentialKind
    is_present: bool | None
    """``None`` if no reading of the period shows it."""
    count: int | None
    """Where read in detail."""
    read_at: datetime | None
    method: str | None
    """The AWS calls of the reading."""


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """One account at the end of the period."""

    account: Account
    role: AccountRole
    status: Status
    reason: StatusReason | None
    detail: str | None
    verdict: ControlVerdict
    """Whether it has no root user credentials."""
    kinds: tuple[KindEvidence, ...]
    """In the order of ``KIND_ORDER``."""
    read_at: datetime | None
    session_access_key_id: str | None
    """Of the root session that read it, as CloudTrail shows it in the account."""
    found: AccountStatus
    """The status that all of this was made of."""
    exception: DeletionException | None = None
    """The one in force at the period's end."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the database knows of one account."""

    account: Account
    role: AccountRole
    partition: str
    last: AccountStatus | None
    windows: tuple[RecoveryWindow, ...]
    exception: DeletionException | None
    listed_at: datetime
    """When the account's state was read."""
    kept: AccountStatus | None = None
    """The newest reading of the period that an audit kept."""


def evaluate_account(facts: AccountFacts, period: Period) -> AccountEvidence:
    """One account's evidence; nothing that wasn't read in the period is ever a pass."""
    account = facts.account
    if account.joined_at is not None and account.joined_at > period.end:
        joined = AccountStatus(account, facts.role, Status.NOT_APPLICABLE, None, "It joined after the period's end.")
        return _describe(joined, None, facts)
    unread = find_status_without_reading(account, facts.role, facts.partition)
    if unread is not None and facts.role is not AccountRole.MANAGEMENT:
        return _describe(_evaluate_listing(unread, facts, period), None, facts)
    reading = _find_reading(facts, period)
    if reading is None:
        return _describe(_evaluate_unread(facts, unread), None, facts)
    status, method = reading
    stale = period.find_staleness(status.observed_at) if status.observed_at is not None else None
    if stale is not None:
        return _describe(_evaluate_stale(status, stale), None, facts)
    return _describe(_evaluate_windows(status, facts, period), method, facts)


def _find_reading(facts: AccountFacts, period: Period) -> tuple[AccountStatus, str | None] | None:
    """The newest reading that isn't later than the period's end, and how it was made."""
    statuses = [one for one in (facts.kept, facts.last) if one is not None]
    found = [(one.observed_at, one, _find_method(one)) for one in statuses if one.observed_at is not None]
    for window in facts.windows:
        if window.state is WindowState.CLOSED_VERIFIED and window.closed_at is not None:
            shown = AccountStatus(
                facts.account,
                facts.role,
                Status.NOT_PRESENT,
                detail=f"Shown empty as recovery window {window.window_id} was closed.",
                summary=_NOTHING,
                observed_at=window.closed_at,
            )
            found.append((window.closed_at, shown, BY_CLOSING))
    earlier = [one for one in found if one[0] <= period.end]
    if not earlier:
        return None
    _, status, method = max(earlier, key=lambda one: one[0])
    return replace(status, account=facts.account, role=facts.role), method


def _find_method(status: AccountStatus) -> str | None:
    if status.summary is None:
        return None
    return BY_ROOT_SESSION if status.session_access_key_id is not None else BY_OWN_CREDENTIALS


def _evaluate_listing(unread: AccountStatus, facts: AccountFacts, period: Period) -> AccountStatus:
    """An account's state is as old as the list of accounts; it proves nothing for a period that ended before."""
    stale = period.find_staleness(facts.listed_at)
    if unread.reason is StatusReason.NOT_ACTIVE and stale is not None:
        return replace(
            unread, status=Status.UNKNOWN, reason=StatusReason.STALE, detail=f"{unread.detail} Its state was {stale}."
        )
    return unread


def _evaluate_unread(facts: AccountFacts, unread: AccountStatus | None) -> AccountStatus:
    last = facts.last
    if unread is not None:
        detail = (last.detail if last is not None else None) or "Read only from the management account."
        return replace(unread, detail=detail)
    detail = "Never read."
    if last is not None and last.observed_at is not None:
        moment = _render_moment(last.observed_at)
        detail = f"Read only after the period's end, at {moment}: of earlier readings none is kept."
    return AccountStatus(facts.account, facts.role, Status.UNKNOWN, StatusReason.NEVER_READ, detail)


def _evaluate_stale(status: AccountStatus, stale: str) -> AccountStatus:
    was = status.status.value.replace("_", " ")
    detail = f"Last read at {_render_moment(status.observed_at)}, {stale}; it then was {was}."
    if status.role is AccountRole.MANAGEMENT:
        return replace(status, reason=StatusReason.STALE, detail=detail, summary=None, credentials=None)
    return replace(
        status, status=Status.UNKNOWN, reason=StatusReason.STALE, detail=detail, summary=None, credentials=None
    )


def _evaluate_windows(status: AccountStatus, facts: AccountFacts, period: Period) -> AccountStatus:
    """A window opened since the reading: what was shown absent may be there again."""
    for window in facts.windows:
        opened_at = window.opening_started_at
        if opened_at is None or window.state in _NEVER_OPENED or status.observed_at is None:
            continue
        is_closed = window.state is WindowState.CLOSED_VERIFIED and (window.closed_at or period.end) <= period.end
        if status.observed_at < opened_at <= period.end and not is_closed:
            return replace(
                status,
                status=Status.RECOVERY_OPEN,
                reason=None,
                detail=f"Recovery window {window.window_id} was opened after the last reading.",
                summary=None,
                credentials=None,
            )
    return status


def _describe(status: AccountStatus, method: str | None, facts: AccountFacts) -> AccountEvidence:
    return AccountEvidence(
        account=facts.account,
        role=facts.role,
        status=status.status,
        reason=status.reason,
        detail=status.detail,
        verdict=_evaluate(status),
        kinds=tuple(_describe_kind(kind, status, method) for kind in KIND_ORDER),
        read_at=status.observed_at,
        session_access_key_id=status.session_access_key_id,
        found=status,
        exception=facts.exception,
    )


def _evaluate(status: AccountStatus) -> ControlVerdict:
    if status.role is AccountRole.FAILSAFE and status.status is Status.PRESENT and status.is_in_order:
        return ControlVerdict.KEPT
    if status.status is Status.NOT_PRESENT and (status.summary is None or not status.summary.is_empty):
        return ControlVerdict.UNKNOWN  # a row that says so without its four kinds proves nothing
    return {
        Status.NOT_APPLICABLE: ControlVerdict.NOT_APPLICABLE,
        Status.NOT_PRESENT: ControlVerdict.PASS,
        Status.PRESENT: ControlVerdict.FAIL,
        Status.RECOVERY_OPEN: ControlVerdict.FAIL,
        Status.UNKNOWN: ControlVerdict.UNKNOWN,
    }[status.status]


def _describe_kind(kind: CredentialKind, status: AccountStatus, method: str | None) -> KindEvidence:
    if status.summary is None or method is None:
        return KindEvidence(kind, None, None, None, None)
    detail = status.credentials
    return KindEvidence(
        kind=kind,
        is_present=status.summary.has(kind),
        count=None if detail is None else _count(kind, detail),
        read_at=status.observed_at,
        method=method if detail is None else f"{method} + {_IN_DETAIL[kind]}",
    )


def _count(kind: CredentialKind, found: RootCredentials) -> int:
    return {
        CredentialKind.PASSWORD: int(found.login_profile is not None),
        CredentialKind.ACCESS_KEYS: len(found.access_keys),
        CredentialKind.SIGNING_CERTIFICATES: len(found.signing_certificates),
        CredentialKind.MFA_DEVICES: len(found.mfa_devices),
    }[kind]


def count_verdicts(accounts: Iterable[AccountEvidence]) -> dict[ControlVerdict, int]:
    """How many accounts there are of each verdict, every verdict named."""
    counts = dict.fromkeys(
        (
            ControlVerdict.PASS,
            ControlVerdict.FAIL,
            ControlVerdict.UNKNOWN,
            ControlVerdict.KEPT,
            ControlVerdict.NOT_APPLICABLE,
        ),
        0,
    )
    for account in accounts:
        counts[account.verdict] += 1
    return counts


def _render_moment(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


_KINDS = {action: kind for kind, action in ACTIONS.items()}


@dataclass(frozen=True, slots=True)
class DeletionEvidence:
    """One credential whose removal was tried in the period."""

    sequence: int
    """Of the intent in the ledger."""
    at: datetime
    """Of the outcome."""
    account_id: AccountId
    kind: CredentialKind
    target: str | None
    """The key, certificate or device; ``None`` for a password."""
    result: Result
    actor: Actor
    cause: str | None
    """``plan-…`` or ``window w-…``."""
    session_access_key_id: str | None


@dataclass(frozen=True, slots=True)
class EndedException:
    """An exception from deletion that a person ended in the period, or replaced by another."""

    account_id: AccountId
    owner: str
    reason: str
    until: str
    ended_at: datetime
    ended_by: str


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent of the period that has no outcome: what came of it isn't known."""

    sequence: int
    at: datetime
    action: Action
    account_id: AccountId | None


@dataclass(frozen=True, slots=True)
class LastSetupChange:
    """The last change of the set-up by Rootkeeper itself; an earlier reading doesn't count any more."""

    sequence: int
    at: datetime
    action: Action


@dataclass(frozen=True, slots=True)
class LedgerHistory:
    """The ledger's facts about one organization and one period."""

    deletions: tuple[DeletionEvidence, ...] = ()
    exceptions: tuple[DeletionException, ...] = ()
    """Every one up to the period's end that no person ended: those that ran out too."""
    ended_exceptions: tuple[EndedException, ...] = ()
    drills: tuple[Drill, ...] = ()
    """Every drill up to the period's end, the latest first."""
    open_intents: tuple[OpenIntent, ...] = ()
    setup_changed: LastSetupChange | None = None
    """Of the time up to the period's end."""
    setup_entries: tuple[LedgerEntry, ...] = ()
    """Everything about changes of the set-up by Rootkeeper itself, up to the period's end."""
    entries: int = 0
    """Of the period."""
    audits: int = 0
    """Batches of accounts that were read in the period."""
    endpoints: tuple[str, ...] = ()
    """Of the period's entries, or of the last entry before where the period has none."""
    caller_arns: tuple[str, ...] = ()


def read_history(entries: Iterable[LedgerEntry], organization_id: str, period: Period) -> LedgerHistory:
    """Follow the ledger up to the period's end.

    :param entries: of any organization, in the order of their sequence.
    """
    reading = _LedgerHistoryReader(period)
    for entry in entries:
        if entry.organization_id == organization_id and entry.at <= period.end:
            reading.take(entry)
    return reading.finish()


@dataclass(slots=True)
class _LedgerHistoryReader:
    period: Period
    intents: dict[int, LedgerEntry] = field(default_factory=dict)
    deletions: list[DeletionEvidence] = field(default_factory=list)
    exceptions: dict[AccountId, DeletionException] = field(default_factory=dict)
    """Each account's last one."""
    run_out: list[DeletionException] = field(default_factory=list)
    """Those that ended by themselves before the account's next one."""
    ended: list[EndedException] = field(default_factory=list)
    entries: int = 0
    audits: int = 0
    endpoints: set[str] = field(default_factory=set)
    caller_arns: set[str] = field(default_factory=set)
    drills: list[LedgerEntry] = field(default_factory=list)
    setup_changed: LastSetupChange | None = None
    setup_entries: list[LedgerEntry] = field(default_factory=list)
    last: LedgerEntry | None = None

    def take(self, entry: LedgerEntry) -> None:
        self.last = entry
        if entry.action is Action.FAILSAFE_DRILL:
            self.drills.append(entry)
        if entry.action in CHANGES_OF_SETUP:
            self._take_setup_change(entry)
        intent = self._match(entry)
        ended = self._follow_exceptions(entry)
        if not self.period.holds(entry.at):
            return
        self._note_place(entry)
        self.entries += 1
        self.audits += entry.action is Action.ACCOUNTS_AUDIT and entry.phase is Phase.OUTCOME
        if ended is not None:
            self.ended.append(ended)
        if intent is not None and entry.action in _KINDS and entry.account_id is not None:
            self.deletions.append(_describe_deletion(intent, entry, entry.account_id))

    def _take_setup_change(self, entry: LedgerEntry) -> None:
        self.setup_entries.append(entry)
        if entry.phase is Phase.OUTCOME and entry.result is not Result.FAILED:
            self.setup_changed = LastSetupChange(entry.sequence, entry.at, entry.action)

    def _follow_exceptions(self, entry: LedgerEntry) -> EndedException | None:
        """The exception that this entry ends: an account has one, and another takes its place."""
        account_id = entry.account_id
        if account_id is None or entry.action not in {Action.EXCEPTION_ADD, Action.EXCEPTION_REMOVE}:
            return None
        earlier = self.exceptions.pop(account_id, None)
        if entry.action is Action.EXCEPTION_REMOVE:
            return _describe_ended(entry.parameters, entry, account_id)
        added = _parse_exception(entry, account_id)
        if added is not None:
            self.exceptions[account_id] = added
        if earlier is None:
            return None
        if not earlier.is_in_force(entry.at):
            self.run_out.append(earlier)
            return None
        reported = {"owner": earlier.owner, "reason": earlier.reason, "until": earlier.until.isoformat()}
        return _describe_ended(reported, entry, account_id)

    def finish(self) -> LedgerHistory:
        if not self.endpoints and self.last is not None:
            self._note_place(self.last)
        left = [intent for intent in self.intents.values() if self.period.holds(intent.at)]
        return LedgerHistory(
            deletions=tuple(self.deletions),
            exceptions=(*self.run_out, *self.exceptions.values()),
            ended_exceptions=tuple(self.ended),
            drills=self._find_drills(),
            setup_changed=self.setup_changed,
            setup_entries=tuple(self.setup_entries),
            open_intents=tuple(OpenIntent(one.sequence, one.at, one.action, one.account_id) for one in left),
            entries=self.entries,
            audits=self.audits,
            endpoints=tuple(sorted(self.endpoints)),
            caller_arns=tuple(sorted(self.caller_arns)),
        )

    def _find_drills(self) -> tuple[Drill, ...]:
        """In a sandbox or in AWS, as the last entry is."""
        if self.last is None:
            return ()
        return find_drills(self.drills, self.last.organization_id, in_sandbox=self.last.endpoint != "AWS")

    def _match(self, entry: LedgerEntry) -> LedgerEntry | None:
        if entry.phase is Phase.INTENT:
            self.intents[entry.sequence] = entry
            return None
        return None if entry.intent_sequence is None else self.intents.pop(entry.intent_sequence, None)

    def _note_place(self, entry: LedgerEntry) -> None:
        self.endpoints.add(entry.endpoint)
        if entry.actor.caller_arn is not None:
            self.caller_arns.add(entry.actor.caller_arn)


def _describe_deletion(intent: LedgerEntry, outcome: LedgerEntry, account_id: AccountId) -> DeletionEvidence:
    kind = _KINDS[intent.action]
    return DeletionEvidence(
        sequence=intent.sequence,
        at=outcome.at,
        account_id=account_id,
        kind=kind,
        target=_text(intent.parameters, TARGET_PARAMETERS.get(kind, "")),
        result=outcome.result or Result.UNKNOWN,
        actor=intent.actor,
        cause=_find_cause(intent.parameters),
        session_access_key_id=_text(intent.parameters, "session_access_key_id"),
    )


def _find_cause(parameters: Mapping[str, JsonValue]) -> str | None:
    for name, word in (("plan_id", "plan"), ("window_id", "window")):
        found = _text(parameters, name)
        if found is not None:
            return found if found.startswith(word) else f"{word} {found}"
    return None


def _parse_exception(entry: LedgerEntry, account_id: AccountId) -> DeletionException | None:
    """``None`` for an altered entry; the report shows elsewhere that the ledger isn't intact."""
    reported = entry.parameters
    try:
        until = datetime.fromisoformat(str(reported["until"]))
        found = DeletionException(
            account_id, str(reported["owner"]), str(reported["reason"]), until, entry.actor.name, entry.at
        )
    except (KeyError, ValueError):
        return None
    return found if until.tzinfo is not None else None


def _describe_ended(reported: Mapping[str, JsonValue], entry: LedgerEntry, account_id: AccountId) -> EndedException:
    return EndedException(
        account_id=account_id,
        owner=_text(reported, "owner") or "",
        reason=_text(reported, "reason") or "",
        until=_text(reported, "until") or "",
        ended_at=entry.at,
        ended_by=entry.actor.name,
    )


def _text(parameters: Mapping[str, JsonValue], name: str) -> str | None:
    value = parameters.get(name)
    return None if value is None else str(value)


_POLICIES_UNKNOWN = PolicyFinding(
    AccessVerdict.UNKNOWN, "The database has no policies. A preflight of the account shows whether they block it."
)


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """One root login that is kept, and the checks that it is held to at the period's end."""

    evidence: AccountEvidence
    checks: tuple[Check, ...]


def check_kept_logins(
    accounts: Iterable[AccountEvidence],
    emails: Iterable[RootEmail],
    drills: tuple[Drill, ...],
    windows: Iterable[RecoveryWindow],
    period: Period,
) -> tuple[KeptLogin, ...]:
    """The management account's first, then each failsafe's."""
    by_id = {email.account.account_id: email for email in emails}
    open_windows = {window.account_id: window for window in windows if window.state not in FINAL_STATES}
    found = []
    for account in accounts:
        account_id = account.account.account_id
        if account.role is AccountRole.MANAGEMENT:
            found.append(KeptLogin(account, tuple(_check_management(account))))
        elif account.role is AccountRole.FAILSAFE:
            facts = FailsafeFacts(
                account=account.account,
                status=account.found,
                email=by_id[account_id],
                drills=drills,
                root_sign_in=_POLICIES_UNKNOWN,
                window=open_windows.get(account_id),
            )
            found.append(KeptLogin(account, check_failsafe(facts, period.end)))
    return tuple(sorted(found, key=lambda kept: kept.evidence.role is not AccountRole.MANAGEMENT))


_WANTED = (
    ("mfa_devices", "MFA device", CredentialKind.MFA_DEVICES, True),
    ("access_keys", "access key", CredentialKind.ACCESS_KEYS, False),
    ("signing_certificates", "signing certificate", CredentialKind.SIGNING_CERTIFICATES, False),
)


def _check_management(account: AccountEvidence) -> Iterator[Check]:
    summary, account_id = account.found.summary, account.account.account_id
    for name, noun, kind, expected in _WANTED:
        if summary is None:
            yield unknown(name, account.detail or "Not read.", account_id=account_id)
        else:
            evaluator = passed if summary.has(kind) is expected else failed
            found = "At least one" if summary.has(kind) else "No"
            yield evaluator(name, f"{found} root {noun}.", account_id=account_id)


CENTRALIZED_CONTROL = "CIS AWS Foundations Benchmark 7.0, control 2.1.1"


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A verdict, and what it rests on."""

    verdict: ControlVerdict
    reasons: tuple[str, ...]
    """One sentence each."""


def evaluate_centralized_access(state: SetupState | None, detail: str | None, partition: str) -> ControlResult:
    """Whether root access is centralized: a setting, that by itself removes no credential.

    :param detail: why no reading of the period shows the set-up.
    """
    if partition == "aws-cn":
        return ControlResult(ControlVerdict.NOT_APPLICABLE, ("The partition aws-cn has no root access management.",))
    if state is None:
        return ControlResult(ControlVerdict.UNKNOWN, (detail or "The set-up was never read.",))
    setup = state.setup
    if setup.trusted_access is False:
        return ControlResult(ControlVerdict.FAIL, ("Trusted access for IAM is off.",))
    if setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        return ControlResult(ControlVerdict.FAIL, ("The feature RootCredentialsManagement is off.",))
    if setup.trusted_access is None or setup.features is None:
        return ControlResult(ControlVerdict.UNKNOWN, setup.unknown or ("The set-up couldn't be read.",))
    reasons = ["Trusted access for IAM is on.", "The feature RootCredentialsManagement is on."]
    is_on = Feature.ROOT_SESSIONS in setup.features
    reasons.append(f"The feature RootSessions, which the control doesn't ask for, is {'on' if is_on else 'off'}.")
    return ControlResult(ControlVerdict.PASS, tuple(reasons))


def evaluate_no_root_credentials(
    accounts: Sequence[AccountEvidence], listed_at: datetime, period: Period
) -> ControlResult:
    """Whether the member accounts have no root user credentials, those apart that are kept on purpose and guarded.

    :param accounts: every account but the management account, which the feature doesn't cover.
    """
    counts = count_verdicts(accounts)
    applicable = len(accounts) - counts[ControlVerdict.NOT_APPLICABLE]
    reasons = _count_reasons(accounts, counts)
    stale = period.find_staleness(listed_at)
    is_list_stale = stale is not None and listed_at <= period.end
    if is_list_stale:
        reasons.append(f"The list of accounts was {stale}: accounts may have joined since.")
    if counts[ControlVerdict.FAIL]:
        return ControlResult(ControlVerdict.FAIL, tuple(reasons))
    if not applicable:
        return ControlResult(ControlVerdict.UNKNOWN, ("There is no active member account to judge.",))
    if counts[ControlVerdict.UNKNOWN] or is_list_stale:
        return ControlResult(ControlVerdict.UNKNOWN, tuple(reasons))
    return ControlResult(ControlVerdict.PASS, tuple(reasons))


def _count_reasons(accounts: Sequence[AccountEvidence], counts: dict[ControlVerdict, int]) -> list[str]:
    open_windows = sum(account.status is Status.RECOVERY_OPEN for account in accounts)
    excepted = sum(account.verdict is ControlVerdict.FAIL and account.exception is not None for account in accounts)
    failsafes = sum(
        account.verdict is ControlVerdict.FAIL and account.role is AccountRole.FAILSAFE for account in accounts
    )
    reported = (
        (counts[ControlVerdict.FAIL], "{accounts} with root user credentials"),
        (open_windows, "{count} of them in a recovery window"),
        (excepted, "{count} of them excepted from deletion"),
        (failsafes, "{count} of them a failsafe that isn't in order"),
        (counts[ControlVerdict.UNKNOWN], "{accounts} unknown"),
        (counts[ControlVerdict.KEPT], "{accounts} kept on purpose as a failsafe: MFA, no access key, no certificate"),
        (counts[ControlVerdict.PASS], "{accounts} shown to have none of the four kinds"),
        (counts[ControlVerdict.NOT_APPLICABLE], "{accounts} not applicable: not active, or not yet joined"),
    )
    return [f"{words.format(accounts=_accounts(count), count=f'{count:,}')}." for count, words in reported if count]


def _accounts(count: int) -> str:
    return f"{count:,} {'account' if count == 1 else 'accounts'}"


DELEGATES_UNKNOWN = (
    "Delegated administrators weren't read, so a failsafe is shown as an ordinary member. "
    "It needs organizations:ListDelegatedAdministrators."
)


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that the report doesn't know."""

    subject: str
    """``account``, ``accounts``, ``drift``, ``ledger``, ``management_account`` or ``setup``."""
    account_id: AccountId | None
    reason: str
    """The reason of an unknown status, or one word for the rest."""
    what: str
    """One sentence for a person."""


def list_gaps(
    accounts: Iterable[AccountEvidence],
    history: LedgerHistory,
    setup_detail: str | None,
    drift: SetupDrift,
    ledger_problem: str | None,
    inventory: Inventory,
    period: Period,
) -> tuple[Gap, ...]:
    """Everything that isn't known, accounts in their order."""
    return (
        *_list_general(setup_detail, drift, ledger_problem, inventory, period),
        *(_describe_account(account) for account in accounts if _is_unknown(account)),
        *(
            Gap("management_account", one.account.account_id, "not_read", one.detail or "It wasn't read.")
            for one in accounts
            if one.role is AccountRole.MANAGEMENT and one.kinds[0].is_present is None
        ),
        *(
            Gap(
                "ledger",
                intent.account_id,
                "no_outcome",
                f"Entry {intent.sequence} ({intent.action.value}) has no outcome: what came of it isn't known.",
            )
            for intent in history.open_intents
        ),
    )


def _list_general(
    setup_detail: str | None,
    drift: SetupDrift,
    ledger_problem: str | None,
    inventory: Inventory,
    period: Period,
) -> Iterable[Gap]:
    if ledger_problem is not None:
        yield Gap("ledger", None, "not_intact", ledger_problem)
    if setup_detail is not None:
        yield Gap("setup", None, "not_read", setup_detail)
    for sentence in drift.unknown:
        yield Gap("drift", None, "not_compared", sentence)
    if drift.accepted is None:
        yield Gap("drift", None, "never_accepted", "No set-up was accepted, so nothing shows whether it drifted.")
    stale = period.find_staleness(inventory.listed_at)
    if stale is not None:
        yield Gap("accounts", None, "stale", f"The list of accounts was {stale}, at {inventory.listed_at:%Y-%m-%d}.")
    if inventory.delegated_administrator_ids is None:
        yield Gap("accounts", None, "not_read", DELEGATES_UNKNOWN)


def _is_unknown(account: AccountEvidence) -> bool:
    """Also one whose recovery window was opened after the last reading: what is there now wasn't read."""
    is_unread = account.verdict is ControlVerdict.FAIL and account.kinds[0].is_present is None
    return account.verdict is ControlVerdict.UNKNOWN or is_unread


def _describe_account(account: AccountEvidence) -> Gap:
    reason = account.status.value if account.reason is None else account.reason.value
    return Gap("account", account.account.account_id, reason, account.detail or "It couldn't be read.")
