"""Credentials of one operator among several, and how clients that all of them share sign with them.

A server makes calls for many people, each with sessions of roles that carry that person's name. A client for each
would cost some 15 MB and a quarter of a second, so the clients are shared: they have no credential chain, and sign with
the credentials that the call at hand has entered. Without any they raise, so that nobody's call can leave in another
one's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.tokens import TokenProviderChain

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
"""By these AWS says that the credentials of a call are over."""


class OperatorCredentials(Protocol):
    """Credentials that renew themselves; safe in many threads."""

    def freeze(self) -> ReadOnlyCredentials:
        """Those that hold now.

        :raises AwsCredentialsError: if there are none.
        """
        ...

    def give_up(self) -> None:
        """AWS says that they are over: the next call renews them."""
        ...


class NoOperatorError(RuntimeError):
    """A shared client was used for nobody; nothing was sent. It is a bug."""


_ENTERED: ContextVar[OperatorCredentials | None] = ContextVar("operator_credentials", default=None)


@contextmanager
def signed_by(credentials: OperatorCredentials) -> Iterator[None]:
    """Within it, shared clients of this thread sign with ``credentials``."""
    token = _ENTERED.set(credentials)
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in EXPIRED_CODES:
            credentials.give_up()
        raise
    finally:
        _ENTERED.reset(token)


def isolate_operator_session(session: Session) -> None:
    """Leave ``session`` no credentials but those entered, and no bearer token."""
    session.register_component("credential_provider", CredentialResolver([_CurrentOperatorProvider()]))
    session.register_component("token_provider", TokenProviderChain([]))


class _CurrentOperatorCredentials(Credentials):
    """Looks like long-lived credentials to botocore and is looked up anew for each signature."""

    def __init__(self) -> None:
        super().__init__("", "", None, method="operator")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        entered = _ENTERED.get()
        if entered is None:
            raise NoOperatorError("a shared client was used for nobody")
        return entered.freeze()


class _CurrentOperatorProvider(CredentialProvider):
    METHOD = "operator"
    CANONICAL_NAME = "Operator"

    def load(self) -> Credentials:
        return _CurrentOperatorCredentials()
