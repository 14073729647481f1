"""Who somebody is here: sign-ins, second factors, and what a role permits."""

from __future__ import annotations

from typing import Any, TypeAlias

from rootkeeper.api.answers.identities import Identity
from rootkeeper.api.answers.shapes import Answer, Moment, Page, Record
from rootkeeper.domain.access import Permission, ServerRole
from rootkeeper.domain.sessions import FactorKind, SessionNeed

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
