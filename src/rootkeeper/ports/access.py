"""Where a server keeps whom it knows."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from rootkeeper.domain.access import Identity, ServerRole
from rootkeeper.domain.sessions import NewSession


class IdentityStore(Protocol):
    """Users and API tokens of one organization. Secrets go in and never come out: only their hashes are kept.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add_user(self, identity: Identity, password: str) -> None:
        """:raises InputError: if the name is taken by a user or a token."""
        ...

    def add_token(self, identity: Identity, token: str) -> None:
        """:raises InputError: if the name is taken by a user or a token."""
        ...

    def add_provider_user(self, identity: Identity, proof_hash: str) -> None:
        """A user who signs in at an identity provider, which alone knows a password.

        :raises InputError: if the name is taken by a user or a token.
        """
        ...

    def find_provider_user(self, proof_hash: str) -> Identity | None:
        """The user of an identity provider, though disabled; ``None`` if that person was never here."""
        ...

    def find_by_token(self, token: str) -> Identity | None:
        """Whose API token it is; ``None`` if nobody's, or if it has ended. Sign-ins are the SessionStore's."""
        ...

    def sign_in(self, name: str, password: str, new: NewSession) -> Identity | None:
        """Begin a sign-in of the user of that name; ``None`` if it isn't the password.

        Takes as long for an unknown name. A password that is replaced meanwhile lets nobody in.
        """
        ...

    def get(self, name: str) -> Identity:
        """:raises InputError: if there is none of that name."""
        ...

    def list_identities(self) -> tuple[Identity, ...]:
        """By kind and name, disabled ones too."""
        ...

    def disable(self, name: str, at: datetime) -> Identity:
        """Let it act no more; its sign-ins end with it.

        :raises InputError: if there is none of that name.
        """
        ...

    def set_role(self, name: str, role: ServerRole) -> Identity:
        """:raises InputError: if there is none of that name, or it is a token."""
        ...

    def set_password(self, name: str, password: str) -> Identity:
        """A new password; sign-ins end.

        :raises InputError: if there is no user of that name.
        """
        ...
