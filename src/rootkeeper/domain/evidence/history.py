"""What the ledger tells of a period: deletions, exceptions, audits, and what has no outcome.

The ledger is read once, as a stream; only what a report shows is kept. Exceptions come from here too: the table of
exceptions keeps the last one of each account alone, whatever was in force in the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.domain.deletion_exceptions import DeletionException
from rootkeeper.domain.drills import Drill, find_drills
from rootkeeper.domain.evidence.periods import Period
from rootkeeper.domain.ledger import Action, Actor, JsonValue, LedgerEntry, Phase, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.removals import ACTIONS, TARGET_PARAMETERS
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.setup_drift import CHANGES_OF_SETUP

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
    """The last change of the set-up by Rootkeeper itself; a reading from before it tells nothing any more."""

    sequence: int
    at: datetime
    action: Action


@dataclass(frozen=True, slots=True)
class LedgerHistory:
    """What the ledger tells of one organization and one period."""

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
    """``None`` for an entry that was altered; that the ledger isn't intact is told elsewhere."""
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
