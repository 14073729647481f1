"""Whose doing a CloudTrail record is: long-term root, a root session of ours, or a stranger's.

A root session shows as ``userIdentity.type = Root`` like a root user who has signed in, so alarms on root activity fire
at each audit. Exempting every root session would let strangers through. An exemption needs both: a role that is known
to open root sessions, and an entry of the ledger that names this session's access key id (promise P23). Whatever lacks
one of them is a stranger's; so is an attempt that AWS refused, since it has no key to match.

Source: IAM User Guide, "Track privileged tasks in AWS CloudTrail"; CloudTrail User Guide, "CloudTrail userIdentity
element".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rootkeeper.domain.ledger import Action, LedgerEntry, Phase
from rootkeeper.domain.organizations import AccountId


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
        named = _mapping(entry.parameters.get("sessions"))
    for account_id, access_key_id in named.items():
        if isinstance(access_key_id, str):
            yield RecordedSession(access_key_id, AccountId(account_id), entry.actor.caller_arn, entry.sequence)


def classify_root_event(record: Mapping[str, Any], known: KnownSessions) -> RootEvent | None:
    """Whose doing a record is; ``None`` if neither a root user nor AssumeRoot is in it.

    :param record: one record as CloudTrail writes it, or the ``detail`` of an EventBridge event.
    """
    identity = _mapping(record.get("userIdentity"))
    if identity.get("type") == "Root":
        if _mapping(identity.get("sessionContext")).get("assumedRoot") == "true":
            return _classify_session(_text(identity.get("accessKeyId")), _text(identity.get("accountId")), known)
        if record.get("eventType") == "AwsServiceEvent" or "invokedBy" in identity:
            return None
        return RootEvent(RootEventKind.LONG_TERM_ROOT, _describe_long_term(record, identity))
    if is_opening(record):
        return _classify_opening(record, identity, known)
    return None


def is_opening(record: Mapping[str, Any]) -> bool:
    """Whether a record is of AssumeRoot; AWS may have refused it."""
    return (record.get("eventSource"), record.get("eventName")) == ("sts.amazonaws.com", "AssumeRoot")


def parse_target_account(record: Mapping[str, Any]) -> str:
    """Of AssumeRoot's target, which is an account id or the ARN of its root user; empty if it has none."""
    target = _text(_mapping(record.get("requestParameters")).get("targetPrincipal"))
    return target.split(":")[4] if target.count(":") == 5 else target


def is_opening_by_known_caller(record: Mapping[str, Any], known: KnownSessions) -> bool:
    """Whether a record is of AssumeRoot by a principal that opens root sessions on purpose; AWS may have refused it."""
    return is_opening(record) and _is_known(_mapping(record.get("userIdentity")), known)


def _is_known(identity: Mapping[str, Any], known: KnownSessions) -> bool:
    return _find_issuer(identity) in known.role_arns or known.knows_caller(_text(identity.get("arn")))


def _find_issuer(identity: Mapping[str, Any]) -> str:
    return _text(_mapping(_mapping(identity.get("sessionContext")).get("sessionIssuer")).get("arn"))


def _classify_opening(record: Mapping[str, Any], identity: Mapping[str, Any], known: KnownSessions) -> RootEvent:
    caller = _find_issuer(identity) or _text(identity.get("arn")) or "somebody unnamed"
    if not _is_known(identity, known):
        return _strange(f"AssumeRoot by {caller}, which isn't a known role.")
    credentials = _mapping(_mapping(record.get("responseElements")).get("credentials"))
    access_key_id = _text(credentials.get("accessKeyId"))
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
    access_key_id = _text(identity.get("accessKeyId"))
    how = f"with the access key {access_key_id}" if access_key_id.startswith("AKIA") else "signed in or signing in"
    return f"{_text(record.get('eventName'))} by the root user of {_text(identity.get('accountId'))}, {how}."


def _strange(explanation: str) -> RootEvent:
    return RootEvent(RootEventKind.STRANGE_ROOT_SESSION, explanation)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
