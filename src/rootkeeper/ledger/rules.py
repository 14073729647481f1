"""Ledger entries, intents and outcomes, in a chain of hashes; and the check of the chain.

The hash of an entry covers every other field, with the hash of the entry before it. Source of the canonical form: RFC
8785. The check reads a stream with one entry of look-ahead, so that a ledger of any length takes little memory.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from rootkeeper.organization.accounts import AccountId
from rootkeeper.shapes import Count, Endpoint, Ordinal, OrganizationId, Sha256
from rootkeeper.values import JsonValue, dump_json, render_time, to_plain_json

GENESIS_HASH = "0" * 64
"""The hash before the first entry."""


class Phase(StrEnum):
    """An intent is on disk before its call is sent; its outcome follows. A fact without an AWS call is an outcome
    without an intent.
    """

    INTENT = "intent"
    OUTCOME = "outcome"


class ActorKind(StrEnum):
    """How the actor was authenticated."""

    SELF_ASSERTED = "self_asserted"
    SERVER = "server"
    """The program itself, such as at the end of a window."""
    SIGNED_IN = "signed_in"
    TOKEN = "token"  # noqa: S105 - a kind's name


class Action(StrEnum):
    """What was done, ``resource:action``, alphabetical."""

    ACCESS_KEY_DELETE = "access_key:delete"
    ACCOUNTS_AUDIT = "accounts:audit"
    BUCKET_POLICY_DELETE = "bucket_policy:delete"
    BUCKET_POLICY_PUT = "bucket_policy:put"
    BUCKET_POLICY_SAVE = "bucket_policy:save"
    CONTROL_ATTEST = "control:attest"
    DELEGATED_ADMINISTRATOR_DEREGISTER = "delegated_administrator:deregister"
    DELEGATED_ADMINISTRATOR_REGISTER = "delegated_administrator:register"
    EMAIL_ATTEST = "email:attest"
    EMAIL_UPDATE_ACCEPT = "email_update:accept"
    EMAIL_UPDATE_APPROVE = "email_update:approve"
    EMAIL_UPDATE_START = "email_update:start"
    EXCEPTION_ADD = "exception:add"
    EXCEPTION_REMOVE = "exception:remove"
    FAILSAFE_ATTEST = "failsafe:attest"
    FAILSAFE_CHECK = "failsafe:check"
    FAILSAFE_DRILL = "failsafe:drill"
    FEATURE_DISABLE = "feature:disable"
    FEATURE_ENABLE = "feature:enable"
    FINDINGS_IMPORT = "findings:import"
    IDENTITY_ADD = "identity:add"
    IDENTITY_CHANGE = "identity:change"
    JOB_CANCEL = "job:cancel"
    JOB_REQUEST = "job:request"
    LEDGER_ADOPT = "ledger:adopt"
    LEDGER_IMPORT = "ledger:import"
    LOGIN_PROFILE_CREATE = "login_profile:create"
    LOGIN_PROFILE_DELETE = "login_profile:delete"
    MFA_DEVICE_DEACTIVATE = "mfa_device:deactivate"
    ORGANIZATION_ADD = "organization:add"
    ORGANIZATION_REMOVE = "organization:remove"
    QUEUE_POLICY_SAVE = "queue_policy:save"
    QUEUE_POLICY_SET = "queue_policy:set"
    REPORT_SEND = "report:send"
    ROOT_SESSION_OPEN = "root_session:open"
    SETTING_CHANGE = "setting:change"
    SETUP_ACCEPT = "setup:accept"
    SIGNING_CERTIFICATE_DELETE = "signing_certificate:delete"
    SPILL_MERGE = "spill:merge"
    TRUSTED_ACCESS_DISABLE = "trusted_access:disable"
    TRUSTED_ACCESS_ENABLE = "trusted_access:enable"
    WINDOW_ACTIVATE = "window:activate"
    WINDOW_APPROVE = "window:approve"
    WINDOW_CANCEL = "window:cancel"
    WINDOW_CLOSE = "window:close"
    WINDOW_DENY = "window:deny"
    WINDOW_EVENT = "window:event"
    WINDOW_EXTEND = "window:extend"
    WINDOW_KEEP = "window:keep"
    WINDOW_LAPSE = "window:lapse"
    WINDOW_OPEN = "window:open"
    WINDOW_REQUEST = "window:request"
    WINDOW_REREAD = "window:reread"
    WINDOW_REVIEW = "window:review"


class Result(StrEnum):
    """The result of an intent."""

    DONE = "done"
    """Done, according to AWS's answer or a re-read."""
    FAILED = "failed"
    """Not done, according to AWS's answer or a re-read."""
    UNKNOWN = "unknown"
    """Neither is proven."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and how it was authenticated."""

    name: str
    kind: ActorKind
    caller_arn: str | None = None
    """The AWS principal whose credentials were used."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry's content, before it is in a chain."""

    at: datetime
    organization_id: OrganizationId
    endpoint: Endpoint
    actor: Actor
    action: Action
    account_id: AccountId | None
    """``None`` where it concerns the organization or several accounts."""
    parameters: Mapping[str, JsonValue]
    """Never a secret; other fields for each action."""
    phase: Phase
    owner_id: str
    """The process that wrote it."""
    intent_sequence: Count | None = None
    """Of an outcome, the intent that it ends."""
    result: Result | None = None
    """``None`` for an intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Draft):
    """A line of the ledger."""

    sequence: Ordinal
    """From 1, without gaps."""
    previous_hash: Sha256
    entry_hash: Sha256
    """Over the canonical JSON (RFC 8785) of all other fields."""


@dataclass(frozen=True, slots=True)
class Intent:
    """The receipt of an intent that is on disk. A privileged call requires it."""

    sequence: int
    action: Action
    account_id: AccountId | None
    valid_until: float
    """Monotonic seconds: after it the writer's lease may have ended, and the call must not be sent."""
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    valid_until_at: datetime | None = None
    """The same by the wall clock, which other processes use; it may be set forward."""
    request_ids: list[str] = field(default_factory=list, compare=False)
    """AWS's ids of the changing requests that it answered. The gateway adds them; the outcome has the last id."""

    def note_request(self, request_id: str) -> None:
        """Note AWS's id of a request that was answered."""
        if request_id:
            self.request_ids.append(request_id)

    def describe_outcome(self, details: Mapping[str, JsonValue] | None) -> Mapping[str, JsonValue] | None:
        """Add AWS's request id, by which CloudTrail and AWS Support find the request; an id in ``details`` is kept."""
        if not self.request_ids:
            return details
        return {"request_id": self.request_ids[-1], **(details or {})}


_SECRET_WORDS = ("password", "passwd", "secret", "token")

_HARMLESS_ENDINGS = ("_at", "_count", "_id", "_name")
"""``password_last_used_at`` and ``token_name`` concern a secret, but don't contain it."""

_WORDS_OF_A_RESULT = frozenset(
    {"absent", "already_absent", "created", "deleted", "done", "failed", "kept", "present", "skipped", "unknown"}
)
"""Texts that are allowed under ``password``: whether there is a password, and the action's result."""


def require_no_secrets(parameters: JsonValue, key: str = "") -> None:
    """Refuse text under a key that is named like a secret.

    :raises ValueError: if there is such a text, which is a bug of the program.
    """
    if isinstance(parameters, Mapping):
        for name, value in parameters.items():
            lowered = name.lower()
            is_secret = any(word in lowered for word in _SECRET_WORDS) and not lowered.endswith(_HARMLESS_ENDINGS)
            require_no_secrets(value, name if is_secret else "")
    elif isinstance(parameters, str):
        if key and parameters not in _WORDS_OF_A_RESULT:
            raise ValueError(f"The ledger takes no secrets, but a parameter is named {key!r}.")
    elif isinstance(parameters, Sequence):
        for value in parameters:
            require_no_secrets(value, key)


_DRAFT_FIELDS = tuple(draft_field.name for draft_field in fields(Draft))


def chain_entry(draft: Draft, sequence: int, previous_hash: str) -> LedgerEntry:
    """Make the entry that follows the entry with ``previous_hash``."""
    content: dict[str, Any] = {name: getattr(draft, name) for name in _DRAFT_FIELDS}
    unhashed = LedgerEntry(**content, sequence=sequence, previous_hash=previous_hash, entry_hash="")
    return replace(unhashed, entry_hash=compute_entry_hash(unhashed))


def compute_entry_hash(entry: LedgerEntry) -> str:
    """Compute SHA-256, in hexadecimal, of the canonical form of every field except ``entry_hash``."""
    content = describe_entry(entry)
    del content["entry_hash"]
    return hashlib.sha256(dump_json(content)).hexdigest()


def render_entry(entry: LedgerEntry) -> str:
    """Render the entry as a line of canonical JSON, without the end of line."""
    return dump_json(describe_entry(entry)).decode()


def parse_entry(text: str) -> LedgerEntry:
    """Read an entry that :func:`render_entry` wrote.

    :raises ValueError: if it isn't an entry.
    """
    try:
        return make_entry(json.loads(text))
    except (KeyError, TypeError) as error:
        raise ValueError(f"Not a ledger entry: {error!r}") from error


def make_entry(described: Mapping[str, Any]) -> LedgerEntry:
    """Make the entry that :func:`describe_entry` described.

    :raises KeyError: if a field is missing.
    :raises TypeError: and ValueError, if a field isn't valid.
    """
    actor, result = described["actor"], described["result"]
    return LedgerEntry(
        sequence=int(described["sequence"]),
        at=datetime.fromisoformat(described["at"]),
        organization_id=described["organization_id"],
        endpoint=described["endpoint"],
        actor=Actor(name=actor["name"], kind=ActorKind(actor["kind"]), caller_arn=actor["caller_arn"]),
        action=Action(described["action"]),
        account_id=described["account_id"],
        parameters=described["parameters"],
        phase=Phase(described["phase"]),
        owner_id=described["owner_id"],
        intent_sequence=described["intent_sequence"],
        result=None if result is None else Result(result),
        previous_hash=described["previous_hash"],
        entry_hash=described["entry_hash"],
    )


def describe_entry(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": render_time(entry.at),
        "organization_id": entry.organization_id,
        "endpoint": entry.endpoint,
        "actor": {"name": entry.actor.name, "kind": entry.actor.kind.value, "caller_arn": entry.actor.caller_arn},
        "action": entry.action.value,
        "account_id": entry.account_id,
        "parameters": to_plain_json(entry.parameters),
        "phase": entry.phase.value,
        "owner_id": entry.owner_id,
        "intent_sequence": entry.intent_sequence,
        "result": None if entry.result is None else entry.result.value,
        "previous_hash": entry.previous_hash,
        "entry_hash": entry.entry_hash,
    }


_SEARCHED_DISTANCE = 500
"""How far from its place an entry's true sequence is searched."""


class ChainBreakKind(StrEnum):
    """How the ledger was changed, according to the chain."""

    EDITED = "edited"
    INSERTED = "inserted"
    REMOVED = "removed"
    REORDERED = "reordered"
    UNMATCHED = "unmatched"
    """An outcome without its intent, or a second outcome."""


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry that breaks the chain."""

    sequence: int
    kind: ChainBreakKind
    problem: str
    """A sentence for a person."""


class OpenIntents:
    """Intents seen so far that have no outcome yet."""

    def __init__(self) -> None:
        self._sequences: set[int] = set()

    def accept(self, entry: LedgerEntry) -> bool:
        """Take the next entry; ``False`` if it is an outcome of an intent that isn't open."""
        if entry.phase is Phase.INTENT:
            self._sequences.add(entry.sequence)
            return True
        if entry.intent_sequence is None:
            return True
        if entry.intent_sequence not in self._sequences:
            return False
        self._sequences.remove(entry.intent_sequence)
        return True

    def sequences(self) -> frozenset[int]:
        return frozenset(self._sequences)


def find_first_chain_break(
    entries: Iterable[LedgerEntry],
    open_intents: OpenIntents | None = None,
    *,
    checks_outcomes: bool = True,
    after: tuple[int, str] = (0, GENESIS_HASH),
) -> ChainBreak | None:
    """Find the first entry that breaks the chain; ``None`` if there is none.

    :param entries: the entries after ``after``, in their stored order.
    :param open_intents: contains the intents without an outcome afterwards.
    :param checks_outcomes: ``False`` for a part of a ledger, because its intents may be elsewhere.
    :param after: sequence and hash of the entry before ``entries``.
    """
    intents = OpenIntents() if open_intents is None else open_intents
    stream = iter(entries)
    accepted = _VerifiedEntries(*after)
    entry = next(stream, None)
    while entry is not None:
        following = next(stream, None)
        if not accepted.is_continued_by(entry):
            return _make_chain_break(entry, accepted, following, stream)
        if checks_outcomes and not intents.accept(entry):
            ended = f"Entry {entry.sequence} ends intent {entry.intent_sequence}"
            problem = f"{ended}, which isn't there or was ended before."
            return ChainBreak(entry.sequence, ChainBreakKind.UNMATCHED, problem)
        accepted.add(entry)
        entry = following
    return None


class _VerifiedEntries:
    """The last verified entries; earlier entries aren't kept."""

    def __init__(self, last_sequence: int, last_hash: str) -> None:
        self.expected_sequence = last_sequence + 1
        self.head_hash = last_hash
        self._recent_hashes: deque[str] = deque(maxlen=_SEARCHED_DISTANCE)

    def is_continued_by(self, entry: LedgerEntry) -> bool:
        place = (entry.sequence, entry.previous_hash)
        return place == (self.expected_sequence, self.head_hash) and _is_hashed_as(entry, None)

    def add(self, entry: LedgerEntry) -> None:
        self.expected_sequence = entry.sequence + 1
        self.head_hash = entry.entry_hash
        self._recent_hashes.append(entry.entry_hash)

    def __contains__(self, entry: LedgerEntry) -> bool:
        return entry.entry_hash in self._recent_hashes


def _is_hashed_as(entry: LedgerEntry | None, sequence: int | None) -> bool:
    """Whether the hash matches the entry, at its own or another place."""
    if entry is None:
        return False
    placed = entry if sequence is None else replace(entry, sequence=sequence)
    try:
        return compute_entry_hash(placed) == entry.entry_hash
    except ValueError:  # an edited entry may have no canonical form
        return False


def _make_chain_break(
    entry: LedgerEntry, accepted: _VerifiedEntries, following: LedgerEntry | None, rest: Iterator[LedgerEntry]
) -> ChainBreak:
    expected = accepted.expected_sequence
    if entry.sequence != expected:
        return _misplaced(entry, expected, following, rest)
    if _is_hashed_as(entry, None):
        # It matches its hash, but its previous hash belongs to another entry.
        is_followed = following is not None and following.previous_hash == entry.entry_hash
        suspect = entry.sequence - 1 if entry.sequence > 1 and is_followed else entry.sequence
        problem = f"Entry {suspect} was replaced: entry {entry.sequence} isn't chained to the entry before it."
        return ChainBreak(suspect, ChainBreakKind.EDITED, problem)
    true_sequence = _find_true_sequence(entry)
    if true_sequence is None:
        return _foreign(entry, accepted.head_hash, following)
    if true_sequence > expected:
        if following is None or _is_hashed_as(following, following.sequence + true_sequence - expected):
            problem = f"Entry {expected} was removed: the entry in its place was written as entry {true_sequence}."
            return ChainBreak(expected, ChainBreakKind.REMOVED, problem)
        problem = f"Entries were reordered: the entry at {expected} was written as entry {true_sequence}."
        return ChainBreak(expected, ChainBreakKind.REORDERED, problem)
    if entry in accepted:
        problem = f"Entry {expected} was inserted: it repeats entry {true_sequence}."
        return ChainBreak(expected, ChainBreakKind.INSERTED, problem)
    problem = f"Entry {true_sequence} was inserted: the one at {expected} was written as entry {true_sequence}."
    return ChainBreak(true_sequence, ChainBreakKind.INSERTED, problem)


def _misplaced(
    entry: LedgerEntry, expected: int, following: LedgerEntry | None, rest: Iterator[LedgerEntry]
) -> ChainBreak:
    if entry.sequence < expected:
        problem = f"Entry {entry.sequence} appears a second time, after entry {expected - 1}."
        return ChainBreak(entry.sequence, ChainBreakKind.INSERTED, problem)
    later = following is not None and following.sequence == expected
    if later or any(candidate.sequence == expected for candidate in rest):
        problem = f"Entries were reordered: entry {entry.sequence} is at the place of entry {expected}."
        return ChainBreak(expected, ChainBreakKind.REORDERED, problem)
    last = entry.sequence - 1
    problem = f"Entry {expected} was removed." if last == expected else f"Entries {expected} to {last} were removed."
    return ChainBreak(expected, ChainBreakKind.REMOVED, problem)


def _foreign(entry: LedgerEntry, head_hash: str, following: LedgerEntry | None) -> ChainBreak:
    """The hash never matched the content: the entry was edited, or inserted at the place of the next entry."""
    if following is not None and following.previous_hash == head_hash and _is_hashed_as(following, entry.sequence):
        problem = f"Entry {entry.sequence} was inserted: the one after it was written for its place."
        return ChainBreak(entry.sequence, ChainBreakKind.INSERTED, problem)
    problem = f"Entry {entry.sequence} was edited: its hash isn't that of its content."
    return ChainBreak(entry.sequence, ChainBreakKind.EDITED, problem)


def _find_true_sequence(entry: LedgerEntry) -> int | None:
    for distance in range(1, _SEARCHED_DISTANCE + 1):
        for sequence in (entry.sequence - distance, entry.sequence + distance):
            if sequence > 0 and _is_hashed_as(entry, sequence):
                return sequence
    return None


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """The result of a check of the whole ledger."""

    entries: int
    head_sequence: int
    head_hash: str
    first_bad_sequence: int | None
    """The first entry that breaks the chain; ``None`` if there is none."""
    problem: str | None
    """In a sentence. For a copy of the ledger, a second sentence gives advice."""
    anchored_sequence: int | None
    """The last head in the anchor; ``None`` without an anchor."""
    missing_memory: str | None = None
    """In two sentences, that the memory of the copies is missing; ``None`` if it isn't. The ledger can be intact."""
    further_problems: tuple[str, ...] = ()
    """In a sentence each: of an intact chain, several rows of the database may contradict the entries."""

    @property
    def is_intact(self) -> bool:
        return self.problem is None

    @property
    def shows_loss(self) -> bool:
        """Whether a copy of the ledger is lost, which an adoption records."""
        return self.problem is not None and self.problem.endswith(LOSS_ADVICE)


LOSS_ADVICE = "Put it back from a backup, or record its loss: adopt the ledger."
"""The end of a problem with a copy of the ledger."""


def verification_to_record(found: LedgerVerification) -> dict[str, JsonValue]:
    """Return the outcome of a verification's job."""
    findings: list[JsonValue] = []
    if found.problem is not None:
        findings.append({"seq": found.first_bad_sequence, "what": found.problem})
    findings += [{"seq": None, "what": problem} for problem in found.further_problems]
    return {
        "schema_version": 1,
        "is_intact": found.is_intact,
        "entries": found.entries,
        "head": {"seq": found.head_sequence, "hash": found.head_hash},
        "anchored_seq": found.anchored_sequence,
        "missing_memory": found.missing_memory,
        "findings": findings,
    }


def verification_from_record(record: Mapping[str, Any]) -> LedgerVerification:
    """Read a record that ``verification_to_record`` wrote.

    :raises ValueError: if it contradicts itself.
    """
    first = next(iter(record["findings"]), None)
    verification = LedgerVerification(
        entries=int(record["entries"]),
        head_sequence=int(record["head"]["seq"]),
        head_hash=str(record["head"]["hash"]),
        first_bad_sequence=None if first is None or first["seq"] is None else int(first["seq"]),
        problem=None if first is None else str(first["what"]),
        anchored_sequence=None if record["anchored_seq"] is None else int(record["anchored_seq"]),
        missing_memory=record.get("missing_memory"),  # not in records of 0.1
        further_problems=tuple(str(finding["what"]) for finding in record["findings"][1:]),
    )
    if verification.is_intact is not record["is_intact"]:
        raise ValueError("intact is what has no finding")
    return verification
