"""Settles the orphans of dead processes: intents without an outcome, and windows in mid-step.

Only a re-read decides, under the account's lock, and only if the owner is provably dead. An unreadable orphan stays
open and is reported as unknown, never as done. One audit session serves the whole account, one unlock session its
buckets or queues; each is opened only when needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.aws.primary_emails import PrimaryEmails
from rootkeeper.aws.root_sessions import RootSession, RootSessions
from rootkeeper.aws.rules import Resource, TaskPolicy
from rootkeeper.changes.removal_rules import ACTIONS, TARGET_PARAMETERS
from rootkeeper.changes.sessions import open_root_session
from rootkeeper.clock import Clock
from rootkeeper.delivery.rules import DELIVERY_ACTIONS, INTERRUPTED
from rootkeeper.errors import (
    AccountBusyError,
    AwsAccessDeniedError,
    AwsError,
    AwsNotFoundError,
    InputError,
    LockLostError,
)
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action, Intent, LedgerEntry, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organization.accounts import AccountId, AccountState, Feature, Setup
from rootkeeper.organization.statuses import CredentialKind
from rootkeeper.root_emails.rules import EMAIL_PARAMETER, ONE_TIME_PASSWORD_LASTS, evaluate_acceptance, was_started
from rootkeeper.root_emails.service import read_again, read_update
from rootkeeper.setup.rules import CHANGES_OF_SETUP
from rootkeeper.setup.service import SetupStep, find_satisfied
from rootkeeper.unlock.rules import evaluate_reread, read_resource
from rootkeeper.windows.approvals import shows_decision
from rootkeeper.windows.checks import AccountWork
from rootkeeper.windows.opening import describe_foreign, mark_open, record_open
from rootkeeper.windows.rules import (
    OPENING_LATENCY,
    OpeningReread,
    OpenOutcome,
    RecoveryWindow,
    WindowState,
    advance,
    classify_orphaned_opening,
)

REREAD_PAUSES_SECONDS = (0, 1, 2)
"""Before each reading while no login profile is shown: a call sent just before its process died may still act."""


@dataclass(slots=True)
class AccountRereader:
    """Reads an account under its lock. A failed reading is in ``failure``, not raised."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    account_id: AccountId
    lock: AccountLock
    failure: str | None = None
    """Why the last reading failed."""
    _sessions: dict[TaskPolicy, RootSession] = field(default_factory=dict)
    _denials: dict[TaskPolicy, AwsError] = field(default_factory=dict)
    _targets: dict[CredentialKind, frozenset[str] | None] = field(default_factory=dict)

    def find_login_profile(self) -> OpeningReread:
        """Read the login profile, again after a pause while there is none."""
        reread = OpeningReread(was_read=False)
        for pause in REREAD_PAUSES_SECONDS:
            if pause:
                self.clock.sleep(pause)
            try:
                reread = OpeningReread(was_read=True, login_profile=self._open().find_login_profile())
            except AwsError as error:
                self.failure = error.message
                return reread
            if reread.login_profile is not None:
                break
        return reread

    def find_present(self, kind: CredentialKind, target: str | None) -> bool | None:
        """Whether the credential exists; ``None`` if that can't be read. A password has no ``target``."""
        if kind not in self._targets:
            try:
                self._targets[kind] = frozenset(_READERS[kind](self._open()))
            except AwsError as error:
                self._targets[kind], self.failure = None, error.message
        targets = self._targets[kind]
        if targets is None:
            return None
        return bool(targets) if target is None else target in targets

    def find_policy(self, resource: Resource) -> str | None:
        """Read the policy of a bucket or queue; ``None`` if it has none or doesn't exist.

        :raises AwsError: if it can't be read.
        """
        try:
            return self._open(resource.kind.task_policy).resource_policies.find_policy(resource)
        except AwsNotFoundError:
            return None

    def _open(self, task_policy: TaskPolicy = TaskPolicy.AUDIT) -> RootSession:
        """Open a session once; a denial is remembered too."""
        if task_policy in self._denials:
            raise self._denials[task_policy]
        if task_policy not in self._sessions:
            try:
                self._require_reachable()
                self._sessions[task_policy] = open_root_session(
                    self.sessions, self.ledger, self.account_id, task_policy, lock=self.lock
                )
            except AwsError as error:
                self._denials[task_policy] = error
                raise
        return self._sessions[task_policy]

    def _require_reachable(self) -> None:
        """Without the account's state, AWS itself decides."""
        try:
            state = self.reader.find_account_state(self.account_id)
        except AwsError:
            return
        if state is None:
            raise AwsAccessDeniedError(f"Account {self.account_id} isn't in the organization any more.")
        if state is not AccountState.ACTIVE:
            raise AwsAccessDeniedError(f"Account {self.account_id} is {state}. AWS doesn't allow root sessions in it.")


_READERS: dict[CredentialKind, Callable[[RootSession], list[str]]] = {
    CredentialKind.ACCESS_KEYS: lambda session: [key.access_key_id for key in session.list_access_keys()],
    CredentialKind.SIGNING_CERTIFICATES: lambda session: [
        certificate.signing_certificate_id for certificate in session.list_signing_certificates()
    ],
    CredentialKind.PASSWORD: lambda session: [""] if session.find_login_profile() else [],
    CredentialKind.MFA_DEVICES: lambda session: [device.mfa_serial_number for device in session.list_mfa_devices()],
}

SESSION_LASTS = timedelta(seconds=900)
"""Source: STS AssumeRoot, API version 2011-06-15."""

SETUP_ACTIONS = frozenset(CHANGES_OF_SETUP)

POLICY_ACTIONS = frozenset({Action.BUCKET_POLICY_DELETE, Action.BUCKET_POLICY_PUT, Action.QUEUE_POLICY_SET})

POLICY_PAUSES_SECONDS = (1, 2)
"""A call sent just before its process died may still act."""

QUEUE_POLICY_SETTLES = timedelta(seconds=60)
"""How long SQS may show the old attributes. Source: SQS SetQueueAttributes, API version 2012-11-05."""

_KINDS = {action: kind for kind, action in ACTIONS.items()}


@dataclass(frozen=True, slots=True)
class IntentFinding:
    """The result of an intent, as a re-read shows it."""

    result: Result | None
    """``None``: the intent stays open."""
    explanation: str


def evaluate_setup_intent(entry: LedgerEntry, setup: Setup) -> IntentFinding:
    """Evaluate an intent that concerns no account's root user."""
    if entry.action is Action.ACCOUNTS_AUDIT:
        return IntentFinding(Result.FAILED, "Interrupted: the audit has no result. It changes nothing.")
    if entry.action in DELIVERY_ACTIONS:
        return IntentFinding(Result.UNKNOWN, INTERRUPTED)
    if entry.action not in SETUP_ACTIONS:
        return IntentFinding(Result.UNKNOWN, "Interrupted.")
    feature = entry.parameters.get("feature")
    step = SetupStep(entry.action, Feature(feature) if isinstance(feature, str) else None, entry.account_id)
    satisfied = find_satisfied(step, setup)
    if satisfied is None:
        return IntentFinding(None, " ".join(setup.unknown) or "AWS doesn't show it while trusted access is off.")
    return _DONE if satisfied else _NOT_DONE


def evaluate_account_intent(
    entry: LedgerEntry, rereading: AccountRereader, window_state: WindowState | None
) -> IntentFinding:
    """Evaluate an intent that concerns an account; ``window_state`` is of its window, if it has a window."""
    if entry.action in _KINDS:
        kind = _KINDS[entry.action]
        name = TARGET_PARAMETERS.get(kind)
        is_present = rereading.find_present(kind, None if name is None else str(entry.parameters.get(name)))
        if is_present is None:
            return IntentFinding(None, f"The account can't be re-read: {rereading.failure}")
        return _NOT_DONE if is_present else _DONE
    if entry.action in POLICY_ACTIONS:
        return _evaluate_policy_change(entry, rereading)
    match entry.action:
        case Action.LOGIN_PROFILE_CREATE:
            return _evaluate_creation(entry, rereading)
        case Action.ROOT_SESSION_OPEN:
            ended_at = entry.at + OPENING_LATENCY + SESSION_LASTS
            return IntentFinding(
                Result.UNKNOWN,
                "It isn't known whether the session was opened. It ended by "
                f"{ended_at.isoformat(timespec='seconds')} at the latest.",
            )
        case Action.WINDOW_CLOSE if window_state is WindowState.CLOSED_VERIFIED:
            return IntentFinding(Result.DONE, "The window is CLOSED_VERIFIED.")
        case Action.WINDOW_CLOSE:
            return IntentFinding(Result.FAILED, "Interrupted: the window still has to be closed.")
        case Action.WINDOW_KEEP if window_state is WindowState.KEPT:
            return IntentFinding(Result.DONE, "The window is KEPT.")
        case Action.WINDOW_KEEP:
            return IntentFinding(Result.FAILED, "Interrupted: the login isn't kept; the window has to be closed.")
        case Action.ACCOUNTS_AUDIT:
            return IntentFinding(Result.FAILED, "Interrupted: the audit has no result. It changes nothing.")
        case _:
            return IntentFinding(Result.UNKNOWN, "Interrupted.")


def _evaluate_creation(entry: LedgerEntry, rereading: AccountRereader) -> IntentFinding:
    outcome = classify_orphaned_opening(rereading.find_login_profile(), entry.at)
    if outcome is OpenOutcome.OPEN:
        return _DONE
    if outcome is OpenOutcome.UNKNOWN:
        return IntentFinding(None, f"The account can't be re-read: {rereading.failure}")
    if outcome is OpenOutcome.FOREIGN:
        return IntentFinding(Result.FAILED, "Not done: a re-read shows a login profile that this intent didn't create.")
    return _NOT_DONE


def _evaluate_policy_change(entry: LedgerEntry, rereading: AccountRereader) -> IntentFinding:
    """Wait until AWS must show the change before concluding that it wasn't made."""
    try:
        resource = read_resource(entry.action, rereading.account_id, entry.parameters)
    except ValueError as error:
        return IntentFinding(Result.UNKNOWN, f"Interrupted; {error}.")
    pauses: tuple[float, ...] = POLICY_PAUSES_SECONDS
    if entry.action is Action.QUEUE_POLICY_SET:
        left_seconds = (entry.at + QUEUE_POLICY_SETTLES - rereading.clock.now()).total_seconds()
        pauses = (*pauses, max(left_seconds, 0.0) + 1)
    for pause in (*pauses, None):
        try:
            policy = rereading.find_policy(resource)
        except AwsError as error:
            return IntentFinding(None, f"The policy can't be re-read: {error.message}")
        assessment = evaluate_reread(policy, entry.parameters, resource.partition)
        if assessment.is_settled or pause is None:
            break
        rereading.clock.sleep(pause)
    return IntentFinding(assessment.result, assessment.explanation)


_DONE = IntentFinding(Result.DONE, "Done, as a re-read shows.")
_NOT_DONE = IntentFinding(Result.FAILED, "Not done, as a re-read shows.")
EMAIL_ACTIONS = frozenset({Action.EMAIL_UPDATE_ACCEPT, Action.EMAIL_UPDATE_START})


def evaluate_email_intent(
    entry: LedgerEntry, account_id: AccountId, emails: PrimaryEmails, clock: Clock
) -> IntentFinding:
    """Evaluate an intent that changes a root email address. One call for a start, two for an acceptance."""
    if entry.action is Action.EMAIL_UPDATE_START:
        is_started = was_started(entry.parameters, read_update(emails, account_id))
        if is_started is None:
            void_at = entry.at + ONE_TIME_PASSWORD_LASTS
            return IntentFinding(
                Result.UNKNOWN,
                "It can't be read whether a one-time password was sent. It expires by "
                f"{void_at.isoformat(timespec='seconds')} and changes nothing until it is submitted.",
            )
        if is_started:
            return IntentFinding(
                Result.DONE, "AWS shows that a one-time password was sent. It changes nothing until it is submitted."
            )
        return IntentFinding(Result.FAILED, "AWS shows that no one-time password was sent.")
    reread = read_again(emails, account_id)
    email = str(entry.parameters.get(EMAIL_PARAMETER, ""))
    result = evaluate_acceptance(reread, email, entry.at, clock.now(), was_answered=False)
    if result is Result.DONE:
        return IntentFinding(result, f"The address is {email}, as a re-read shows.")
    if result is Result.FAILED:
        return IntentFinding(result, f"The address wasn't changed to {email}, as a re-read shows.")
    shown = f"AWS still shows {reread.email}" if reread.email else "it can't be re-read"
    return IntentFinding(
        None, f"Whether the address becomes {email} isn't shown yet: {shown}. AWS may take up to 4 hours."
    )


@dataclass(frozen=True, slots=True)
class SettledIntent:
    """An orphan of the ledger, and its result according to a re-read."""

    sequence: int
    action: Action
    account_id: AccountId | None
    result: Result | None
    """``None`` if it stays open because it couldn't be read."""
    explanation: str


@dataclass(frozen=True, slots=True)
class SettledWindow:
    """A window that a dead process left in mid-step, before and after the settlement."""

    before: RecoveryWindow
    after: RecoveryWindow
    """The same as ``before`` if it couldn't be read."""
    explanation: str

    @property
    def is_settled(self) -> bool:
        return self.before.state is not self.after.state


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """The orphans of dead processes, with their results."""

    intents: tuple[SettledIntent, ...] = ()
    windows: tuple[SettledWindow, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.intents and not self.windows

    @property
    def has_unknown(self) -> bool:
        """Whether an intent or window stays open because it couldn't be read."""
        return any(item.result is None for item in self.intents) or any(not item.is_settled for item in self.windows)

    def combined_with(self, other: SettlementReport) -> SettlementReport:
        return SettlementReport(self.intents + other.intents, self.windows + other.windows)


@dataclass(frozen=True, slots=True)
class AccountOrphans:
    """Intents without an outcome, and windows in mid-step, of an account."""

    account_id: AccountId
    intents: tuple[LedgerEntry, ...]
    windows: tuple[RecoveryWindow, ...]

    @property
    def marks(self) -> frozenset[str]:
        """Ids of its intents and windows."""
        return frozenset(str(entry.sequence) for entry in self.intents) | {window.window_id for window in self.windows}


@dataclass(frozen=True, slots=True)
class Orphans:
    """The orphans of dead processes."""

    of_organization: tuple[LedgerEntry, ...] = ()
    accounts: tuple[AccountOrphans, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement(AccountWork):
    """Settles orphans; every changing command runs it first."""

    emails: PrimaryEmails

    def settle(self) -> SettlementReport:
        """Settle the orphans that can be settled. Opens audit sessions, and unlock sessions to read the policies of
        buckets and queues; changes nothing in AWS.

        :raises LedgerUnavailableError: if the ledger can't be written; no further session was opened.
        """
        left = self.find_left()
        report = self.settle_setup(left)
        for account in left.accounts:
            report = report.combined_with(self.settle_account(account))
        return report

    def find_left(self, unfinished: Sequence[RecoveryWindow] | None = None) -> Orphans:
        """Find the orphans to settle; no AWS call.

        :param unfinished: the unfinished windows, if the caller has just listed them.
        """
        orphans = self.ledger.list_orphans()
        listed = self.windows.list_windows(unfinished_only=True) if unfinished is None else unfinished
        windows = [window for window in listed if _is_in_mid_step(window)]
        by_account: dict[AccountId, list[LedgerEntry]] = {window.account_id: [] for window in windows}
        for entry in orphans:
            if entry.account_id is not None and not _is_of_organization(entry):
                by_account.setdefault(entry.account_id, []).append(entry)
        accounts = (
            AccountOrphans(
                account_id, tuple(entries), tuple(window for window in windows if window.account_id == account_id)
            )
            for account_id, entries in by_account.items()
        )
        return Orphans(tuple(entry for entry in orphans if _is_of_organization(entry)), tuple(accounts))

    def settle_setup(self, left: Orphans) -> SettlementReport:
        """Settle the intents that concern no account's root user, by the current set-up."""
        orphans = left.of_organization
        setup = Setup(None, None, None)
        if any(entry.action in SETUP_ACTIONS for entry in orphans):
            try:
                setup = self.reader.read_setup()
            except AwsError as error:
                setup = Setup(None, None, None, unknown=(error.message,))
        return SettlementReport(tuple(self._record((entry, evaluate_setup_intent(entry, setup)) for entry in orphans)))

    def settle_account(self, left: AccountOrphans) -> SettlementReport:
        """Settle the orphans in an account, under its lock: a live owner of the windows would hold the lock."""
        account_id = left.account_id
        try:
            with self.locks.hold(account_id, "settling what a dead process left") as lock:
                rereading = AccountRereader(self.reader, self.sessions, self.ledger, self.clock, account_id, lock)
                evaluated = ((entry, self._evaluate(entry, rereading)) for entry in left.intents)
                intents = tuple(self._record(evaluated))
                return SettlementReport(intents, tuple(self._settle_windows(left.windows, rereading)))
        except (AccountBusyError, LockLostError) as error:
            busy = IntentFinding(None, error.message)
            return SettlementReport(tuple(_describe(entry, busy) for entry in left.intents))

    def _evaluate(self, entry: LedgerEntry, rereading: AccountRereader) -> IntentFinding:
        if entry.action in EMAIL_ACTIONS:
            return evaluate_email_intent(entry, rereading.account_id, self.emails, self.clock)
        window, window_id = None, entry.parameters.get("window_id")
        if isinstance(window_id, str):
            with suppress(InputError):
                window = self.windows.get(window_id)
        if window is not None:
            shown = shows_decision(window, entry.action, entry.actor.name, entry.parameters.get("decided_at"))
            if shown is not None:
                return IntentFinding(Result.DONE if shown else Result.FAILED, "As the window shows.")
        return evaluate_account_intent(entry, rereading, None if window is None else window.state)

    def _record(self, evaluated: Iterable[tuple[LedgerEntry, IntentFinding]]) -> Iterable[SettledIntent]:
        """Record findings, without intents that another process has settled in the meantime."""
        for entry, finding in evaluated:
            if finding.result is None or self.ledger.settle_orphan(
                entry, finding.result, {"settled_by": "re-read", "explanation": finding.explanation}
            ):
                yield _describe(entry, finding)

    def _settle_windows(self, left: Sequence[RecoveryWindow], rereading: AccountRereader) -> Iterable[SettledWindow]:
        for known in left:
            window = self.windows.get(known.window_id)
            if window.state is WindowState.APPROVED:
                failure = "The process that requested the window ended before it opened anything."
                yield SettledWindow(window, self._end(window, WindowState.LAPSED, failure), failure)
            elif window.state is WindowState.OPENING:
                yield self._settle_opening(window, rereading)

    def _settle_opening(self, window: RecoveryWindow, rereading: AccountRereader) -> SettledWindow:
        reread = rereading.find_login_profile()
        outcome = classify_orphaned_opening(reread, window.opening_started_at or window.requested_at)
        if outcome is OpenOutcome.OPEN and reread.login_profile is not None:
            opened = mark_open(self.windows, window, reread.login_profile, self.clock.now())
            record_open(self.ledger, opened)
            return SettledWindow(window, opened, "Password recovery was allowed; the window has to be closed.")
        if outcome is OpenOutcome.FOREIGN and reread.login_profile is not None:
            failure = describe_foreign(window, reread.login_profile)
            self.progress.remark(f"ALERT: {failure}")
            return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)
        if outcome is OpenOutcome.CANCELLED:
            failure = "The process that requested the window ended, and a re-read shows that nothing was opened."
            return SettledWindow(window, self._end(window, WindowState.CANCELLED, failure), failure)
        return SettledWindow(
            window, window, f"It isn't known whether password recovery is allowed: {rereading.failure or 'not read'}"
        )

    def _end(self, window: RecoveryWindow, to: WindowState, failure: str) -> RecoveryWindow:
        ended = advance(window, to, self.clock.now(), failure)
        self.windows.change(ended, expected=window.state)
        return ended


def _is_in_mid_step(window: RecoveryWindow) -> bool:
    """Without a server, APPROVED lasts only until its process opens the window; on a server it lapses."""
    is_passing = window.state is WindowState.APPROVED and window.lapses_at is None
    return is_passing or window.state is WindowState.OPENING


def _is_of_organization(entry: LedgerEntry) -> bool:
    return entry.account_id is None or entry.action in SETUP_ACTIONS


def _describe(entry: LedgerEntry, finding: IntentFinding) -> SettledIntent:
    return SettledIntent(entry.sequence, entry.action, entry.account_id, finding.result, finding.explanation)


_UNLOCKING = frozenset({TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE})


@dataclass(frozen=True, slots=True)
class SessionsByTask:
    """Opens root sessions with the credentials of two roles, because a settlement needs both."""

    usual: RootSessions
    unlocking: RootSessions

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> RootSession:
        """Implements RootSessions."""
        sessions = self.unlocking if task_policy in _UNLOCKING else self.usual
        return sessions.open(account_id, task_policy, intent)
