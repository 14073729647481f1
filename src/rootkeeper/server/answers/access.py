"""Users, tokens, sign-ins and second factors.

Users and API tokens.

Who somebody is here: sign-ins, second factors, and what a role permits.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from rootkeeper.access.rules import FactorKind, IdentityKind, Permission, ServerRole, SessionNeed, SignInWay
from rootkeeper.server.answers.shapes import Answer, Count, CountedPage, Moment, Page, Record


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


PasskeyOptions: TypeAlias = dict[str, Any]
"""What a browser takes. Source: WebAuthn, ``parseCreationOptionsFromJSON`` and ``parseRequestOptionsFromJSON``."""


class BearerTokenAnswer(Answer):
    """A sign-in by a bearer token."""

    token: str
    expires_at: Moment
    identity: Identity


class BrowserSessionAnswer(Answer):
    """What a page needs to know of its sign-in."""

    name: str
    role: ServerRole
    csrf_token: str
    """Goes along with each changing request, as the header X-CSRF-Token."""
    needs: SessionNeed | None
    """``null`` if the sign-in is finished."""


SignInAnswer: TypeAlias = BearerTokenAnswer | BrowserSessionAnswer
"""The second one to a browser."""


class FactorState(Record):
    """What a sign-in is asked for in the way of second factors."""

    required: bool
    enrolled: list[FactorKind]
    fresh_until: Moment | None
    """Until then something weighty can be done without giving the factor again."""


class MeAnswer(Identity, Answer):
    """Who is asking, and where."""

    permissions: list[Permission]
    organization_id: str
    endpoint: str
    is_sandbox: bool
    people_url: str | None
    """Of a sandbox: where its own sign-in pages and mailbox are."""
    factor: FactorState
    version: str


class IdentityProvider(Record):
    """The organization's own."""

    name: str


class SignInMethodsAnswer(Answer):
    """The ways to sign in."""

    password: bool
    oidc: IdentityProvider | None
    is_sandbox: bool
    endpoint: str
    has_cookie: bool
    """Whether the browser sent the cookie of a sign-in; whether that still lasts isn't said here."""


class SignIn(Record):
    """A sign-in of a browser."""

    session_id: str
    name: str
    address: str | None
    user_agent: str | None
    signed_in_at: Moment
    last_used_at: Moment | None
    expires_at: Moment
    is_current: bool
    """Whether it is the one that asks."""


class SignInPage(Page):
    """Sign-ins of browsers."""

    sessions: list[SignIn]


class Factor(Record):
    """A second factor."""

    factor_id: str
    kind: FactorKind
    name: str | None
    created_at: Moment
    last_used_at: Moment | None


class FactorPage(Page):
    """Second factors."""

    factors: list[Factor]


class TotpSecretAnswer(Answer):
    """What a new authenticator app makes its codes from, shown this once."""

    secret: str
    uri: str
    qr_svg: str
