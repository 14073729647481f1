"""Evaluates the evidence of an organization over a period: accounts, ledger, kept root logins, controls and gaps.

Three things count as a reading of an account: its last status, a status that an audit of the period stored, and a
recovery window whose closing a re-read proved. The newest reading up to the period's end counts. A window that was
opened later invalidates it. Facts not read in the period are unknown, even if an older reading exists. Each gap is
named, so that missing evidence never counts as good.

The ledger is read once, as a stream. Exceptions come from it, because their table has only the last exception of each
account.

Source: CIS Amazon Web Services Foundations Benchmark 7.0.0, recommendation 2.1.1, Ensure centralized root access in
AWS Organizations: trusted access for IAM, and root credentials management.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rootkeeper.changes.removal_rules import ACTIONS, TARGET_PARAMETERS
from rootkeeper.errors import Hint, InputError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.failsafe.rules import (
    Check,
    CheckVerdict,
    Drill,
    FailsafeFacts,
    PolicyFinding,
    check_failsafe,
    failed,
    find_drills,
    passed,
    unknown,
)
from rootkeeper.findings.rules import Verdict, evaluate_status
from rootkeeper.ledger.rules import Action, Actor, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import (
    Account,
    AccountId,
    Feature,
    Inventory,
    find_credentials_obstacle,
    find_session_obstacle,
    find_sign_in_obstacle,
)
from rootkeeper.organization.confirmations import Confirmation
from rootkeeper.organization.statuses import (
    KIND_ORDER,
    NO_CREDENTIALS,
    AccountRole,
    AccountStatus,
    CredentialKind,
    FailedAttempt,
    Status,
    StatusReason,
    find_status_without_reading,
    last_attempt,
)
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.root_emails.rules import RootEmail
from rootkeeper.setup.rules import CHANGES_OF_SETUP, SetupDrift, SetupState
from rootkeeper.shapes import Count, parse_facts
from rootkeeper.values import JsonValue, describe_duration, json_time
from rootkeeper.windows.rules import FINAL_STATES, NEVER_OPENED_STATES, RecoveryWindow, WindowState

DEFAULT_STALE_AFTER = timedelta(days=30)


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
            return f"read before the period, {describe_duration(self.end - read_at)} before its end"
        if self.end - read_at > self.stale_after:
            return f"read {describe_duration(self.end - read_at)} before the period's end"
        return None


def require_period(period: Period) -> Period:
    """:raises InputError: if its end isn't after its start."""
    if period.end <= period.start:
        raise InputError(
            f"The period ends at {json_time(period.end)}, which isn't after its start, {json_time(period.start)}.",
            hint=Hint("Give an earlier start, or a later end.", "evidence.period"),
        )
    return period


def end_second(now: datetime) -> datetime:
    """The end of this second: a reading of just now belongs to a period that ends now."""
    return now.replace(microsecond=0) + timedelta(seconds=1)


BY_ROOT_SESSION = "sts:AssumeRoot IAMAuditRootUserCredentials + iam:GetAccountSummary"
BY_OWN_CREDENTIALS = "iam:GetAccountSummary with credentials of the account itself"
BY_CLOSING = f"{BY_ROOT_SESSION}, as a recovery window was closed"

_IN_DETAIL = {
    CredentialKind.PASSWORD: "iam:GetLoginProfile",
    CredentialKind.ACCESS_KEYS: "iam:ListAccessKeys",
    CredentialKind.SIGNING_CERTIFICATES: "iam:ListSigningCertificates",
    CredentialKind.MFA_DEVICES: "iam:ListMFADevices",
}


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """A kind of root user credentials."""

    kind: CredentialKind
    is_present: bool | None
    """``None`` where no reading of the period shows it."""
    count: Count | None
    """Where read in detail."""
    read_at: datetime | None
    method: str | None
    """The AWS calls that read it."""
    not_applicable: str | None = None
    """Why accounts of the partition can't have it."""


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """An account at the end of the period."""

    account: Account
    role: AccountRole
    status: Status
    reason: StatusReason | None
    detail: str | None
    """One sentence for a person."""
    verdict: Verdict
    """Whether it has no root user credentials."""
    kinds: tuple[KindEvidence, ...]
    """In the order of ``KIND_ORDER``."""
    read_at: datetime | None
    session_access_key_id: str | None
    """Of the root session that read it, as CloudTrail shows it in the account."""
    found: AccountStatus
    """The status that all of this was made of."""
    failed_attempt: FailedAttempt | None = None
    """The last attempt to read the account up to the period's end, if that failed after the reading."""
    exception: DeletionException | None = None
    """The exception in force at the period's end."""
    confirmation: Confirmation | None = None
    """Of a failsafe: the confirmation, at the period's end, that its root login is kept on purpose."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The facts in the database about an account."""

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
    confirmation: Confirmation | None = None
    """That its root login is kept on purpose, in force at the period's end."""


def evaluate_account(facts: AccountFacts, period: Period) -> AccountEvidence:
    """An account's evidence; facts that weren't read in the period are never a pass."""
    status, method = _find_status(facts, period)
    confirmation = facts.confirmation if facts.role is AccountRole.FAILSAFE else None
    status = replace(status, is_confirmed=confirmation is not None)
    return AccountEvidence(
        account=facts.account,
        role=facts.role,
        status=status.status,
        reason=status.reason,
        detail=status.detail,
        verdict=evaluate_status(status),
        kinds=tuple(_rule_out(_describe_kind(kind, status, method), facts.partition) for kind in KIND_ORDER),
        read_at=status.observed_at,
        session_access_key_id=status.session_access_key_id,
        found=status,
        failed_attempt=status.failed_attempt,
        exception=facts.exception,
        confirmation=confirmation,
    )


def _find_status(facts: AccountFacts, period: Period) -> tuple[AccountStatus, str | None]:
    """The status at the period's end, and how it was read if a reading of the period shows it."""
    account = facts.account
    if account.joined_at is not None and account.joined_at > period.end:
        detail = "It joined after the period's end."
        return AccountStatus(account, facts.role, Status.NOT_APPLICABLE, None, detail), None
    unread = find_status_without_reading(account, facts.role, facts.partition)
    if unread is not None and unread.reason is StatusReason.PARTITION and _was_read_nevertheless(facts, period):
        unread = None
    if unread is not None and facts.role is not AccountRole.MANAGEMENT:
        # An account's state is as old as the list of accounts; it proves nothing for a period that ended before.
        stale = period.find_staleness(facts.listed_at)
        if unread.reason is not StatusReason.NOT_ACTIVE or stale is None:
            return unread, None
        detail = f"{unread.detail} Its state was {stale}."
        return replace(unread, status=Status.UNKNOWN, reason=StatusReason.STALE, detail=detail), None
    reading = _find_reading(facts, period)
    if reading is None:
        return _evaluate_unread(facts, unread), None
    status, method = reading
    stale = period.find_staleness(status.observed_at) if status.observed_at is not None else None
    if stale is not None:
        was = status.status.value.replace("_", " ")
        detail = f"Last read at {status.observed_at:%Y-%m-%d %H:%M:%S UTC}, {stale}; it then was {was}."
        found = replace(status, reason=StatusReason.STALE, detail=detail, summary=None, credentials=None)
        return (found if facts.role is AccountRole.MANAGEMENT else replace(found, status=Status.UNKNOWN)), None
    return _evaluate_windows(status, facts, period), method


def _was_read_nevertheless(facts: AccountFacts, period: Period) -> bool:
    """Whether a root session read the account, although the partition isn't documented to allow that."""
    return find_session_obstacle(facts.partition) is None and _find_reading(facts, period) is not None


def _find_reading(facts: AccountFacts, period: Period) -> tuple[AccountStatus, str | None] | None:
    """The newest reading that isn't later than the period's end, and how it was made; a failed attempt without one.

    A failed attempt after the reading stays beside it.
    """
    attempts: list[FailedAttempt] = []
    found: list[tuple[datetime, AccountStatus, str | None]] = []
    for known in (facts.kept, facts.last):
        if known is not None and (attempt := last_attempt(known)) is not None and attempt.at <= period.end:
            attempts.append(attempt)
        if known is not None and known.observed_at is not None:
            method = BY_ROOT_SESSION if known.session_access_key_id is not None else BY_OWN_CREDENTIALS
            found.append((known.observed_at, known, None if known.summary is None else method))
    for window in facts.windows:
        if window.state is WindowState.CLOSED_VERIFIED and window.closed_at is not None:
            shown = AccountStatus(
                facts.account,
                facts.role,
                Status.NOT_PRESENT,
                detail=f"Shown empty as recovery window {window.window_id} was closed.",
                summary=NO_CREDENTIALS,
                observed_at=window.closed_at,
            )
            found.append((window.closed_at, shown, BY_CLOSING))
    earlier = [reading for reading in found if reading[0] <= period.end]
    if not earlier:
        return None
    _, status, how = max(earlier, key=lambda reading: (reading[1].summary is not None, reading[0]))
    read_at = status.observed_at
    failed = max(attempts, key=lambda attempt: attempt.at, default=None)
    is_later = failed is not None and status.summary is not None and read_at is not None and failed.at > read_at
    return replace(status, account=facts.account, role=facts.role, failed_attempt=failed if is_later else None), how


def _evaluate_unread(facts: AccountFacts, unread: AccountStatus | None) -> AccountStatus:
    last = facts.last
    if unread is not None:
        detail = (last.detail if last is not None else None) or "Read only from the management account."
        return replace(unread, detail=detail)
    detail = "Never read."
    if last is not None and last.observed_at is not None:
        moment = f"{last.observed_at:%Y-%m-%d %H:%M:%S UTC}"
        detail = f"Read only after the period's end, at {moment}: of earlier readings none is kept."
    return AccountStatus(facts.account, facts.role, Status.UNKNOWN, StatusReason.NEVER_READ, detail)


def _evaluate_windows(status: AccountStatus, facts: AccountFacts, period: Period) -> AccountStatus:
    """A window opened since the reading: credentials that were absent may be there again."""
    for window in facts.windows:
        opened_at = window.opening_started_at
        if opened_at is None or window.state in NEVER_OPENED_STATES or status.observed_at is None:
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


def _describe_kind(kind: CredentialKind, status: AccountStatus, method: str | None) -> KindEvidence:
    if status.summary is None or method is None:
        return KindEvidence(kind, None, None, None, None)
    is_present, detail = status.summary.has(kind), status.credentials
    if detail is None:
        return KindEvidence(kind, is_present, None, status.observed_at, method)
    counts = {
        CredentialKind.PASSWORD: int(detail.login_profile is not None),
        CredentialKind.ACCESS_KEYS: len(detail.access_keys),
        CredentialKind.SIGNING_CERTIFICATES: len(detail.signing_certificates),
        CredentialKind.MFA_DEVICES: len(detail.mfa_devices),
    }
    return KindEvidence(kind, is_present, counts[kind], status.observed_at, f"{method} + {_IN_DETAIL[kind]}")


def _rule_out(found: KindEvidence, partition: str) -> KindEvidence:
    """Mark a password where root users can't sign in. A password that AWS shows nevertheless stays as it was read."""
    if found.kind is not CredentialKind.PASSWORD or found.is_present:
        return found
    return replace(found, not_applicable=find_sign_in_obstacle(partition))


def count_verdicts(accounts: Iterable[AccountEvidence]) -> dict[Verdict, int]:
    """How many accounts there are of each verdict, every verdict named."""
    counted = Counter(account.verdict for account in accounts)
    order = (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.KEPT)
    return {verdict: counted[verdict] for verdict in (*order, Verdict.NOT_APPLICABLE)}


_KINDS = {action: kind for kind, action in ACTIONS.items()}


@dataclass(frozen=True, slots=True)
class DeletionEvidence:
    """A credential whose removal was tried in the period."""

    # Of the intent in the ledger.
    sequence: Count
    # Of the outcome.
    at: datetime
    account_id: AccountId
    kind: CredentialKind
    # The key, certificate or device; ``None`` for a password.
    target: str | None
    result: Result
    actor: Actor
    cause: str | None
    """The plan or the recovery window."""
    session_access_key_id: str | None
    # Of the intent: then the credential was still there.
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class EndedException:
    """An exception from deletion that a person ended in the period, or replaced by another."""

    account_id: AccountId
    owner: str
    reason: str
    until: str
    """As the ledger has it."""
    ended_at: datetime
    ended_by: str


@dataclass(frozen=True, slots=True)
class LedgerHistory:
    """The ledger's facts about an organization in a period."""

    deletions: tuple[DeletionEvidence, ...] = ()
    exceptions: tuple[DeletionException, ...] = ()
    """Every exception up to the period's end that no person ended; exceptions that ran out, too."""
    ended_exceptions: tuple[EndedException, ...] = ()
    drills: tuple[Drill, ...] = ()
    """Every drill up to the period's end, the latest first."""
    control_attestations: tuple[LedgerEntry, ...] = ()
    """Every attestation of a control up to the period's end, ended attestations too."""
    open_intents: tuple[LedgerEntry, ...] = ()
    """Intents of the period without an outcome: their effects aren't known."""
    setup_entries: tuple[LedgerEntry, ...] = ()
    """Everything about changes of the set-up by Rootkeeper itself, up to the period's end."""
    entries: int = 0
    """Of the period."""
    audits: int = 0
    """Batches of accounts that were read in the period."""
    endpoints: tuple[str, ...] = ()
    """Of the period's entries, or of the last entry before where the period has none."""
    caller_arns: tuple[str, ...] = ()
    """The callers that made the readings and changes."""
    first_sequence: int | None = None
    """Of the first entry, of any organization, that isn't before the period; ``None`` if there is none."""
    other_organization_ids: tuple[str, ...] = ()
    """Of the entries from ``first_sequence`` on that belong to another organization."""

    @property
    def setup_changed(self) -> LedgerEntry | None:
        """The last change of the set-up by Rootkeeper itself; an earlier reading doesn't count any more."""
        outcomes = (entry for entry in reversed(self.setup_entries) if entry.phase is Phase.OUTCOME)
        return next((outcome for outcome in outcomes if outcome.result is not Result.FAILED), None)


def read_history(entries: Iterable[LedgerEntry], organization_id: str, period: Period) -> LedgerHistory:
    """Follow the ledger up to the period's end.

    :param entries: of any organization, in the order of their sequence.
    """
    last: LedgerEntry | None = None
    intents: dict[int, LedgerEntry] = {}
    drills, setup_entries, attestations = list[LedgerEntry](), list[LedgerEntry](), list[LedgerEntry]()
    deletions, exceptions = list[DeletionEvidence](), _ExceptionHistory()
    endpoints, caller_arns = set[str](), set[str | None]()
    extract = _ExtractRange(organization_id, period.start)
    counted = audits = 0
    for entry in entries:
        extract.follow(entry)
        if entry.organization_id != organization_id or entry.at > period.end:
            continue
        last = entry
        if entry.action is Action.FAILSAFE_DRILL:
            drills.append(entry)
        if entry.action is Action.CONTROL_ATTEST:
            attestations.append(entry)
        if entry.action in CHANGES_OF_SETUP:
            setup_entries.append(entry)
        intent = None
        if entry.phase is Phase.INTENT:
            intents[entry.sequence] = entry
        elif entry.intent_sequence is not None:
            intent = intents.pop(entry.intent_sequence, None)
        exceptions.follow(entry, is_in_period=period.holds(entry.at))
        if not period.holds(entry.at):
            continue
        endpoints.add(entry.endpoint)
        caller_arns.add(entry.actor.caller_arn)
        counted += 1
        audits += entry.action is Action.ACCOUNTS_AUDIT and entry.phase is Phase.OUTCOME
        if intent is not None and entry.action in _KINDS and entry.account_id is not None:
            deletions.append(_describe_deletion(intent, entry, entry.account_id))
    if last is not None and not endpoints:
        endpoints.add(last.endpoint)
        caller_arns.add(last.actor.caller_arn)
    # In a sandbox or in AWS, as the last entry is.
    in_sandbox = last is not None and last.endpoint != "AWS"
    return LedgerHistory(
        deletions=tuple(deletions),
        exceptions=(*exceptions.run_out, *exceptions.current.values()),
        ended_exceptions=tuple(exceptions.ended),
        drills=find_drills(drills, organization_id, in_sandbox=in_sandbox),
        control_attestations=tuple(entry for entry in attestations if (entry.endpoint != "AWS") is in_sandbox),
        setup_entries=tuple(setup_entries),
        open_intents=tuple(intent for intent in intents.values() if period.holds(intent.at)),
        entries=counted,
        audits=audits,
        endpoints=tuple(sorted(endpoints)),
        caller_arns=tuple(sorted(arn for arn in caller_arns if arn is not None)),
        first_sequence=extract.first_sequence,
        other_organization_ids=tuple(sorted(extract.others)),
    )


@dataclass(slots=True)
class _ExtractRange:
    """Where the extract of the ledger begins, and the other organizations in it."""

    organization_id: str
    start: datetime
    first_sequence: int | None = None
    others: set[str] = field(default_factory=set)

    def follow(self, entry: LedgerEntry) -> None:
        if self.first_sequence is None and entry.at >= self.start:
            self.first_sequence = entry.sequence
        if self.first_sequence is not None and entry.organization_id != self.organization_id:
            self.others.add(entry.organization_id)


@dataclass(slots=True)
class _ExceptionHistory:
    """The exceptions from deletion: an account has a single exception, and a new exception replaces it."""

    current: dict[AccountId, DeletionException] = field(default_factory=dict)
    run_out: list[DeletionException] = field(default_factory=list)
    """Those that ended by themselves before the account's next exception."""
    ended: list[EndedException] = field(default_factory=list)

    def follow(self, entry: LedgerEntry, *, is_in_period: bool) -> None:
        account_id = entry.account_id
        if account_id is None or entry.action not in {Action.EXCEPTION_ADD, Action.EXCEPTION_REMOVE}:
            return
        earlier, reported = self.current.pop(account_id, None), entry.parameters
        if entry.action is Action.EXCEPTION_ADD:
            added = _parse_exception(entry, account_id)
            if added is not None:
                self.current[account_id] = added
            if earlier is None:
                return
            if not earlier.is_in_force(entry.at):
                self.run_out.append(earlier)
                return
            reported = {"owner": earlier.owner, "reason": earlier.reason, "until": earlier.until.isoformat()}
        if is_in_period:
            owner, reason, until = (_text(reported, name) or "" for name in ("owner", "reason", "until"))
            self.ended.append(EndedException(account_id, owner, reason, until, entry.at, entry.actor.name))


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
        begun_at=intent.at,
    )


def _find_cause(parameters: Mapping[str, JsonValue]) -> str | None:
    for name, word in (("plan_id", "plan"), ("window_id", "window")):
        found = _text(parameters, name)
        if found is not None:
            return found if found.startswith(word) else f"{word} {found}"
    return None


def _parse_exception(entry: LedgerEntry, account_id: AccountId) -> DeletionException | None:
    """``None`` for an altered entry; the report shows elsewhere that the ledger isn't intact."""
    added = {"account_id": account_id, "added_by": entry.actor.name, "added_at": entry.at}
    try:
        return parse_facts(DeletionException, {**entry.parameters, **added})
    except (KeyError, TypeError, ValueError):
        return None


def _text(parameters: Mapping[str, JsonValue], name: str) -> str | None:
    value = parameters.get(name)
    return None if value is None else str(value)


_POLICIES_UNKNOWN = PolicyFinding(
    AccessVerdict.UNKNOWN, "The database has no policies. A preflight of the account shows whether they block it."
)


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """A root login that is kept, and the checks that it is held to at the period's end."""

    evidence: AccountEvidence
    checks: tuple[Check, ...]


def check_kept_logins(
    accounts: Iterable[AccountEvidence],
    emails: Iterable[RootEmail],
    drills: tuple[Drill, ...],
    windows: Iterable[RecoveryWindow],
    period: Period,
    partition: str,
) -> tuple[KeptLogin, ...]:
    """The management account's first, then each failsafe's."""
    by_id = {email.account.account_id: email for email in emails}
    open_windows = {window.account_id: window for window in windows if window.state not in FINAL_STATES}
    found = []
    for account in accounts:
        account_id = account.account.account_id
        password = next(kind for kind in account.kinds if kind.kind is CredentialKind.PASSWORD)
        if account.role is AccountRole.MANAGEMENT:
            found.append(KeptLogin(account, tuple(_check_management(account, password, partition))))
        elif account.role is AccountRole.FAILSAFE:
            facts = FailsafeFacts(
                account=account.account,
                status=account.found,
                email=by_id[account_id],
                drills=tuple(drill for drill in drills if drill.account_id == account_id),
                root_sign_in=_POLICIES_UNKNOWN,
                window=open_windows.get(account_id),
                sign_in_obstacle=password.not_applicable,
            )
            found.append(KeptLogin(account, check_failsafe(facts, period.end)))
    return tuple(sorted(found, key=lambda kept: kept.evidence.role is not AccountRole.MANAGEMENT))


_WANTED = (
    ("mfa_devices", "MFA device", CredentialKind.MFA_DEVICES, True),
    ("access_keys", "access key", CredentialKind.ACCESS_KEYS, False),
    ("signing_certificates", "signing certificate", CredentialKind.SIGNING_CERTIFICATES, False),
)


def _check_management(account: AccountEvidence, password: KindEvidence, partition: str) -> Iterator[Check]:
    summary, account_id = account.found.summary, account.account.account_id
    for name, noun, kind, expected in _WANTED:
        obstacle = password.not_applicable if kind is CredentialKind.MFA_DEVICES else None
        if partition == "aws-cn":
            obstacle = find_sign_in_obstacle(partition)
        if obstacle is not None:
            yield Check(name, CheckVerdict.NOT_APPLICABLE, obstacle, account_id=account_id)
        elif summary is None:
            yield unknown(name, account.detail or "Not read.", account_id=account_id)
        else:
            evaluator = passed if summary.has(kind) is expected else failed
            found = "At least one" if summary.has(kind) else "No"
            yield evaluator(name, f"{found} root {noun}.", account_id=account_id)


CENTRALIZED_CONTROL = "CIS AWS Foundations Benchmark 7.0, control 2.1.1"


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A verdict, and the facts that it rests on."""

    verdict: Verdict
    # A sentence each.
    reasons: tuple[str, ...]
    attestations: tuple[Confirmation, ...] = ()
    """The statements of people that it rests on."""


def evaluate_centralized_access(
    state: SetupState | None, detail: str | None, inventory: Inventory, purposes: Mapping[AccountId, Confirmation]
) -> ControlResult:
    """Whether root access is centralized: a setting, that by itself removes no credential.

    The control also asks whether the delegated administrator is an account for security or management, not a workload
    account. AWS doesn't show that, so a person must judge it.

    :param detail: why no reading of the period shows the set-up.
    :param purposes: the attestations of that question that are in force at the period's end.
    """
    partition = inventory.organization.partition
    if (obstacle := find_credentials_obstacle(partition)) is not None:
        return ControlResult(Verdict.NOT_APPLICABLE, (obstacle,))
    if state is None:
        return ControlResult(Verdict.UNKNOWN, (detail or "The set-up was never read.",))
    setup = state.setup
    if setup.trusted_access is False:
        return ControlResult(Verdict.FAIL, ("Trusted access for IAM is off.",))
    if setup.features is not None and Feature.ROOT_CREDENTIALS_MANAGEMENT not in setup.features:
        return ControlResult(Verdict.FAIL, ("The feature RootCredentialsManagement is off.",))
    if setup.trusted_access is None or setup.features is None:
        return ControlResult(Verdict.UNKNOWN, setup.unknown or ("The set-up couldn't be read.",))
    reasons = ["Trusted access for IAM is on.", "The feature RootCredentialsManagement is on."]
    is_on = Feature.ROOT_SESSIONS in setup.features
    reasons.append(f"The feature RootSessions, which the control doesn't ask for, is {'on' if is_on else 'off'}.")
    if setup.delegated_administrators is None:
        reasons.append("The delegated administrators couldn't be read.")
        return ControlResult(Verdict.UNKNOWN, tuple(reasons))
    if not setup.delegated_administrators:
        reasons.append("No delegated administrator for IAM is registered, so none is a workload account.")
        return ControlResult(Verdict.PASS, tuple(reasons))
    reasons += [
        _describe_delegate(delegate, inventory, purposes.get(delegate)) for delegate in setup.delegated_administrators
    ]
    attestations = tuple(purposes[delegate] for delegate in setup.delegated_administrators if delegate in purposes)
    is_attested = len(attestations) == len(setup.delegated_administrators)
    return ControlResult(Verdict.PASS if is_attested else Verdict.MANUAL, tuple(reasons), attestations)


def _describe_delegate(account_id: AccountId, inventory: Inventory, attestation: Confirmation | None) -> str:
    """Render the facts by which a person judges the account, and the attestation if there is one."""
    account = next((account for account in inventory.accounts if account.account_id == account_id), None)
    if account is None:
        facts = "not in the list of accounts"
    else:
        tags = [f"{key}={value}" for key, value in sorted((account.tags or {}).items())]
        facts = ", ".join([account.name, f"in {account.ou_path}", *(["tags", *tags] if tags else [])])
    named = f"The delegated administrator is {account_id} ({facts})."
    if attestation is None:
        question = "Whether it is an account for security or management, and not a workload account,"
        return f"{named} {question} needs a person's judgement. No attestation is in force."
    return f"{named} That it isn't a workload account: {attestation.sentence}"


def evaluate_no_root_credentials(
    accounts: Sequence[AccountEvidence], listed_at: datetime, period: Period
) -> ControlResult:
    """Whether the member accounts have no root user credentials, those apart that are kept on purpose and guarded.

    :param accounts: every account but the management account, which the feature doesn't cover.
    """
    counts = count_verdicts(accounts)
    applicable = len(accounts) - counts[Verdict.NOT_APPLICABLE]
    reasons = _count_reasons(accounts, counts)
    kept = [account for account in accounts if account.verdict is Verdict.KEPT]
    reasons += [
        f"{account.account.account_id}: {account.confirmation.sentence}" for account in kept if account.confirmation
    ]
    stale = period.find_staleness(listed_at)
    is_list_stale = stale is not None and listed_at <= period.end
    if is_list_stale:
        reasons.append(f"The list of accounts was {stale}: accounts may have joined since.")
    if counts[Verdict.FAIL]:
        return ControlResult(Verdict.FAIL, tuple(reasons))
    if not applicable:
        return ControlResult(Verdict.UNKNOWN, ("There is no active member account to judge.",))
    if counts[Verdict.UNKNOWN] or is_list_stale:
        return ControlResult(Verdict.UNKNOWN, tuple(reasons))
    return ControlResult(Verdict.PASS, tuple(reasons))


def _count_reasons(accounts: Sequence[AccountEvidence], counts: dict[Verdict, int]) -> list[str]:
    open_windows = sum(account.status is Status.RECOVERY_OPEN for account in accounts)
    excepted = sum(account.verdict is Verdict.FAIL and account.exception is not None for account in accounts)
    failsafes = sum(account.verdict is Verdict.FAIL and account.role is AccountRole.FAILSAFE for account in accounts)
    reported = (
        (counts[Verdict.FAIL], "{accounts} with root user credentials"),
        (open_windows, "{count} of them in a recovery window"),
        (excepted, "{count} of them excepted from deletion"),
        (failsafes, "{count} of them a delegated administrator that isn't a confirmed failsafe in order"),
        (counts[Verdict.UNKNOWN], "{accounts} unknown"),
        (
            counts[Verdict.KEPT],
            "{accounts} kept on purpose as a failsafe, confirmed: MFA, no access key, no certificate",
        ),
        (counts[Verdict.PASS], "{accounts} shown to have none of the four kinds"),
        (counts[Verdict.NOT_APPLICABLE], "{accounts} not applicable: not active, or not yet joined"),
    )
    return [
        f"{words.format(accounts=f'{count:,} account' if count == 1 else f'{count:,} accounts', count=f'{count:,}')}."
        for count, words in reported
        if count
    ]


DELEGATES_UNKNOWN = (
    "Delegated administrators weren't read, so a failsafe is shown as an ordinary member. "
    "It needs organizations:ListDelegatedAdministrators."
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A fact that the report doesn't know."""

    subject: str
    """``account``, ``accounts``, ``audits``, ``drift``, ``ledger``, ``management_account`` or ``setup``."""
    account_id: AccountId | None
    # The reason of an unknown status, or a word for the rest.
    reason: str
    # A sentence for a person.
    what: str


def list_gaps(
    accounts: Sequence[AccountEvidence],
    history: LedgerHistory,
    setup_detail: str | None,
    drift: SetupDrift,
    ledger_problem: str | None,
    inventory: Inventory,
    period: Period,
) -> tuple[Gap, ...]:
    """Everything that isn't known, accounts in their order."""
    gaps: list[Gap] = []
    if ledger_problem is not None:
        gaps.append(Gap("ledger", None, "not_intact", ledger_problem))
    if setup_detail is not None:
        gaps.append(Gap("setup", None, "not_read", setup_detail))
    gaps += [Gap("drift", None, "not_compared", sentence) for sentence in drift.unknown]
    if drift.accepted is None:
        text = "No set-up was accepted, so nothing shows whether it drifted."
        gaps.append(Gap("drift", None, "never_accepted", text))
    stale = period.find_staleness(inventory.listed_at)
    if stale is not None:
        text = f"The list of accounts was {stale}, at {inventory.listed_at:%Y-%m-%d}."
        gaps.append(Gap("accounts", None, "stale", text))
    if inventory.delegated_administrator_ids is None:
        gaps.append(Gap("accounts", None, "not_read", DELEGATES_UNKNOWN))
    for account in accounts:
        # Also an account with a recovery window that was opened after the last reading: its present state wasn't read.
        is_unread = account.verdict is Verdict.FAIL and account.kinds[0].is_present is None
        if account.verdict is Verdict.UNKNOWN or is_unread:
            reason = account.status.value if account.reason is None else account.reason.value
            text = account.detail or "It couldn't be read."
            gaps.append(Gap("account", account.account.account_id, reason, text))
    for account in accounts:
        attempt, read_at = account.failed_attempt, account.read_at
        if attempt is not None and read_at is not None and account.found.summary is not None:
            counts = f"The reading of {read_at:%Y-%m-%d %H:%M:%S UTC} counts."
            text = f"The last attempt to read it failed, {attempt.sentence} {counts}"
            gaps.append(Gap("account", account.account.account_id, attempt.reason.value, text))
    gaps += [
        Gap("management_account", account.account.account_id, "not_read", account.detail or "It wasn't read.")
        for account in accounts
        if account.role is AccountRole.MANAGEMENT and account.kinds[0].is_present is None
    ]
    for intent in history.open_intents:
        text = f"Entry {intent.sequence} ({intent.action.value}) has no outcome: what came of it isn't known."
        gaps.append(Gap("ledger", intent.account_id, "no_outcome", text))
    return tuple(gaps)
