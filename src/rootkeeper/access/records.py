"""Users and tokens as JSON values, without their proof, and answers stored for repeated requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from rootkeeper.access.rules import FactorKind, Identity, IdentityKind, Permission, Session, SignInWay, TokenScope
from rootkeeper.shapes import Answer, JsonAnswer, JsonRecord, JsonSchema, Moment, fill_record, record, record_of
from rootkeeper.values import JsonValue


@record_of(TokenScope)
class IdentityLimits(JsonRecord):
    """How a token is limited beyond its role."""


@record_of(
    Identity,
    without={"provider_groups"},
    renamed={"scope": "limited_to"},
    before={"signs_in_by": "created_by", "limited_to": "created_by", "is_usable": "created_by"},
)
class IdentityRecord(JsonRecord):
    """A user or token, without its secret."""

    signs_in_by: SignInWay | None
    """``null`` for a token."""
    limited_to: IdentityLimits | None
    """``null`` if the role alone limits it."""
    is_usable: bool
    """Whether it may act now."""


@record_of(Session, only=("required", "enrolled", "fresh_until"))
class FactorState(JsonRecord):
    """The second factors that a sign-in needs."""

    required: bool
    enrolled: list[FactorKind]
    fresh_until: Moment | None
    """Until then, sensitive requests don't need the factor again."""


class MeAnswer(IdentityRecord, JsonAnswer):
    """The identity that sends the request, and the server that answers."""

    permissions: list[Permission]
    organization_id: str
    endpoint: str
    is_sandbox: bool
    people_url: str | None
    """Of a sandbox: where its own sign-in pages and mailbox are."""
    factor: FactorState
    version: str
    serves_organizations: bool
    """Whether the server has several organizations, and its answer isn't about one of them."""


@record
class IdentitiesDocument(Answer):
    """Users and API tokens."""

    identities: list[IdentityRecord]


class MembershipDocument(MeAnswer):
    """The caller's identity on a server."""

    server: str


@record
class NewTokenAnswer(Answer):
    """A new API token. The token itself is shown only this once."""

    token: Annotated[str, JsonSchema(pattern="^rk_")]
    identity: IdentityRecord


class NewLinkAnswer(IdentityRecord, JsonAnswer):
    """A user with a new link for setting the password. The link is shown only this once."""

    link: str | None
    """Works once, until ``link_ends_at``, and until a newer link is made. ``null`` for a person who signs in at the
    server of several organizations already.
    """


def identity_to_record(identity: Identity, now: datetime) -> dict[str, Any]:
    scope = identity.scope
    limits = None if scope.is_unlimited else fill_record(IdentityLimits, scope)
    signs_in_by = identity.signs_in_by.value if identity.kind is IdentityKind.USER else None
    is_usable = identity.is_usable(now)
    return {**fill_record(IdentityRecord, identity, signs_in_by=signs_in_by, limited_to=limits, is_usable=is_usable)}


def identity_to_parameters(identity: Identity) -> dict[str, JsonValue]:
    """Describe an identity, as it is before the change, for the ledger; limits only if there are any."""
    parameters: dict[str, JsonValue] = {
        "identity_id": identity.identity_id,
        "kind": identity.kind.value,
        "name": identity.name,
        "role": identity.role.value,
        "expires_at": None if identity.expires_at is None else identity.expires_at.isoformat(),
    }
    if identity.scope.permissions is not None:
        parameters["permissions"] = sorted(permission.value for permission in identity.scope.permissions)
    if identity.scope.organizational_units:
        parameters["organizational_units"] = list(identity.scope.organizational_units)
    return parameters


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to a request that had an idempotency key."""

    status: int
    media_type: str | None
    body: str | None = field(repr=False)
    """``None`` if it isn't kept, because it had a secret or was too long."""
