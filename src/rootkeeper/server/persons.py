"""How the front of a server of several organizations tells an organization's own process who sends a request.

Each organization has a process of its own, which answers only requests with the secret that the front gave it at its
start. The front has checked the sign-in, and names the person; the process finds the person's role in its own database.
A person without a role is answered as if there were no such organization. An API token is an organization's own, so the
front passes it on unread.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rootkeeper.access.rules import (
    FactorKind,
    Identity,
    IdentityKind,
    ProviderRules,
    ServerPerson,
    ServerRole,
    Session,
    SessionKind,
    SignInWay,
)
from rootkeeper.errors import StrangerError
from rootkeeper.server.request_path import answer_error

if TYPE_CHECKING:
    from rootkeeper.composition.serving import ServerRuntime

FRONT_HEADER = "X-Rootkeeper-Front"
"""The secret."""
PERSON_HEADER = "X-Rootkeeper-Person"
"""The person who sends the request, and the sign-in; without it the request has a token."""
INVITED_HEADER = "X-Rootkeeper-Invited"
"""The person of the server whom the request adds to the organization."""
FRONT_HEADERS = frozenset(name.lower() for name in (FRONT_HEADER, PERSON_HEADER, INVITED_HEADER))
"""Never taken from a client."""


class FrontOnly:
    """Refuses requests that don't come from the front: another program on this machine doesn't know the secret."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get(FRONT_HEADER, "") if scope["type"] == "http" else ""
        if not hmac.compare_digest(given.encode(), self._secret):
            problem = await answer_error(Request(scope), make_stranger_error(""))
            await problem(scope, receive, send)
            return
        await self._app(scope, receive, send)


def make_stranger_error(name: str) -> StrangerError:
    """Make the same error for an organization that doesn't exist, and for a person without a role in it."""
    return StrangerError(
        f"There is no organization {name!r} in which you have a role.",
        hint="Check the name. An administrator of the organization can give you a role.",
    )


def describe_person(session: Session, issuer: str, groups: Collection[str]) -> str:
    """Describe the person of a sign-in for an organization's process.

    :param issuer: the identity provider of the front.
    :param groups: the groups there that the organization's own table names; it learns of no others.
    """
    identity = session.identity
    is_of_provider = identity.signs_in_by is SignInWay.OIDC
    moments = {"started_at": session.started_at, "expires_at": session.expires_at, "factor_at": session.factor_at}
    return json.dumps(
        {
            **_name_person(identity),
            "session_id": session.session_id,
            "kind": session.kind.value,
            "enrolled": sorted(kind.value for kind in session.enrolled),
            "issuer": issuer if is_of_provider else None,
            "groups": [group for group in identity.provider_groups if group in groups] if is_of_provider else [],
            **{name: None if moment is None else moment.isoformat() for name, moment in moments.items()},
        }
    )


def describe_invited(identity: Identity) -> str:
    """Describe the person who gets a role in an organization."""
    return json.dumps(_name_person(identity))


def _name_person(identity: Identity) -> dict[str, object]:
    return {
        "identity_id": identity.identity_id,
        "name": identity.name,
        "is_administrator": identity.role is ServerRole.ADMINISTRATOR,
    }


def _parse_person(text: str) -> ServerPerson:
    facts = json.loads(text)
    return ServerPerson(
        facts["identity_id"],
        facts["name"],
        facts["is_administrator"],
        facts.get("issuer"),
        tuple(facts.get("groups", ())),
    )


def _read_header(request: Request, name: str) -> str | None:
    """Return a header of the front; ``None`` if this process has no front, because then anyone could have sent it."""
    return request.headers.get(name) if request.app.state.is_behind_front else None


def find_invited(request: Request) -> ServerPerson | None:
    """Return the person of the server whom the request adds; ``None`` on a server of one organization."""
    text = _read_header(request, INVITED_HEADER)
    return None if text is None else _parse_person(text)


def find_session(request: Request) -> Session | None:
    """Return the sign-in of the front's person, with the role that the person has in this organization.

    :returns: ``None`` if the request has a token, or this process has no front.
    :raises StrangerError: if the person has no role here.
    :raises PermissionDeniedError: if the person's groups give a role here, and the name is another user's or token's.
    :raises DatabaseError: if the database can't be read or written.
    """
    text = _read_header(request, PERSON_HEADER)
    if text is None:
        return None
    services: ServerRuntime = request.app.state.services
    facts, now = json.loads(text), services.clock.now()
    factor_at = facts["factor_at"]
    return Session(
        session_id=facts["session_id"],
        kind=SessionKind(facts["kind"]),
        identity=_find_identity(services, request.app.state.group_rules, _parse_person(text)),
        started_at=datetime.fromisoformat(facts["started_at"]),
        last_used_at=now,
        expires_at=datetime.fromisoformat(facts["expires_at"]),
        factor_at=None if factor_at is None else datetime.fromisoformat(factor_at),
        enrolled=frozenset(FactorKind(kind) for kind in facts["enrolled"]),
    )


_ADMISSION = threading.Lock()
"""The first requests of a person come at the same time, and only one of them adds the person."""


def _find_identity(services: ServerRuntime, rules: ProviderRules | None, person: ServerPerson) -> Identity:
    """Find the person with the current role here. Once the person's groups have given a role, they alone determine it.

    An administrator of the server becomes administrator of an organization that has none yet.

    :param rules: of the groups that this organization's own table names; ``None`` if it names none.
    :raises StrangerError: if the person has no role here.
    """
    role = None if rules is None or person.issuer != rules.issuer else rules.choose_role(person.groups)
    identity = services.identities.find_person(person.proof_hash)
    if identity is not None and not identity.is_usable(services.clock.now()):
        raise make_stranger_error("")
    if role is not None:
        if identity is not None and (identity.signs_in_by, identity.role) == (SignInWay.OIDC, role):
            return identity
        with _ADMISSION, services.act_as_server(None) as acting:
            return acting.identity_service.admit(person, role)
    if identity is None and person.is_administrator and not _has_administrator(services, rules):
        with _ADMISSION, services.act_as_server(None) as acting:
            identity = services.identities.find_person(person.proof_hash)
            return identity or acting.identity_service.admit_server_user(person, ServerRole.ADMINISTRATOR)
    if identity is None or identity.signs_in_by is SignInWay.OIDC:
        raise make_stranger_error("")
    return identity


def _has_administrator(services: ServerRuntime, rules: ProviderRules | None) -> bool:
    """Whether anyone can give roles: a user with a password can't sign in any more behind a front."""
    if rules is not None and ServerRole.ADMINISTRATOR in rules.roles.values():
        return True
    return any(
        identity.kind is IdentityKind.USER
        and identity.signs_in_by is SignInWay.SERVER
        and identity.role is ServerRole.ADMINISTRATOR
        and identity.is_usable(services.clock.now())
        for identity in services.identities.list_identities()
    )
