"""Ledger entries: what was intended and what came of it, chained so that edits show.

Source of the canonical form: RFC 8785. The hash of an entry covers every field but itself, the hash of the entry
before it included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from rootkeeper.domain.organizations import AccountId

GENESIS_HASH = "0" * 64
"""What the first entry is chained to."""

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


class Phase(StrEnum):
    """An intent is on disk before its call leaves; its outcome follows. A fact that needs no AWS call is an outcome
    without an intent.
    """

    INTENT = "intent"
    OUTCOME = "outcome"


class ActorKind(StrEnum):
    """How the actor is known."""

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
    DELEGATED_ADMINISTRATOR_DEREGISTER = "delegated_administrator:deregister"
    DELEGATED_ADMINISTRATOR_REGISTER = "delegated_administrator:register"
    EMAIL_ATTEST = "email:attest"
    EMAIL_UPDATE_ACCEPT = "email_update:accept"
    EMAIL_UPDATE_START = "email_update:start"
    EXCEPTION_ADD = "exception:add"
    EXCEPTION_REMOVE = "exception:remove"
    FAILSAFE_DRILL = "failsafe:drill"
    FEATURE_DISABLE = "feature:disable"
    FEATURE_ENABLE = "feature:enable"
    IDENTITY_ADD = "identity:add"
    IDENTITY_CHANGE = "identity:change"
    JOB_CANCEL = "job:cancel"
    JOB_REQUEST = "job:request"
    LEDGER_ADOPT = "ledger:adopt"
    LEDGER_IMPORT = "ledger:import"
    LOGIN_PROFILE_CREATE = "login_profile:create"
    LOGIN_PROFILE_DELETE = "login_profile:delete"
    MFA_DEVICE_DEACTIVATE = "mfa_device:deactivate"
    QUEUE_POLICY_SAVE = "queue_policy:save"
    QUEUE_POLICY_SET = "queue_policy:set"
    ROOT_SESSION_OPEN = "root_session:open"
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
    """What came of an intent."""

    DONE = "done"
    """Done, and shown by AWS's answer or a re-read."""
    FAILED = "failed"
    """Refused or not done, as far as AWS's answer or a re-read shows."""
    UNKNOWN = "unknown"
    """Neither can be shown."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and how that is known."""

    name: str
    kind: ActorKind
    caller_arn: str | None = None
    """The AWS principal whose credentials are used; ``None`` where no AWS call is made."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the ledger."""

    sequence: int
    """From 1, without gaps."""
    at: datetime
    organization_id: str
    endpoint: str
    actor: Actor
    action: Action
    account_id: AccountId | None
    """The target; ``None`` where the action concerns the organization or several accounts."""
    parameters: Mapping[str, JsonValue]
    """Secrets never."""
    phase: Phase
    owner_id: str
    """The process that wrote it; its lease tells whether it may still be acting."""
    intent_sequence: int | None
    """For an outcome, the intent that it ends; at most one outcome each."""
    result: Result | None
    """``None`` for an intent."""
    previous_hash: str
    entry_hash: str


@dataclass(frozen=True, slots=True)
class Intent:
    """The receipt of an intent that is on disk. A privileged call asks for one, so none can leave without it."""

    sequence: int
    action: Action
    account_id: AccountId | None
    valid_until: float
    """Monotonic seconds: after it the writer's lease may have run out, and the call must not leave any more."""
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    valid_until_at: datetime | None = None
    """The same by the wall clock, by which others judge the lease: it may be set forward meanwhile."""


_SECRET_WORDS = ("password", "passwd", "secret", "token")
_HARMLESS_ENDINGS = ("_at", "_count", "_id", "_name")
"""``password_last_used_at`` and ``token_name`` tell of a secret without being one."""
_WORDS_OF_A_RESULT = frozenset(
    {"absent", "already_absent", "created", "deleted", "done", "failed", "kept", "present", "skipped", "unknown"}
)
"""What may be said under ``password``: whether there is one, and what became of it."""


def canonical_json(value: JsonValue) -> str:
    """Write ``value`` as RFC 8785 does: one text for one value.

    :raises ValueError: if it can't be written so: an integer beyond 2**53, a number that isn't finite, broken text.
    """
    return _dump(_plain(value)).decode()


def _dump(plain: Any) -> bytes:
    if _is_simple(plain):
        return _SIMPLE_ENCODER.encode(plain).encode()
    import rfc8785  # here, since most commands hash nothing

    return rfc8785.dumps(plain)


_SIMPLE_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Writes simple values as RFC 8785 does, and many times faster than code that writes any."""
_INTEGER_LIMIT = 2**53


def _is_simple(value: Any) -> bool:
    """Whether nothing in it needs RFC 8785's rules for numbers, for other characters or for their order."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_simple(item) for key, item in value.items())
    if kind is list:
        return all(map(_is_simple, value))
    if kind is int:
        return bool(-_INTEGER_LIMIT < value < _INTEGER_LIMIT)
    return value is None or kind is bool


def _plain(value: JsonValue) -> Any:
    """Any mapping as a dict, any sequence as a list."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def require_no_secrets(parameters: JsonValue, key: str = "") -> None:
    """Refuse text under a key that is named like a secret: what can't be recorded can't leak.

    :raises ValueError: if there is some. That is a mistake in the program, not of its user.
    """
    if isinstance(parameters, Mapping):
        for name, value in parameters.items():
            require_no_secrets(value, name if _names_a_secret(name) else "")
    elif isinstance(parameters, str):
        if key and parameters not in _WORDS_OF_A_RESULT:
            raise ValueError(f"The ledger takes no secrets, but a parameter is named {key!r}.")
    elif isinstance(parameters, Sequence):
        for value in parameters:
            require_no_secrets(value, key)


def _names_a_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in _SECRET_WORDS) and not lowered.endswith(_HARMLESS_ENDINGS)


def compute_entry_hash(entry: LedgerEntry) -> str:
    """SHA-256, in hexadecimal, of the canonical form of every field but ``entry_hash``."""
    content = _describe_entry(entry)
    del content["entry_hash"]
    return hashlib.sha256(_dump(content)).hexdigest()


def render_entry(entry: LedgerEntry) -> str:
    """One line of canonical JSON, without its end of line."""
    return _dump(_describe_entry(entry)).decode()


def parse_entry(text: str) -> LedgerEntry:
    """Read what :func:`render_entry` wrote.

    :raises ValueError: if it isn't an entry.
    """
    fields = json.loads(text)
    try:
        actor = fields["actor"]
        return LedgerEntry(
            sequence=int(fields["sequence"]),
            at=datetime.fromisoformat(fields["at"]),
            organization_id=fields["organization_id"],
            endpoint=fields["endpoint"],
            actor=Actor(name=actor["name"], kind=ActorKind(actor["kind"]), caller_arn=actor["caller_arn"]),
            action=Action(fields["action"]),
            account_id=fields["account_id"],
            parameters=fields["parameters"],
            phase=Phase(fields["phase"]),
            owner_id=fields["owner_id"],
            intent_sequence=fields["intent_sequence"],
            result=None if fields["result"] is None else Result(fields["result"]),
            previous_hash=fields["previous_hash"],
            entry_hash=fields["entry_hash"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"Not a ledger entry: {error!r}") from error


def render_time(at: datetime) -> str:
    """UTC with microseconds and ``Z``: always 27 characters, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _describe_entry(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": render_time(entry.at),
        "organization_id": entry.organization_id,
        "endpoint": entry.endpoint,
        "actor": {"name": entry.actor.name, "kind": entry.actor.kind.value, "caller_arn": entry.actor.caller_arn},
        "action": entry.action.value,
        "account_id": entry.account_id,
        "parameters": _plain(entry.parameters),
        "phase": entry.phase.value,
        "owner_id": entry.owner_id,
        "intent_sequence": entry.intent_sequence,
        "result": None if entry.result is None else entry.result.value,
        "previous_hash": entry.previous_hash,
        "entry_hash": entry.entry_hash,
    }
