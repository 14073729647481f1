"""Users and API tokens."""

from __future__ import annotations

from rootkeeper.api.answers.shapes import Answer, Count, CountedPage, Moment, Record
from rootkeeper.domain.access import IdentityKind, Permission, ServerRole, SignInWay


class IdentityLimits(Record):
    """What a token has less than its role."""

    permissions: list[Permission] | None
    """``null`` for all that the role has."""
    organizational_units: list[str]
    """What it has done is about accounts below one of them alone; of all accounts if there are none."""


class Identity(Record):
    """A user or token; nothing that proves it."""

    identity_id: str
    kind: IdentityKind
    name: str
    role: ServerRole
    signs_in_by: SignInWay | None
    """``null`` for a token."""
    limited_to: IdentityLimits | None
    """``null`` for whoever may all that the role permits."""
    is_usable: bool
    """Whether it may act now."""
    created_by: str
    created_at: Moment
    expires_at: Moment | None
    disabled_at: Moment | None
    last_used_at: Moment | None


class IdentityPage(CountedPage):
    """Users or tokens or both."""

    identities: list[Identity]


class IdentityAnswer(Identity, Answer):
    """One user or token."""


class NewTokenAnswer(Answer):
    """A token, shown this once."""

    token: str
    identity: Identity


class SignedOutAnswer(Answer):
    """How many sign-ins of a user were ended."""

    name: str
    ended: Count


class FactorsResetAnswer(Answer):
    """How many second factors of a user were taken away."""

    name: str
    removed: Count
