"""Who caused an event of a root user, and which window it belongs to.

Where events of root users come from, as the setting ``watching.source`` says it.

Whose doing a CloudTrail record is: long-term root, a root session of ours, or a stranger's.

A root session shows as ``userIdentity.type = Root`` like a root user who has signed in, so alarms on root activity fire
at each audit. Exempting every root session would let strangers through. An exemption needs both: a role that is known
to open root sessions, and an entry of the ledger that names this session's access key id (promise P23). Whatever lacks
one of them is a stranger's; so is an attempt that AWS refused, since it has no key to match.

Source: IAM User Guide, "Track privileged tasks in AWS CloudTrail"; CloudTrail User Guide, "CloudTrail userIdentity
element".

Events of root users, held against the recovery windows of their account.

An open window is a time in which a person may sign in as the root user, and nothing tells the right person from another
one who reads the same mailbox. So what that person does to get in is expected, once and in its order, and everything
else that opens a way in is told to people. An event is judged by its own time: CloudTrail may bring it much later.

Source: CloudTrail User Guide, "AWS Management Console sign-in events"; IAM User Guide, "Track privileged tasks in AWS
CloudTrail".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rootkeeper.aws.cloudtrail import _LONGEST_ID, RootRecord, as_mapping, as_text, is_opening, parse_target_account
from rootkeeper.errors import SettingsError
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.rules import FINAL_STATES, RecoveryWindow, WindowState

_QUEUE_URL = re.compile(r"https?://[^/\s?#]+/(?P<account_id>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80}(\.fifo)?)")
"""Source: SQS Developer Guide, "Queue and message identifiers"."""


_REGION = re.compile(r"https?://(?:sqs(?:-fips)?\.|(?=[a-z0-9-]+\.queue\.))(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9])\.")


class WatchSourceKind(StrEnum):
    """What events are read from."""

    FILE = "file"
    QUEUE = "sqs"


@dataclass(frozen=True, slots=True)
class WatchSource:
    """A source that was configured."""

    kind: WatchSourceKind
    address: str
    """A queue's URL, or a file's path."""

    @property
    def name(self) -> str:
        """As a window says by what it is watched, and as messages name it."""
        shown = self.address.rpartition("/")[2] if self.kind is WatchSourceKind.QUEUE else self.address
        return f"{self.kind.value}:{shown}"

    @property
    def region(self) -> str | None:
        """Of a queue, where its URL tells it."""
        found = _REGION.match(self.address)
        return None if found is None else found["region"]


def parse_watch_source(text: str) -> WatchSource | None:
    """The source that the setting names; ``None`` if it is empty.

    :raises SettingsError: if it can't be understood.
    """
    if not text:
        return None
    kind, _, address = text.partition(":")
    is_queue = kind == WatchSourceKind.QUEUE.value and _QUEUE_URL.fullmatch(address) is not None
    if not is_queue and not (kind == WatchSourceKind.FILE.value and address):
        raise SettingsError(
            f"watching.source is {text[:120]!r}, which names no source of events.",
            hint="Write sqs:https://sqs.us-east-1.amazonaws.com/111122223333/QUEUE, or file:/path/to/events.jsonl.",
        )
    return WatchSource(WatchSourceKind(kind), address)


def find_watch_source_name(text: str) -> str | None:
    """The name of the source that the setting names; ``None`` if it is empty.

    :raises SettingsError: if it can't be understood.
    """
    source = parse_watch_source(text)
    return None if source is None else source.name


class RootEventKind(StrEnum):
    """Whose doing it is."""

    LONG_TERM_ROOT = "long_term_root"
    """A root user that signed in or tried to, or a root access key. Page."""
    OWN_ROOT_SESSION = "own_root_session"
    """A root session that the ledger tells of. Record."""
    STRANGE_ROOT_SESSION = "strange_root_session"
    """Any other root session, or an attempt at one. Page."""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A root session that the ledger tells of."""

    access_key_id: str
    account_id: AccountId
    caller_arn: str
    """Whose credentials opened it."""
    sequence: int
    """Of the entry."""


@dataclass(frozen=True, slots=True)
class RootEvent:
    """One record, judged."""

    kind: RootEventKind
    explanation: str
    """One sentence: what was found, or what is missing."""
    sequence: int | None = None
    """The entry of the ledger that exempts it."""

    @property
    def is_exempt(self) -> bool:
        """Whether nobody has to be woken."""
        return self.kind is RootEventKind.OWN_ROOT_SESSION


@dataclass(frozen=True, slots=True)
class KnownSessions:
    """What an exemption rests on."""

    sessions: Mapping[str, RecordedSession]
    """By access key id."""
    role_arns: Collection[str]
    """ARNs of IAM roles that open root sessions on purpose."""
    caller_arns: Collection[str] = ()
    """ARNs of principals that do, such as an IAM user's, or one session's of a role."""

    def knows_caller(self, arn: str) -> bool:
        """Whether a principal opens root sessions on purpose."""
        return arn in self.caller_arns or any(_is_session_of(arn, role_arn) for role_arn in self.role_arns)


def collect_sessions(
    entries: Iterable[LedgerEntry], organization_id: str, endpoint_label: str
) -> dict[str, RecordedSession]:
    """The root sessions of one organization at one endpoint, by access key id.

    Entries of other organizations don't count, nor do those of a sandbox for real records.
    """
    return {
        session.access_key_id: session
        for entry in entries
        if (entry.organization_id, entry.endpoint) == (organization_id, endpoint_label)
        for session in _list_sessions(entry)
    }


def _list_sessions(entry: LedgerEntry) -> Iterator[RecordedSession]:
    """A session is told by the outcome of its opening, or by that of the audit batch that it was part of."""
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


def classify_root_event(record: Mapping[str, Any], known: KnownSessions) -> RootEvent | None:
    """Whose doing a record is; ``None`` if neither a root user nor AssumeRoot is in it.

    :param record: one record as CloudTrail writes it, or the ``detail`` of an EventBridge event.
    """
    identity = as_mapping(record.get("userIdentity"))
    if identity.get("type") == "Root":
        if as_mapping(identity.get("sessionContext")).get("assumedRoot") == "true":
            return _classify_session(as_text(identity.get("accessKeyId")), as_text(identity.get("accountId")), known)
        if record.get("eventType") == "AwsServiceEvent" or "invokedBy" in identity:
            return None
        return RootEvent(RootEventKind.LONG_TERM_ROOT, _describe_long_term(record, identity))
    if is_opening(record):
        return _classify_opening(record, identity, known)
    return None


def is_opening_by_known_caller(record: Mapping[str, Any], known: KnownSessions) -> bool:
    """Whether a record is of AssumeRoot by a principal that opens root sessions on purpose; AWS may have refused it."""
    return is_opening(record) and _is_known(as_mapping(record.get("userIdentity")), known)


def _is_known(identity: Mapping[str, Any], known: KnownSessions) -> bool:
    return _find_issuer(identity) in known.role_arns or known.knows_caller(as_text(identity.get("arn")))


def _find_issuer(identity: Mapping[str, Any]) -> str:
    return as_text(as_mapping(as_mapping(identity.get("sessionContext")).get("sessionIssuer")).get("arn"))


def _classify_opening(record: Mapping[str, Any], identity: Mapping[str, Any], known: KnownSessions) -> RootEvent:
    caller = _find_issuer(identity) or as_text(identity.get("arn")) or "somebody unnamed"
    if not _is_known(identity, known):
        return _strange(f"AssumeRoot by {caller}, which isn't a known role.")
    credentials = as_mapping(as_mapping(record.get("responseElements")).get("credentials"))
    access_key_id = as_text(credentials.get("accessKeyId"))
    if not access_key_id:
        return _strange(f"AssumeRoot by {caller} was refused, so there is no session that the ledger could name.")
    return _classify_session(access_key_id, parse_target_account(record), known)


def _classify_session(access_key_id: str, account_id: str, known: KnownSessions) -> RootEvent:
    session = known.sessions.get(access_key_id)
    if session is None:
        return _strange(f"No entry of the ledger names the access key id {access_key_id or '(none)'}.")
    if session.account_id != account_id:
        return _strange(
            f"Entry {session.sequence} names {access_key_id} for account {session.account_id}, and not {account_id}."
        )
    if not known.knows_caller(session.caller_arn):
        return _strange(f"Entry {session.sequence} was written by {session.caller_arn}, which isn't a known role.")
    explanation = f"Entry {session.sequence} names {access_key_id}, opened by {session.caller_arn}."
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


def _describe_long_term(record: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    access_key_id = as_text(identity.get("accessKeyId"))
    how = f"with the access key {access_key_id}" if access_key_id.startswith("AKIA") else "signed in or signing in"
    return f"{as_text(record.get('eventName'))} by the root user of {as_text(identity.get('accountId'))}, {how}."


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
"""What a person does to get in, beside the sign-in itself."""


_NAMED = frozenset({_SIGN_IN, _KEY_CREATION, *_STEPS})


_NEVER_OPEN = frozenset(
    {WindowState.APPROVED, WindowState.CANCELLED, WindowState.DENIED, WindowState.LAPSED, WindowState.REQUESTED}
)


class EventVerdict(StrEnum):
    """What an event is, beside the account's windows."""

    EXPECTED = "expected"
    """Belongs to an open window."""
    SUSPICIOUS = "suspicious"
    """People are told."""
    UNRELATED = "unrelated"
    """Neither: our own root sessions, the work in an open window. It isn't kept."""


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """One event, as it was judged."""

    event_id: str
    """CloudTrail's."""
    account_id: AccountId
    at: datetime
    """When it happened, to the second."""
    name: str
    """CloudTrail's, such as ``ConsoleLogin``."""
    verdict: EventVerdict
    explanation: str
    """One sentence for a person."""
    window_id: str | None = None
    """The window that was open, or else the one that it came too early or too late for."""
    has_mfa: bool | None = None
    """Of a sign-in that succeeded, whether it was with MFA."""

    @property
    def alert_key(self) -> str:
        """People are told of each step once, of all that one session does once, and once an hour of what anybody can do
        who knows the account's e-mail address.
        """
        reported = f"{self.account_id} {self.window_id} {self.explanation}"
        if self._is_unidentified:
            reported = f"{self.account_id} {self.name} {self.at:%Y-%m-%dT%H}"
        elif self.name in {name for _, name in _NAMED}:
            reported = self.event_id
        return f"window-event:{hashlib.sha256(reported.encode()).hexdigest()[:32]}"

    @property
    def _is_unidentified(self) -> bool:
        """It takes no secret to ask for a mail, or to type a wrong password."""
        has_failed = self.name == _SIGN_IN[1] and self.has_mfa is None
        return has_failed or self.name == "PasswordRecoveryRequested"


@dataclass(frozen=True, slots=True)
class WatchedAccount:
    """What an account's events are held against."""

    windows: tuple[RecoveryWindow, ...] = ()
    first_closings: Mapping[str, datetime] = field(default_factory=dict)
    """By window: when a re-read showed it closed for the first time. One that is closed again tells the last time."""


def find_first_closings(entries: Iterable[LedgerEntry]) -> dict[str, datetime]:
    """By window: when the ledger has it closed for the first time.

    :param entries: of one account, in the order of their sequence.
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
    """What an event is.

    :param recorded: events of the account that were judged before.
    """
    evaluated = classify_root_event(found.record, known)
    if evaluated is None or evaluated.is_exempt:
        return _make(found, EventVerdict.UNRELATED, "" if evaluated is None else evaluated.explanation)
    window = _find_open(found.at, account)
    if evaluated.kind is RootEventKind.STRANGE_ROOT_SESSION:
        return _classify_strange(found, evaluated, known, window)
    if found.step == _KEY_CREATION:
        return _classify_key_creation(found, window or _find_near(found.at, account))
    if window is None:
        return _classify_outside(found, account)
    if found.step == _SIGN_IN:
        return _classify_sign_in(found, window, [one for one in recorded if one.window_id == window.window_id])
    if found.step in _STEPS:
        return _make(found, EventVerdict.EXPECTED, f"Expected while {_name(window)} is open.", window)
    return _make(found, EventVerdict.UNRELATED, "The work for which the window was opened.", window)


def _classify_strange(
    found: RootRecord, evaluated: RootEvent, known: KnownSessions, window: RecoveryWindow | None
) -> WatchedEvent:
    if not found.session_key_id and is_opening_by_known_caller(found.record, known):
        return _make(found, EventVerdict.UNRELATED, "AWS refused a known caller: there is no session.")
    explanation = f"A root session that the ledger doesn't tell of. {evaluated.explanation}"
    return _make(found, EventVerdict.SUSPICIOUS, explanation, window)


def _classify_key_creation(found: RootRecord, window: RecoveryWindow | None) -> WatchedEvent:
    user = as_mapping(found.record.get("requestParameters")).get("userName")
    whose = f"the IAM user {str(user)[:_LONGEST_ID]}" if user else "the root user itself"
    tried = "tried to create" if found.has_failed else "created"
    explanation = f"The root user {tried} an access key for {whose}: nothing that a recovery needs."
    return _make(found, EventVerdict.SUSPICIOUS, explanation, window)


def _classify_sign_in(found: RootRecord, window: RecoveryWindow, recorded: list[WatchedEvent]) -> WatchedEvent:
    """Before MFA is enrolled nobody can use it: so the first sign-in may be without, and only one."""
    if found.has_failed:
        return _make(found, EventVerdict.EXPECTED, f"A sign-in that failed while {_name(window)} is open.", window)
    sign_ins = [one for one in recorded if one.has_mfa is not None and one.event_id != found.event_id]
    first = next((one for one in sign_ins if not one.has_mfa and one.verdict is EventVerdict.EXPECTED), None)
    if found.has_mfa and first is not None and found.at < first.at:
        explanation = f"It came before the sign-in without MFA at {first.at:%H:%M:%S UTC}, which wasn't the first then."
        return _make(found, EventVerdict.SUSPICIOUS, explanation, window, has_mfa=True)
    if found.has_mfa:
        return _make(found, EventVerdict.EXPECTED, f"With MFA while {_name(window)} is open.", window, has_mfa=True)
    if first is not None or any(one.at <= found.at for one in sign_ins):
        explanation = f"A sign-in without MFA that wasn't the first one of {_name(window)}."
        return _make(found, EventVerdict.SUSPICIOUS, explanation, window, has_mfa=False)
    explanation = f"The first sign-in of {_name(window)}: before MFA is enrolled."
    return _make(found, EventVerdict.EXPECTED, explanation, window, has_mfa=False)


def _classify_outside(found: RootRecord, account: WatchedAccount) -> WatchedEvent:
    near = _find_near(found.at, account)
    when = _describe_distance(found.at, near, account)
    if found.step == _SIGN_IN:
        how = "tried to sign in and failed" if found.has_failed else f"signed in {_with_mfa(found)}"
        has_mfa = None if found.has_failed else found.has_mfa
        return _make(found, EventVerdict.SUSPICIOUS, f"Somebody {how} as the root user {when}.", near, has_mfa=has_mfa)
    if found.step in _STEPS:
        return _make(found, EventVerdict.SUSPICIOUS, f"A step into the root user's login {when}.", near)
    if near is None or near.state in _NEVER_OPEN:
        return _make(found, EventVerdict.UNRELATED, f"The root user acts {when}, in an account without a closed one.")
    key_id = str(as_mapping(found.record.get("userIdentity")).get("accessKeyId") or "without a key id")[:_LONGEST_ID]
    return _make(found, EventVerdict.SUSPICIOUS, f"The root user still acts, with {key_id}, {when}.", near)


def _with_mfa(found: RootRecord) -> str:
    return "with MFA" if found.has_mfa else "without MFA"


def _describe_distance(at: datetime, near: RecoveryWindow | None, account: WatchedAccount) -> str:
    if near is None:
        return "while no recovery window was open"
    if near.state in _NEVER_OPEN or at < (_start_of(near) or at):
        return f"before {_name(near)} was opened"
    end = _end_of(near, account)
    return f"after the end of {_name(near)}" + ("" if end is None else f" at {end:%Y-%m-%d %H:%M:%S UTC}")


def _find_open(at: datetime, account: WatchedAccount) -> RecoveryWindow | None:
    """The window that was open at that time."""
    for window in account.windows:
        start, end = _start_of(window), _end_of(window, account)
        if start is not None and start <= at and (end is None or at <= end):
            return window
    return None


def _find_near(at: datetime, account: WatchedAccount) -> RecoveryWindow | None:
    """The last one that was open before, or else one that isn't open yet, or wasn't then."""
    opened = [(start, window) for window in account.windows if (start := _start_of(window)) is not None]
    before = [window for start, window in sorted(opened, key=lambda one: one[0]) if start <= at]
    if before:
        return before[-1]
    later = [window for _, window in sorted(opened, key=lambda one: one[0])]
    waiting = [one for one in account.windows if one.state in _NEVER_OPEN - FINAL_STATES and one.requested_at <= at]
    return next(iter([*waiting, *later]), None)


def _start_of(window: RecoveryWindow) -> datetime | None:
    """To the second, as CloudTrail tells times; ``None`` if nothing was ever opened."""
    started = window.opened_at or window.opening_started_at
    return None if started is None or window.state in _NEVER_OPEN else started.replace(microsecond=0)


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
        explanation="".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in explanation),
        window_id=None if window is None else window.window_id,
        has_mfa=has_mfa,
    )
