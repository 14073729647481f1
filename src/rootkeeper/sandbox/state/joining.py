"""How accounts come and go: requests for new accounts, invitations, closures; all of them take the sandbox's time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

CREATION_TIME = timedelta(seconds=3)
"""How long CreateAccount stays in progress. AWS takes about a minute; a choice for people who wait."""
CLOSURE_TIME = timedelta(seconds=60)
"""How long an account is PENDING_CLOSURE: "a few minutes" on AWS."""
INVITATION_LIFETIME = timedelta(days=15)
"""Source: Organizations User Guide, "Inviting an AWS account to join your organization"."""
SHOWN_AFTER_END = timedelta(days=30)
"""How long ended handshakes are listed. Source: Organizations Handshake, API version 2016-11-28."""


class RequestState(StrEnum):
    """``State`` of a CreateAccount request."""

    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """One CreateAccount request; a changed one is another object."""

    request_id: str
    account_id: str
    """Which the account gets, if it comes to be."""
    name: str
    email: str
    role_name: str
    requested_at: datetime
    is_recoverable: bool
    """Whether its root user can be recovered by mail: not once RootCredentialsManagement is on."""
    tags: dict[str, str] = field(default_factory=dict)
    state: RequestState = RequestState.IN_PROGRESS
    completed_at: datetime | None = None
    failure_reason: str | None = None

    @property
    def due_at(self) -> datetime:
        return self.requested_at + CREATION_TIME

    def succeed(self) -> AccountRequest:
        return replace(self, state=RequestState.SUCCEEDED, completed_at=self.due_at)

    def fail(self, reason: str) -> AccountRequest:
        return replace(self, state=RequestState.FAILED, completed_at=self.due_at, failure_reason=reason)


class HandshakeState(StrEnum):
    """``State`` of a handshake; an invitation is never OPEN."""

    ACCEPTED = "ACCEPTED"
    CANCELED = "CANCELED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    REQUESTED = "REQUESTED"


@dataclass(frozen=True, slots=True)
class Handshake:
    """One invitation to an account outside the organization; a changed one is another object."""

    handshake_id: str
    account_id: str
    target_id: str
    """The account id or e-mail address that was invited."""
    requested_at: datetime
    notes: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    ended_state: HandshakeState | None = None
    ended_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        return self.requested_at + INVITATION_LIFETIME

    def state(self, now: datetime) -> HandshakeState:
        if self.ended_state:
            return self.ended_state
        return HandshakeState.REQUESTED if now < self.expires_at else HandshakeState.EXPIRED

    def is_shown(self, now: datetime) -> bool:
        return now < (self.ended_at or self.expires_at) + SHOWN_AFTER_END

    def end(self, state: HandshakeState, now: datetime) -> Handshake:
        return replace(self, ended_state=state, ended_at=now)
