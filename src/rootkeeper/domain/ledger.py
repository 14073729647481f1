"""Ledger entries: what was intended and what came of it, chained so that edits show.

Source of the canonical form: RFC 8785. The hash of an entry covers every field but itself, the hash of the entry
before it included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

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
    SIGNED_IN = "signed_in"
    TOKEN = "token"  # noqa: S105 - a kind's name


class Action(StrEnum):
    """What was done, ``resource:action``, alphabetical."""

    ACCESS_KEY_DELETE = "access_key:delete"
    ACCOUNTS_AUDIT = "accounts:audit"
    DELEGATED_ADMINISTRATOR_DEREGISTER = "delegated_administrator:deregister"
    DELEGATED_ADMINISTRATOR_REGISTER = "delegated_administrator:register"
    EXCEPTION_ADD = "exception:add"
    EXCEPTION_REMOVE = "exception:remove"
    FEATURE_DISABLE = "feature:disable"
    FEATURE_ENABLE = "feature:enable"
    LEDGER_ADOPT = "ledger:adopt"
    LOGIN_PROFILE_CREATE = "login_profile:create"
    LOGIN_PROFILE_DELETE = "login_profile:delete"
    MFA_DEVICE_DEACTIVATE = "mfa_device:deactivate"
    ROOT_SESSION_OPEN = "root_session:open"
    SIGNING_CERTIFICATE_DELETE = "signing_certificate:delete"
    SPILL_MERGE = "spill:merge"
    TRUSTED_ACCESS_DISABLE = "trusted_access:disable"
    TRUSTED_ACCESS_ENABLE = "trusted_access:enable"
    WINDOW_CLOSE = "window:close"
    WINDOW_OPEN = "window:open"
    WINDOW_REQUEST = "window:request"


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
