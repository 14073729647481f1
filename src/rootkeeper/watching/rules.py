"""Classifies CloudTrail events of root users: who caused an event, and which recovery window it belongs to.

CloudTrail records a root session as ``userIdentity.type = Root``, like a sign-in of the root user, so alarms on root
activity fire at each audit. An exemption needs two facts: a role that is known to open root sessions, and a ledger
entry that names the session's access key id (promise P23). A record without both is suspicious. So is an attempt that
AWS refused, because it has no access key id.

During an open recovery window a person may sign in as the root user, but any other reader of the mailbox could do the
same. So each step of a sign-in is expected once and in its order; any other step that gives access is reported. An
event counts by the time at which it happened, because CloudTrail may deliver it much later.

Source: IAM User Guide, "Track privileged tasks in AWS CloudTrail"; CloudTrail User Guide, "CloudTrail userIdentity
element" and "AWS Management Console sign-in events".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rootkeeper.aws.cloudtrail import LONGEST_ID, RootRecord, as_mapping, as_text, is_opening, parse_target_account
from rootkeeper.errors import SettingsError
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import Count
from rootkeeper.windows.rules import NEVER_OPENED_STATES, WAITING_STATES, RecoveryWindow

_QUEUE_URL = re.compile(r"https?://[^/\s?#]+/(?P<account_id>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80}(\.fifo)?)")
"""Source: SQS Developer Guide, "Queue and message identifiers"."""

_REGION = re.compile(r"https?://(?:sqs(?:-fips)?\.|(?=[a-z0-9-]+\.queue\.))(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9])\.")


class WatchSourceKind(StrEnum):
    """The kind of source that events are read from."""

    FILE = "file"
    QUEUE = "sqs"


@dataclass(frozen=True, slots=True)
class WatchSource:
    """A configured source."""

    kind: WatchSourceKind
    address: str
    """A queue's URL, or a file's path."""

    @property
    def name(self) -> str:
        """The name in windows and messages."""
        shown = self.address.rpartition("/")[2] if self.kind is WatchSourceKind.QUEUE else self.address
        return f"{self.kind.value}:{shown}"

    @property
    def region(self) -> str | None:
        """The Region in a queue's URL, if it contains one."""
        found = _REGION.match(self.address)
        return None if found is None else found["region"]


def parse_watch_source(text: str) -> WatchSource | None:
    """Parse the setting ``watching.source``; ``None`` if it is empty.

    :raises SettingsError: if it isn't valid.
    """
    if not text:
        return None
    kind, _, address = text.partition(":")
    is_queue = kind == WatchSourceKind.QUEUE.value and _QUEUE_URL.fullmatch(address) is not None
    if not is_queue and not (kind == WatchSourceKind.FILE.value and address):
        raise SettingsError(
            f"watching.source is {text[:120]!r}, which isn't a source of events.",
            hint="Write sqs:https://sqs.us-east-1.amazonaws.com/111122223333/QUEUE, or file:/path/to/events.jsonl.",
        )
    return WatchSource(WatchSourceKind(kind), address)


class RootEventKind(StrEnum):
    """Who caused an event."""

    LONG_TERM_ROOT = "long_term_root"
    """A root user that signed in or tried to, or a root access key. Page."""
    OWN_ROOT_SESSION = "own_root_session"
    """A root session that a ledger entry names. Record."""
    STRANGE_ROOT_SESSION = "strange_root_session"
    """Any other root session, or an attempt to open it. Page."""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A root session that a ledger entry names."""

    access_key_id: str
    account_id: AccountId
    caller_arn: str
    """The principal that opened it."""
    sequence: int
    """Of the entry."""


@dataclass(frozen=True, slots=True)
class RootEvent:
    """A classified record."""

    kind: RootEventKind
    explanation: str
    """A sentence that names the finding or the gap."""
    sequence: int | None = None
    """The ledger entry that exempts it."""

    @property
    def is_exempt(self) -> bool:
        return self.kind is RootEventKind.OWN_ROOT_SESSION


@dataclass(frozen=True, slots=True)
class KnownSessions:
    """The facts that exempt a root session."""

    sessions: Mapping[str, RecordedSession]
    """By access key id."""
    role_arns: Collection[str]
    """ARNs of IAM roles that open root sessions on purpose."""
    caller_arns: Collection[str] = ()
    """ARNs of other principals that do, such as an IAM user or a session of a role."""

    def knows_caller(self, arn: str) -> bool:
        """Whether a principal opens root sessions on purpose."""
        return arn in self.caller_arns or any(_is_session_of(arn, role_arn) for role_arn in self.role_arns)


def collect_sessions(
    entries: Iterable[LedgerEntry], organization_id: str, endpoint_label: str
) -> dict[str, RecordedSession]:
    """Collect the root sessions of an organization at an endpoint, by access key id.

    Entries of other organizations or endpoints don't count, so a sandbox can't exempt a record of AWS.
    """
    own = (entry for entry in entries if (entry.organization_id, entry.endpoint) == (organization_id, endpoint_label))
    return {session.access_key_id: session for entry in own for session in _list_sessions(entry)}


def _list_sessions(entry: LedgerEntry) -> Iterator[RecordedSession]:
    """The outcome of an opening, or of an audit batch, names the sessions."""
    if entry.phase is not Phase.OUTCOME or entry.actor.caller_arn is None:
        return
    named: Mapping[str, Any] = {}
    if entry.action is Action.ROOT_SESSION_OPEN and entry.account_id is not None:
        named = {entry.account_id: entry.parameters.get("access_key_id")}
    elif entry.action is Action.ACCOUNTS_AUDIT:
        named = as_mapping(entry.parameters.get("sessions"))
    for account_id, access_key_id in named.items():
        if isinstance(access_key_id, str):
            yield RecordedSession(access_key_id, AccountId(account_id), entry.actor.caller_arn, entry.sequence)


@dataclass(frozen=True, slots=True)
class RecordCoverage:
    """Which records were judged, or which were given if none was. Nothing is known about other records."""

    records: Count
    """Records in the file."""
    judged: Count
    """Of these, records of a root user or of AssumeRoot. 0 is no good answer: the exit status is 1."""
    first_at: datetime | None
    """The earliest judged record; without any, the earliest record in the file."""
    last_at: datetime | None
    regions: tuple[str, ...]
    """Regions of the judged records; without any, of all records in the file."""


_REGION_NAME = re.compile(r"[a-z]{2,8}(-[a-z]{1,16}){1,3}-[0-9]{1,2}")


def measure_coverage(records: Collection[Mapping[str, Any]], judged: Collection[Mapping[str, Any]]) -> RecordCoverage:
    """Measure the period and the Regions of records, of which any part can be missing or invalid."""
    measured = judged or records
    times = sorted(at for record in measured if (at := _find_time(record)) is not None)
    regions = {as_text(record.get("awsRegion")) for record in measured}
    return RecordCoverage(
        records=len(records),
        judged=len(judged),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
        regions=tuple(sorted(region for region in regions if _REGION_NAME.fullmatch(region))),
    )


def _find_time(record: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(as_text(record.get("eventTime")))
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def classify_root_event(record: Mapping[str, Any], known: KnownSessions) -> RootEvent | None:
    """Find who caused a record; ``None`` if it concerns neither a root user nor AssumeRoot.

    :param record: a CloudTrail record, or the ``detail`` of an EventBridge event.
    """
    identity = as_mapping(record.get("userIdentity"))
    if identity.get("type") == "Root":
        if as_mapping(identity.get("sessionContext")).get("assumedRoot") == "true":
            return _classify_session(as_text(identity.get("accessKeyId")), as_text(identity.get("accountId")), known)
        if record.get("eventType") == "AwsServiceEvent" or "invokedBy" in identity:
            return None
        key_id, account_id = as_text(identity.get("accessKeyId")), as_text(identity.get("accountId"))
        how = f"with the access key {key_id}" if key_id.startswith("AKIA") else "signed in or signing in"
        explanation = f"{as_text(record.get('eventName'))} by the root user of {account_id}, {how}."
        return RootEvent(RootEventKind.LONG_TERM_ROOT, explanation)
    if is_opening(record):
        caller = _find_issuer(identity) or as_text(identity.get("arn")) or "an unnamed caller"
        if not _is_known(identity, known):
            return _strange(f"AssumeRoot by {caller}, which isn't a known role.")
        credentials = as_mapping(as_mapping(record.get("responseElements")).get("credentials"))
        access_key_id = as_text(credentials.get("accessKeyId"))
        if not access_key_id:
            return _strange(f"AWS refused AssumeRoot by {caller}, so there is no session that the ledger could name.")
        return _classify_session(access_key_id, parse_target_account(record), known)
    return None


def _is_known(identity: Mapping[str, Any], known: KnownSessions) -> bool:
    return _find_issuer(identity) in known.role_arns or known.knows_caller(as_text(identity.get("arn")))


def _find_issuer(identity: Mapping[str, Any]) -> str:
    return as_text(as_mapping(as_mapping(identity.get("sessionContext")).get("sessionIssuer")).get("arn"))


def _classify_session(access_key_id: str, account_id: str, known: KnownSessions) -> RootEvent:
    session = known.sessions.get(access_key_id)
    if session is None:
        return _strange(f"No ledger entry names the access key id {access_key_id or '(none)'}.")
    entry = f"Ledger entry {session.sequence}"
    if session.account_id != account_id:
        return _strange(f"{entry} names {access_key_id} for account {session.account_id}, not {account_id}.")
    if not known.knows_caller(session.caller_arn):
        return _strange(f"{entry} is of {session.caller_arn}, which isn't a known role.")
    explanation = f"{entry} names {access_key_id}, opened by {session.caller_arn}."
    return RootEvent(RootEventKind.OWN_ROOT_SESSION, explanation, session.sequence)


def _is_session_of(caller_arn: str, role_arn: str) -> bool:
    """Whether ``arn:P:sts::ID:assumed-role/NAME/SESSION`` is a session of ``arn:P:iam::ID:role/PATH/NAME``."""
    caller, role = caller_arn.split(":", 5), role_arn.split(":", 5)
    if len(caller) != 6 or len(role) != 6:
        return False
    kind, _, rest = caller[5].partition("/")
    is_session = (caller[2], kind) == ("sts", "assumed-role")
    return is_session and (caller[1], caller[4], rest.partition("/")[0]) == (
        role[1],
        role[4],
        role[5].rpartition("/")[2],
    )


def _strange(explanation: str) -> RootEvent:
    return RootEvent(RootEventKind.STRANGE_ROOT_SESSION, explanation)


_SIGN_IN = ("signin.amazonaws.com", "ConsoleLogin")
_KEY_CREATION = ("iam.amazonaws.com", "CreateAccessKey")

_STEPS = frozenset(
    {
        ("iam.amazonaws.com", "EnableMFADevice"),
        ("signin.amazonaws.com", "PasswordRecoveryCompleted"),
        ("signin.amazonaws.com", "PasswordRecoveryRequested"),
        ("signin.amazonaws.com", "PasswordUpdated"),
    }
)
"""The steps before a sign-in."""

_NAMED = frozenset({_SIGN_IN, _KEY_CREATION, *_STEPS})


class EventVerdict(StrEnum):
    """How an event relates to the account's recovery windows."""

    EXPECTED = "expected"
    """Belongs to an open window."""
    SUSPICIOUS = "suspicious"
    """Sends a notification."""
    UNRELATED = "unrelated"
    """Neither, such as our own root sessions and the work in an open window. It isn't stored."""


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """A classified event."""

    # CloudTrail's.
    event_id: str
    account_id: AccountId
    # When it happened, to the second.
    at: datetime
    # CloudTrail's, such as ``ConsoleLogin``.
    name: str
    verdict: EventVerdict
    # A sentence for a person.
    explanation: str
    window_id: str | None = None
    """The window that was open, or the nearest window if none was."""
    has_mfa: bool | None = None
    """Whether a successful sign-in used MFA; ``None`` for any other event."""

    @property
    def alert_key(self) -> str:
        """The key that limits alerts to one per step, per session for all its actions, and per hour for events
        that need only the account's e-mail address.
        """
        reported = f"{self.account_id} {self.window_id} {self.explanation}"
        if self._is_unidentified:
            reported = f"{self.account_id} {self.name} {self.at:%Y-%m-%dT%H}"
        elif self.name in {name for _, name in _NAMED}:
            reported = self.event_id
        return f"window-event:{hashlib.sha256(reported.encode()).hexdigest()[:32]}"

    @property
    def _is_unidentified(self) -> bool:
        """Whether the event needs no secret: a request for a mail, or a wrong password."""
        has_failed = self.name == _SIGN_IN[1] and self.has_mfa is None
        return has_failed or self.name == "PasswordRecoveryRequested"


@dataclass(frozen=True, slots=True)
class WatchedAccount:
    """The recovery windows of an account."""

    windows: tuple[RecoveryWindow, ...] = ()
    first_closings: Mapping[str, datetime] = field(default_factory=dict)
    """By window: when a re-read first proved it closed. A window that closed twice has only the last time itself."""


def find_first_closings(entries: Iterable[LedgerEntry]) -> dict[str, datetime]:
    """Map each window to the time at which the ledger first shows it as closed.

    :param entries: of an account, in the order of their sequence.
    """
    intents: dict[int, str] = {}
    found: dict[str, datetime] = {}
    for entry in entries:
        if entry.action is not Action.WINDOW_CLOSE:
            continue
        if entry.phase is Phase.INTENT:
            intents[entry.sequence] = str(entry.parameters.get("window_id"))
        elif entry.result is Result.DONE and entry.intent_sequence in intents:
            found.setdefault(intents[entry.intent_sequence], entry.at)
    return found


def classify_watched_event(
    found: RootRecord, account: WatchedAccount, known: KnownSessions, recorded: Iterable[WatchedEvent] = ()
) -> WatchedEvent:
    """Classify an event by its account's windows and earlier events (``recorded``)."""
    evaluated = classify_root_event(found.record, known)
    if evaluated is None or evaluated.is_exempt:
        return _make(found, EventVerdict.UNRELATED, "" if evaluated is None else evaluated.explanation)
    opened = (candidate for candidate in account.windows if _was_open(candidate, found.at, account))
    window = next(opened, None)
    if evaluated.kind is RootEventKind.STRANGE_ROOT_SESSION:
        caller = as_mapping(found.record.get("userIdentity"))
        if not found.session_key_id and is_opening(found.record) and _is_known(caller, known):
            return _make(found, EventVerdict.UNRELATED, "AWS refused a known caller, so there is no session.")
        explanation = f"A root session that isn't Rootkeeper's own. {evaluated.explanation}"
        return _make(found, EventVerdict.SUSPICIOUS, explanation, window)
    if found.step == _KEY_CREATION:
        user = as_mapping(found.record.get("requestParameters")).get("userName")
        holder = f"the IAM user {str(user)[:LONGEST_ID]}" if user else "the root user itself"
        tried = "tried to create" if found.has_failed else "created"
        explanation = f"The root user {tried} an access key for {holder}. A recovery doesn't need one."
        return _make(found, EventVerdict.SUSPICIOUS, explanation, window or _find_near(found.at, account))
    if window is None:
        return _classify_outside(found, account)
    if found.step == _SIGN_IN:
        return _classify_sign_in(found, window, [event for event in recorded if event.window_id == window.window_id])
    if found.step in _STEPS:
        return _make(found, EventVerdict.EXPECTED, f"Expected while {_name(window)} is open.", window)
    return _make(found, EventVerdict.UNRELATED, "Work in an open recovery window.", window)


def _classify_sign_in(found: RootRecord, window: RecoveryWindow, recorded: list[WatchedEvent]) -> WatchedEvent:
    """Only the first sign-in may be without MFA, because no MFA device is registered yet."""
    if found.has_failed:
        return _make(found, EventVerdict.EXPECTED, f"A sign-in that failed while {_name(window)} is open.", window)
    sign_ins = [sign_in for sign_in in recorded if sign_in.has_mfa is not None and sign_in.event_id != found.event_id]
    first = next(
        (sign_in for sign_in in sign_ins if not sign_in.has_mfa and sign_in.verdict is EventVerdict.EXPECTED), None
    )
    if found.has_mfa and first is not None and found.at < first.at:
        explanation = f"A sign-in before the one without MFA at {first.at:%H:%M:%S UTC}, so that one wasn't the first."
        return _make(found, EventVerdict.SUSPICIOUS, explanation, window, has_mfa=True)
    if found.has_mfa:
        explanation = f"A sign-in with MFA while {_name(window)} is open."
        return _make(found, EventVerdict.EXPECTED, explanation, window, has_mfa=True)
    if first is not None or any(sign_in.at <= found.at for sign_in in sign_ins):
        explanation = f"A sign-in without MFA that wasn't the first sign-in of {_name(window)}."
        return _make(found, EventVerdict.SUSPICIOUS, explanation, window, has_mfa=False)
    explanation = f"The first sign-in of {_name(window)}, before an MFA device is registered."
    return _make(found, EventVerdict.EXPECTED, explanation, window, has_mfa=False)


def _classify_outside(found: RootRecord, account: WatchedAccount) -> WatchedEvent:
    near = _find_near(found.at, account)
    if near is None:
        when = "while no recovery window was open"
    elif near.state in NEVER_OPENED_STATES or found.at < (_start_of(near) or found.at):
        when = f"before {_name(near)} was opened"
    else:
        end = _end_of(near, account)
        when = f"after the end of {_name(near)}" + ("" if end is None else f" at {end:%Y-%m-%d %H:%M:%S UTC}")
    if found.step == _SIGN_IN:
        has_mfa = None if found.has_failed else found.has_mfa
        how = {None: "failed to sign in", True: "signed in with MFA", False: "signed in without MFA"}[has_mfa]
        return _make(found, EventVerdict.SUSPICIOUS, f"The root user {how} {when}.", near, has_mfa=has_mfa)
    if found.step in _STEPS:
        return _make(found, EventVerdict.SUSPICIOUS, f"A step of a root user sign-in {when}.", near)
    if near is None or near.state in NEVER_OPENED_STATES:
        explanation = f"The root user is active {when}; the account has no closed window."
        return _make(found, EventVerdict.UNRELATED, explanation)
    key_id = str(as_mapping(found.record.get("userIdentity")).get("accessKeyId") or "no access key id")[:LONGEST_ID]
    return _make(found, EventVerdict.SUSPICIOUS, f"The root user is still active ({key_id}) {when}.", near)


def _was_open(window: RecoveryWindow, at: datetime, account: WatchedAccount) -> bool:
    start, end = _start_of(window), _end_of(window, account)
    return start is not None and start <= at and (end is None or at <= end)


def _find_near(at: datetime, account: WatchedAccount) -> RecoveryWindow | None:
    """Find the last window that was open before; otherwise a window that wasn't open yet."""
    opened = [(start, window) for window in account.windows if (start := _start_of(window)) is not None]
    before = [window for start, window in sorted(opened, key=lambda opening: opening[0]) if start <= at]
    if before:
        return before[-1]
    later = [window for _, window in sorted(opened, key=lambda opening: opening[0])]
    waiting = [window for window in account.windows if window.state in WAITING_STATES and window.requested_at <= at]
    return next(iter([*waiting, *later]), None)


def _start_of(window: RecoveryWindow) -> datetime | None:
    """When it opened, in whole seconds as in CloudTrail; ``None`` if it never opened."""
    started = window.opened_at or window.opening_started_at
    return None if started is None or window.state in NEVER_OPENED_STATES else started.replace(microsecond=0)


def _end_of(window: RecoveryWindow, account: WatchedAccount) -> datetime | None:
    closed_at = account.first_closings.get(window.window_id, window.closed_at)
    return min((end for end in (closed_at, window.expires_at) if end is not None), default=None)


def _name(window: RecoveryWindow) -> str:
    return f"recovery window {window.window_id}"


def _make(
    found: RootRecord,
    verdict: EventVerdict,
    explanation: str,
    window: RecoveryWindow | None = None,
    *,
    has_mfa: bool | None = None,
) -> WatchedEvent:
    return WatchedEvent(
        event_id=found.event_id,
        account_id=found.account_id,
        at=found.at,
        name=found.name,
        verdict=verdict,
        explanation="".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in explanation),
        window_id=None if window is None else window.window_id,
        has_mfa=has_mfa,
    )
