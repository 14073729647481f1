"""Credentials of root sessions, and the one source from which root clients take them.

With ``UserName`` left out, the calls that delete a member's root user credentials would delete the operator's own
keys if they were signed by the operator. So a root client has no credential chain at all: it signs with the session
that this thread has entered, and raises when there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NoReturn

from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.session import Session
from botocore.tokens import TokenProviderChain


@dataclass(frozen=True, slots=True)
class RootSessionCredentials:
    """Temporary credentials from AssumeRoot. They stay in this process's memory."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials of a root session can't be pickled or copied")


class NoRootSessionError(RuntimeError):
    """A root client was used outside a root session; nothing was sent. It is a bug."""


_ENTERED: ContextVar[RootSessionCredentials | None] = ContextVar("root_session_credentials", default=None)


@contextmanager
def root_session_entered(credentials: RootSessionCredentials) -> Iterator[None]:
    """Within it, root clients of this thread sign with ``credentials``."""
    token = _ENTERED.set(credentials)
    try:
        yield
    finally:
        _ENTERED.reset(token)


def isolate_root_session(session: Session) -> None:
    """Leave ``session`` no credentials but those of the root session entered, and no bearer token."""
    session.register_component("credential_provider", CredentialResolver([_CurrentSessionProvider()]))
    session.register_component("token_provider", TokenProviderChain([]))


class _CurrentSessionCredentials(Credentials):
    """Looks like long-lived credentials to botocore and is looked up again for each signature."""

    def __init__(self) -> None:
        super().__init__("", "", None, method="root-session")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        entered = _ENTERED.get()
        if entered is None:
            raise NoRootSessionError("a root client was used outside a root session")
        return ReadOnlyCredentials(entered.access_key_id, entered.secret_access_key, entered.session_token, None)


class _CurrentSessionProvider(CredentialProvider):
    METHOD = "root-session"
    CANONICAL_NAME = "RootSession"

    def load(self) -> Credentials:
        return _CurrentSessionCredentials()
