"""Users, tokens, sign-ins and second factors."""

from __future__ import annotations

from typing import Any, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.access.records import IdentityRecord
from rootkeeper.access.rules import FactorKind, ServerRole, SessionNeed
from rootkeeper.shapes import Answer, Count, CountedPage, Moment, Page, record


@record
class SavedViewRecord(TypedDict):
    """A saved view of the console."""

    name: str
    address: str
    """Path and query of the page."""
    saved_at: Moment


@record
class SavedViewAnswer(SavedViewRecord, Answer):
    """One saved view."""


@record
class SavedViewPage(Page):
    """All saved views of a user."""

    views: list[SavedViewRecord]


@record
class IdentityPage(CountedPage):
    """Users or tokens or both."""

    identities: list[IdentityRecord]


@record
class IdentityAnswer(IdentityRecord, Answer):
    """One user or token."""


@record
class SignedOutAnswer(Answer):
    """The number of a user's sign-ins that were ended."""

    name: str
    ended: Count


@record
class FactorsResetAnswer(Answer):
    """How many second factors of a user were taken away."""

    name: str
    removed: Count


PasskeyOptions: TypeAlias = dict[str, Any]
"""What a browser takes. Source: WebAuthn, ``parseCreationOptionsFromJSON`` and ``parseRequestOptionsFromJSON``."""


@record
class BearerTokenAnswer(Answer):
    """A sign-in by a bearer token."""

    token: str
    expires_at: Moment
    identity: IdentityRecord


@record
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


@record
class IdentityProvider(TypedDict):
    """The organization's own."""

    name: str


@record
class SignInMethodsAnswer(Answer):
    """The ways to sign in."""

    password: bool
    oidc: IdentityProvider | None
    is_sandbox: bool
    endpoint: str
    codes_url: str | None
    """The sandbox's page with the demo's users and the codes of their authenticator apps; ``null`` if it's no demo."""
    has_cookie: bool
    """Whether the browser sent a sign-in cookie; it may have expired."""


@record
class SignIn(TypedDict):
    """A sign-in of a browser."""

    session_id: str
    name: str
    address: str | None
    user_agent: str | None
    signed_in_at: Moment
    last_used_at: Moment | None
    expires_at: Moment
    is_current: bool
    """Whether this request belongs to it."""


@record
class SignInPage(Page):
    """Sign-ins of browsers."""

    sessions: list[SignIn]


@record
class Factor(TypedDict):
    """A second factor."""

    factor_id: str
    kind: FactorKind
    name: str | None
    created_at: Moment
    last_used_at: Moment | None


@record
class FactorPage(Page):
    """Second factors."""

    factors: list[Factor]


@record
class TotpSecretAnswer(Answer):
    """What a new authenticator app makes its codes from, shown this once."""

    secret: str
    uri: str
    qr_svg: str
