"""The last check before a privileged request leaves: without a valid intent it isn't sent.

The check is a ``before-send`` handler of botocore, its last event before the request. So a wait for a token, for
credentials or for a signature comes before the check; only connecting comes after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from rootkeeper.domain.ledger import Action, Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import LockLostError
from rootkeeper.ports.clock import Clock


@dataclass(slots=True)
class AuthorizedCall:
    """One privileged call on its way."""

    intent: Intent
    clock: Clock
    has_left: bool = False
    """Whether a request has left, so that it may have acted."""

    def leave(self) -> None:
        """:raises LockLostError: if the intent is no longer valid; nothing leaves."""
        require_still_valid(self.intent, self.clock)
        self.has_left = True


_AUTHORIZED_CALL: ContextVar[AuthorizedCall | None] = ContextVar("departure", default=None)


@contextmanager
def authorize_calls(intent: Intent, clock: Clock) -> Iterator[AuthorizedCall]:
    """Within it, this thread's privileged calls leave on ``intent``."""
    authorized_call = AuthorizedCall(intent, clock)
    token = _AUTHORIZED_CALL.set(authorized_call)
    try:
        yield authorized_call
    finally:
        _AUTHORIZED_CALL.reset(token)


def require_authorized_call(**_: object) -> None:
    """The ``before-send`` handler of clients that make privileged calls.

    :raises RuntimeError: if the call was made without an intent.
    :raises LockLostError: if its intent is no longer valid.
    """
    authorized_call = _AUTHORIZED_CALL.get()
    if authorized_call is None:
        raise RuntimeError("a privileged call was about to leave without the receipt of its intent")
    authorized_call.leave()


def require_still_valid(intent: Intent, clock: Clock) -> None:
    """:raises LockLostError: if the writer's lease may have run out, by this process's time or by that of others."""
    is_past = intent.valid_until_at is not None and intent.valid_until_at <= clock.now()
    if is_past or intent.valid_until <= clock.monotonic():
        raise LockLostError(
            f"The right to act on intent {intent.sequence} ({intent.action}) has run out; nothing was sent.",
            hint="Run the command again; it reads first what was done.",
        )


def require_intent_fits(intent: Intent, action: Action, account_id: AccountId | None) -> None:
    """:raises ValueError: if the receipt is of another action or account, which is a bug."""
    if intent.action is not action or intent.account_id != account_id:
        raise ValueError(f"the intent is of {intent.action} on {intent.account_id}, not {action} on {account_id}")
