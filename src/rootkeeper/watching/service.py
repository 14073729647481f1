"""Reads events of root users, classifies them by the ledger and the recovery windows, and sends notifications.

The JSON of verdicts on given records is here, too.

Most root events come from our own audits. So the sessions of the last days' ledger entries are kept in memory, and
only new entries are read for each delivery.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rootkeeper.aws.cloudtrail import RootRecord, parse_root_record
from rootkeeper.aws.root_events import EventDelivery, RootEventSource
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsError, DatabaseError
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.notifications.service import Notifier
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.shapes import JsonRecord, Ordinal, filled_from, record, record_of
from rootkeeper.shipped_policies.records import ShippedPoliciesRecord
from rootkeeper.watching.rules import (
    EventVerdict,
    KnownSessions,
    RecordCoverage,
    RecordedSession,
    RootEvent,
    RootEventKind,
    WatchedAccount,
    WatchedEvent,
    classify_root_event,
    classify_watched_event,
    collect_sessions,
    find_first_closings,
)
from rootkeeper.watching.store import WindowEventStore
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class ClassifiedRecord:
    """A record that concerns a root user or AssumeRoot, with its classification."""

    record: Mapping[str, Any]
    event: RootEvent


@filled_from(exempt="is_exempt", ledger_sequence="sequence")
class JudgedEventRecord(JsonRecord):
    """A CloudTrail record of a root user or of AssumeRoot, with the verdict on it."""

    kind: RootEventKind
    exempt: bool
    explanation: str
    ledger_sequence: Ordinal | None
    event_id: str | None
    event_name: str | None
    event_time: str | None
    account_id: str | None


@record_of(RecordCoverage)
class RecordCoverageRecord(JsonRecord):
    """Which of the given records were judged. No other period, Region or account was."""


@record
class JudgedEventsDocument(ShippedPoliciesRecord):
    """Verdicts on CloudTrail records."""

    known_role_arns: list[str]
    """Roles that open root sessions on purpose."""
    coverage: RecordCoverageRecord
    events: list[JudgedEventRecord]
    """Records of a root user or of AssumeRoot, in the given order."""


@dataclass(frozen=True, slots=True)
class RootEventClassifier:
    """Classifies records by the ledger of an organization at an endpoint; makes no AWS call."""

    ledger: LedgerReader
    organization_id: str
    endpoint: Endpoint

    def evaluate(
        self, records: Iterable[Mapping[str, Any]], role_arns: Collection[str]
    ) -> tuple[ClassifiedRecord, ...]:
        """Classify the records that concern root, in the order given.

        The ledger names an audit's sessions when their batch ends. A record before that end is suspicious at first, and
        ours when it is classified again later.

        :raises DatabaseError: if the ledger can't be read; without it no record would be exempt.
        """
        sessions = collect_sessions(self.ledger.list_entries(), self.organization_id, self.endpoint.label)
        known = KnownSessions(sessions, role_arns)
        evaluated = ((record, classify_root_event(record, known)) for record in records)
        return tuple(ClassifiedRecord(record, event) for record, event in evaluated if event is not None)


MARGIN = timedelta(hours=1)
"""A session lasts 15 minutes at most, and its entry may come later than its first call."""

_LARGEST = 200_000
"""Sessions in memory; beyond it the older half is dropped, and read again if needed."""


@dataclass(slots=True)
class KnownSessionReader:
    """The sessions of an organization at an endpoint; for one thread.

    :raises DatabaseError: if the ledger can't be read.
    """

    ledger: LedgerReader
    organization_id: str
    endpoint_label: str
    _sessions: dict[str, RecordedSession] = field(default_factory=dict)
    _first_at: datetime | None = None
    """The start of the entries that were read; ``None`` if none was."""
    _last_sequence: int = 0

    def find_all(self, since: datetime) -> Mapping[str, RecordedSession]:
        """Read the sessions since a time, perhaps with earlier sessions."""
        wanted = since - MARGIN
        if self._first_at is None or wanted < self._first_at:
            self._sessions, self._first_at = {}, wanted
            self._last_sequence = find_sequence_before(self.ledger, wanted)
        for entry in self.ledger.list_entries(since_sequence=self._last_sequence):
            self._sessions.update(collect_sessions([entry], self.organization_id, self.endpoint_label))
            self._last_sequence = entry.sequence
        if len(self._sessions) > _LARGEST:
            newest = list(self._sessions.items())[len(self._sessions) // 2 :]
            self._sessions = dict(newest)
            first = next(iter(self.ledger.list_entries(since_sequence=newest[0][1].sequence, limit=1)), None)
            self._first_at = None if first is None else first.at
        return self._sessions

    def list_pending(self) -> frozenset[AccountId]:
        """List accounts that may have a root session that the ledger doesn't name yet: its intent has no outcome."""
        found: set[AccountId] = set()
        for entry in self.ledger.list_open_intents():
            if entry.action is Action.ROOT_SESSION_OPEN and entry.account_id is not None:
                found.add(entry.account_id)
            elif entry.action is Action.ACCOUNTS_AUDIT:
                account_ids = entry.parameters.get("account_ids")
                found.update(AccountId(str(raw)) for raw in account_ids if raw) if isinstance(account_ids, list) else ()
        return frozenset(found)


def find_sequence_before(ledger: LedgerReader, moment: datetime) -> int:
    """Find the sequence of the last entry before ``moment``, or of an earlier entry; 0 if there is none.

    If the clock was set back, times in the ledger aren't in order, and the result can be earlier than necessary.
    """
    low, high = 0, 1
    while (entry_at := _find_time(ledger, high)) is not None and entry_at < moment:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        entry_at = _find_time(ledger, middle)
        if entry_at is not None and entry_at < moment:
            low = middle
        else:
            high = middle
    return low


def _find_time(ledger: LedgerReader, sequence: int) -> datetime | None:
    """Find the time of an entry; ``None`` after the last entry."""
    entry = next(iter(ledger.list_entries(since_sequence=sequence - 1, limit=1)), None)
    return None if entry is None else entry.at


WAIT_SECONDS = 4.0
"""How long a ``tick`` waits for events, so that a server can stop within ten seconds."""

PATIENCE = timedelta(hours=1)
"""How long an event waits for the outcome of an open intent of its account."""

NOTIFY_AFTER = timedelta(minutes=1)
"""How long a source can't be read before a notification is sent."""

_MOST_LOTS = 50
"""Of a ``tick``, so that a long backlog doesn't look like a loop that is stuck."""


@dataclass(slots=True)
class EventWatchLoop:
    """Reads events and classifies each once; a single thread calls ``tick``."""

    source: RootEventSource
    events: WindowEventStore
    windows: RecoveryWindowStore
    ledger: LedgerReader
    notifier: Notifier
    clock: Clock
    organization_id: str
    endpoint: Endpoint
    role_arns: Collection[str] = ()
    """Roles that open root sessions on purpose."""
    caller_arns: Collection[str] = ()
    """Other principals that do."""
    wait_seconds: float = WAIT_SECONDS
    _sessions: KnownSessionReader = field(init=False)
    _failing_since: datetime | None = None

    def __post_init__(self) -> None:
        self._sessions = KnownSessionReader(self.ledger, self.organization_id, self.endpoint.label)

    def tick(self) -> int:
        """Wait a short time for events, and process all of them.

        :returns: how many events were classified.
        :raises AwsError: if the source can't be read; if that lasts, a notification is sent.
        :raises DatabaseError: if the database can't be read or written; the events come again.
        :raises LedgerUnavailableError: if the ledger can't be written; the events come again.
        """
        evaluated = 0
        for _ in range(_MOST_LOTS):
            try:
                deliveries = self.source.read(0.0 if evaluated else self.wait_seconds)
            except (AwsError, DatabaseError) as error:
                self._note_failure(error)
                raise
            self._failing_since = None
            if not deliveries:
                break
            done = [delivery for delivery in deliveries if self._process_delivery(delivery)]
            self.source.acknowledge(done)
            evaluated += sum(len(delivery.records) for delivery in done)
            if not done:
                break
        return evaluated

    def _note_failure(self, error: AwsError | DatabaseError) -> None:
        now = self.clock.now()
        since = self._failing_since = self._failing_since or now
        if now - since < NOTIFY_AFTER:
            return
        notification = Notification(
            event=NotificationEvent.WATCHING_FAILED,
            severity=Severity.CRITICAL,
            title="Open recovery windows aren't watched: events of root users can't be read",
            body=f"{self.source.name} can't be read since {since:%Y-%m-%d %H:%M:%S UTC}: {error.message} "
            f"{error.hint or 'Check the source of events in the settings, and the permissions of the server.'}",
            at=now,
            organization_id=self.organization_id,
            endpoint=self.endpoint.label,
            deduplication_key=f"watching-failed:{self.source.name}:{now:%Y-%m-%dT%H}",
        )
        self.notifier.notify(notification)

    def _process_delivery(self, delivery: EventDelivery) -> bool:
        """``False`` if it must be delivered again."""
        found = [parse_root_record(record) for record in delivery.records]
        if not found:
            return True
        known = self._know(found)
        events = [(root_record, classify_root_event(root_record.record, known)) for root_record in found]
        foreign = [root_record for root_record, event in events if event is not None and not event.is_exempt]
        if any(self._is_pending(root_record, known) for root_record in foreign):
            return False
        known = self._know(found) if foreign else known
        accounts: dict[AccountId, WatchedAccount] = {}
        for root_record in sorted(foreign, key=lambda record: record.at):
            account_id = root_record.account_id
            if account_id not in accounts:
                windows = self.windows.list_of_account(account_id)
                has_closed = any(window.closed_at is not None for window in windows)
                entries = self.ledger.list_entries(account_id=account_id) if has_closed else ()
                accounts[account_id] = WatchedAccount(windows, find_first_closings(entries))
            evaluator = partial(classify_watched_event, root_record, accounts[account_id], known)
            event = self.events.record(root_record.event_id, account_id, evaluator)
            if event.verdict is EventVerdict.SUSPICIOUS:
                self.notifier.notify(describe_event(event, self.organization_id, self.endpoint, self.source.name))
        return True

    def _know(self, found: Iterable[RootRecord]) -> KnownSessions:
        """Read the sessions that the records need; a sign-in needs none."""
        times = [root_record.at for root_record in found if root_record.session_key_id is not None]
        sessions = self._sessions.find_all(min(times)) if times else {}
        return KnownSessions(sessions, self.role_arns, self.caller_arns)

    def _is_pending(self, found: RootRecord, known: KnownSessions) -> bool:
        """Whether the ledger may name the session later: it names an audit's sessions when their batch ends."""
        if not found.session_key_id or found.session_key_id in known.sessions:
            return False
        is_fresh = self.clock.now() - found.at < PATIENCE
        return is_fresh and found.account_id in self._sessions.list_pending()


def describe_event(event: WatchedEvent, organization_id: str, endpoint: Endpoint, source_name: str) -> Notification:
    """Make the notification of a suspicious event. The same event gives the same notification."""
    window = f"It is recorded with recovery window {event.window_id}. " if event.window_id else ""
    action = "close the recovery window" if event.window_id else f"audit account {event.account_id} for credentials"
    return Notification(
        event=NotificationEvent.WINDOW_SUSPICIOUS,
        severity=Severity.CRITICAL,
        title=f"Root user of {event.account_id}: unexpected {event.name}",
        body=f"At {event.at:%Y-%m-%d %H:%M:%S UTC}, event {event.event_id} from {source_name}: {event.explanation} "
        f"{window}Unless you know who did this, {action} now.",
        at=event.at,
        organization_id=organization_id,
        endpoint=endpoint.label,
        account_id=event.account_id,
        window_id=event.window_id,
        deduplication_key=event.alert_key,
    )


def get_role_name(caller_arn: str) -> str:
    """Get the role of a role session's ARN, without the role's path, which the ARN lacks; any other ARN as it is."""
    parts = caller_arn.split(":", 5)
    kind, _, rest = parts[-1].partition("/")
    if len(parts) != 6 or (parts[2], kind) != ("sts", "assumed-role"):
        return caller_arn
    return f"arn:{parts[1]}:iam::{parts[4]}:role/{rest.partition('/')[0]}"
