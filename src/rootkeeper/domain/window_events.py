"""Events of root users, held against the recovery windows of their account.

An open window is a time in which a person may sign in as the root user, and nothing tells the right person from another
one who reads the same mailbox. So what that person does to get in is expected, once and in its order, and everything
else that opens a way in is told to people. An event is judged by its own time: CloudTrail may bring it much later.

Source: CloudTrail User Guide, "AWS Management Console sign-in events"; IAM User Guide, "Track privileged tasks in AWS
CloudTrail".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rootkeeper.domain.ledger import Action, LedgerEntry, Phase, Result
from rootkeeper.domain.organizations import AccountId, parse_account_id
from rootkeeper.domain.root_events import (
    KnownSessions,
    RootEvent,
    RootEventKind,
    classify_root_event,
    is_opening,
    is_opening_by_known_caller,
    parse_target_account,
)
from rootkeeper.domain.windows import FINAL_STATES, RecoveryWindow, WindowState
from rootkeeper.errors import InputError

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
_LONGEST_ID = 64
_PLAIN = re.compile(r"[!-~]{1,256}")


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


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A CloudTrail record in which a root user or AssumeRoot is, with what is needed of it."""

    event_id: str
    account_id: AccountId
    """Of the root user."""
    at: datetime
    source: str
    name: str
    record: Mapping[str, Any]

    @property
    def step(self) -> tuple[str, str]:
        return (self.source, self.name)

    @property
    def has_failed(self) -> bool:
        answer = self.record.get("responseElements")
        refused = isinstance(answer, Mapping) and answer.get(self.name) == "Failure"
        return refused or bool(self.record.get("errorCode")) or self.record.get("errorMessage") is not None

    @property
    def has_mfa(self) -> bool:
        more = self.record.get("additionalEventData")
        return isinstance(more, Mapping) and more.get("MFAUsed") == "Yes"

    @property
    def session_key_id(self) -> str | None:
        """The access key id of an assumed root session; ``None`` for anything else."""
        identity = _mapping(self.record.get("userIdentity"))
        if _mapping(identity.get("sessionContext")).get("assumedRoot") == "true":
            return str(identity.get("accessKeyId") or "")
        if self.name == "AssumeRoot":
            answer = _mapping(_mapping(self.record.get("responseElements")).get("credentials"))
            return str(answer.get("accessKeyId") or "")
        return None


def is_about_root(record: Mapping[str, Any]) -> bool:
    """Whether a root user acts in a record, or somebody opens a root session."""
    return _mapping(record.get("userIdentity")).get("type") == "Root" or is_opening(record)


def parse_root_record(record: Mapping[str, Any]) -> RootRecord:
    """What is needed of a record that ``is_about_root``.

    :raises ValueError: if it lacks its id, its time or its account.
    """
    event_id, name = str(record.get("eventID") or ""), str(record.get("eventName") or "")
    if not _PLAIN.fullmatch(event_id) or not _PLAIN.fullmatch(name):
        raise ValueError("A record has no eventID or no eventName, or one that CloudTrail doesn't write.")
    at = datetime.fromisoformat(str(record.get("eventTime")))
    if at.tzinfo is None:
        raise ValueError(f"Record {event_id[:_LONGEST_ID]} has a time without a zone.")
    return RootRecord(
        event_id=event_id if len(event_id) <= _LONGEST_ID else hashlib.sha256(event_id.encode()).hexdigest(),
        account_id=_parse_account(record, event_id),
        at=at.astimezone(UTC),
        source=str(record.get("eventSource") or ""),
        name=name,
        record=record,
    )


def _parse_account(record: Mapping[str, Any], event_id: str) -> AccountId:
    """Of AssumeRoot its target."""
    identity = _mapping(record.get("userIdentity"))
    found = identity.get("accountId") or record.get("recipientAccountId")
    if identity.get("type") != "Root":
        found = parse_target_account(record) or found
    try:
        return parse_account_id(str(found))
    except InputError as error:
        raise ValueError(f"Record {event_id[:_LONGEST_ID]} names no account.") from error


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
    user = _mapping(found.record.get("requestParameters")).get("userName")
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
    key_id = str(_mapping(found.record.get("userIdentity")).get("accessKeyId") or "without a key id")[:_LONGEST_ID]
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


def list_root_records(records: Iterable[Mapping[str, Any]]) -> Iterator[RootRecord]:
    """Those in which a root user or AssumeRoot is.

    :raises ValueError: if one of them lacks what is needed.
    """
    return (parse_root_record(record) for record in records if is_about_root(record))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
