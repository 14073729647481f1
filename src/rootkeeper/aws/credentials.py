"""Which credentials sign a call, and which intent authorizes it.

A server calls AWS for many users, each with sessions of roles that carry the user's name. A client for each of them
would cost 15 MB and a quarter of a second, so they share clients. A shared client has no credential chain. It signs
with the credentials that the call has entered, and raises if there are none: no call is signed in another user's name.

The same holds for root sessions. ``UserName`` is left out of the calls that delete root user credentials, so a call
that the operator's credentials signed would delete the operator's own keys.

A privileged request is sent only with a valid intent. The check is the last ``before-send`` handler of botocore: waits
for a token, for credentials or for a signature come before it; only connecting comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol

from botocore.credentials import (
    CachedCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    ReadOnlyCredentials,
    RefreshableCredentials,
)
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.tokens import TokenProviderChain

from rootkeeper.clock import Clock
from rootkeeper.errors import LockLostError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
"""Error codes for expired credentials of a call."""


class OperatorCredentials(Protocol):
    """Credentials that renew themselves; safe in many threads."""

    def freeze(self) -> ReadOnlyCredentials:
        """Return the credentials that are valid now.

        :raises AwsCredentialsError: if there are none.
        """
        ...

    def give_up(self) -> None:
        """Drop credentials that AWS calls expired, so that the next call renews them."""
        ...


class NoOperatorError(RuntimeError):
    """A shared client was used without credentials. Nothing was sent. It is a bug."""


_ENTERED: ContextVar[OperatorCredentials | None] = ContextVar("operator_credentials", default=None)


@contextmanager
def signed_by(credentials: OperatorCredentials) -> Iterator[None]:
    """Have the shared clients of this thread sign with ``credentials``."""
    token = _ENTERED.set(credentials)
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in EXPIRED_CODES:
            credentials.give_up()
        raise
    finally:
        _ENTERED.reset(token)


class _EnteredCredentials(Credentials):
    """Looks like long-lived credentials to botocore, and is looked up again for each signature."""

    def __init__(self, method: str, find: Callable[[], ReadOnlyCredentials]) -> None:
        super().__init__("", "", None, method=method)
        self._find = find

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._find()


class _EnteredProvider(CredentialProvider):
    def __init__(self, method: str, find: Callable[[], ReadOnlyCredentials]) -> None:
        super().__init__()
        self.METHOD = self.CANONICAL_NAME = self._method = method
        self._find = find

    def load(self) -> Credentials:
        return _EnteredCredentials(self._method, self._find)


def _isolate(session: Session, method: str, find: Callable[[], ReadOnlyCredentials]) -> None:
    """Leave ``session`` only the credentials that a call enters, and no bearer token."""
    session.register_component("credential_provider", CredentialResolver([_EnteredProvider(method, find)]))
    session.register_component("token_provider", TokenProviderChain([]))


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def renew_by_aws_time(session: Session, find_aws_time: Callable[[], datetime | None]) -> None:
    """Have the credentials of ``session`` renewed by AWS's time, because they end by it.

    Until AWS's time is known, fetched credentials count as valid: an answer to their first call shows it. Those of
    variables aren't fetched, and end by the machine's time. botocore has no setting for this, so its fields are set.
    """
    resolver: Any = session.get_component("credential_provider")
    load: Callable[[], Credentials | None] = resolver.load_credentials

    def load_timed() -> Credentials | None:
        found = load()
        if isinstance(found, RefreshableCredentials) and found.method != "env":
            timed: Any = found
            timed._time_fetcher = lambda: find_aws_time() or _LONG_AGO  # noqa: SLF001 - there is no setting
            fetcher = getattr(timed._refresh_using, "__self__", None)  # noqa: SLF001 - there is no setting
            if isinstance(fetcher, CachedCredentialFetcher):
                # Its copy would count as valid by the machine's time.
                vars(fetcher)["_is_expired"] = lambda _: True
        return found

    resolver.load_credentials = load_timed


def isolate_operator_session(session: Session) -> None:
    """Leave ``session`` only the credentials of the operator who makes the call."""

    def find() -> ReadOnlyCredentials:
        entered = _ENTERED.get()
        if entered is None:
            raise NoOperatorError("a shared client was used without credentials")
        return entered.freeze()

    _isolate(session, "operator", find)


@dataclass(frozen=True, slots=True)
class RootSessionCredentials:
    """Temporary credentials from AssumeRoot; they stay in this process's memory."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    def freeze(self) -> ReadOnlyCredentials:
        """Return them for a signature within the gateway, and for nothing else."""
        return ReadOnlyCredentials(self.access_key_id, self.secret_access_key, self.session_token, None)

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials of a root session can't be pickled or copied")


class NoRootSessionError(RuntimeError):
    """A root client was used outside a root session. Nothing was sent. It is a bug."""


_CURRENT_SESSION: ContextVar[RootSessionCredentials | None] = ContextVar("root_session_credentials", default=None)


@contextmanager
def root_session_entered(credentials: RootSessionCredentials) -> Iterator[None]:
    """Have the root clients of this thread sign with ``credentials``."""
    token = _CURRENT_SESSION.set(credentials)
    try:
        yield
    finally:
        _CURRENT_SESSION.reset(token)


def isolate_root_session(session: Session) -> None:
    """Leave ``session`` only the credentials of the root session that a call enters."""

    def find() -> ReadOnlyCredentials:
        entered = _CURRENT_SESSION.get()
        if entered is None:
            raise NoRootSessionError("a root client was used outside a root session")
        return entered.freeze()

    _isolate(session, "root-session", find)


@dataclass(slots=True)
class AuthorizedCall:
    """A privileged call, and whether it was sent."""

    intent: Intent
    clock: Clock
    has_left: bool = False
    """Whether a request was sent, so that it may have acted."""


_AUTHORIZED_CALL: ContextVar[AuthorizedCall | None] = ContextVar("authorized_call", default=None)


@contextmanager
def authorize_calls(intent: Intent, clock: Clock) -> Iterator[AuthorizedCall]:
    """Authorize this thread's privileged calls by ``intent``."""
    authorized_call = AuthorizedCall(intent, clock)
    token = _AUTHORIZED_CALL.set(authorized_call)
    try:
        yield authorized_call
    finally:
        _AUTHORIZED_CALL.reset(token)


def require_authorized_call(**_: object) -> None:
    """Check a privileged request just before it is sent; a ``before-send`` handler of botocore.

    :raises RuntimeError: if the call was made without an intent.
    :raises LockLostError: if its intent is no longer valid.
    """
    authorized_call = _AUTHORIZED_CALL.get()
    if authorized_call is None:
        raise RuntimeError("a privileged call was about to be sent without the receipt of its intent")
    require_still_valid(authorized_call.intent, authorized_call.clock)
    authorized_call.has_left = True


def require_still_valid(intent: Intent, clock: Clock) -> None:
    """:raises LockLostError: if the writer's lease may have expired, by this process's clock or by other processes'."""
    is_past = intent.valid_until_at is not None and intent.valid_until_at <= clock.now()
    if is_past or intent.valid_until <= clock.monotonic():
        raise LockLostError(
            f"Intent {intent.sequence} ({intent.action}) has expired. Nothing was sent.",
            hint="Try again. The account is read first, to see what was done.",
        )


def require_intent_fits(intent: Intent, action: Action, account_id: AccountId | None) -> None:
    """:raises ValueError: if the receipt is for another action or account, which is a bug."""
    if intent.action is not action or intent.account_id != account_id:
        raise ValueError(f"the intent is of {intent.action} on {intent.account_id}, not {action} on {account_id}")
