"""Routes of users and API tokens, for administrators, and of each user's own saved views of the console."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request

from rootkeeper.access.links import make_link_address
from rootkeeper.access.records import IdentityRecord, NewLinkAnswer, NewTokenAnswer, identity_to_record
from rootkeeper.access.rules import PERMISSIONS, IdentityKind, Permission, ServerRole, TokenScope
from rootkeeper.access.service import NewLink
from rootkeeper.access.views import SavedView
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import InputError
from rootkeeper.server.documents import change, read, remove
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import (
    LARGEST_PAGE,
    After,
    Body,
    Limit,
    Name,
    cut_page,
    show_example,
    show_one,
    show_page,
)
from rootkeeper.server.persons import find_invited
from rootkeeper.shapes import (
    CountedPage,
    JsonAnswer,
    JsonRecord,
    Page,
    ShortText,
    fill_record,
    record,
    record_of,
)


@record
class IdentityPage(CountedPage):
    """Users or tokens or both."""

    identities: list[IdentityRecord]


class IdentityAnswer(IdentityRecord, JsonAnswer):
    """A user or token."""


_LONGEST_TOKEN_DAYS = 3650


class TokenBody(Body):
    """A new token."""

    name: ShortText
    role: ServerRole
    expires_in_days: Annotated[int | None, Field(ge=1, le=_LONGEST_TOKEN_DAYS)] = None
    permissions: Annotated[
        tuple[Permission, ...] | None,
        Field(
            min_length=1, max_length=len(Permission), description="A subset of the role's permissions. Default: all."
        ),
    ] = None
    organizational_units: Annotated[
        tuple[ShortText, ...],
        Field(max_length=100, description="The token can change only accounts below one of these units."),
    ] = ()


class UserBody(Body):
    """A new user, who sets the password with a link. No one sets a password for another person."""

    name: ShortText
    role: ServerRole


class RoleBody(Body):
    """A new role."""

    role: ServerRole


def list_identities(services: Served, limit: Limit = LARGEST_PAGE, after: After = None) -> dict[str, Any]:
    """List users and tokens, without passwords and secrets."""
    return _list(services, None, limit, after)


def list_users(services: Served, limit: Limit = LARGEST_PAGE, after: After = None) -> dict[str, Any]:
    """List users, also disabled users."""
    return _list(services, IdentityKind.USER, limit, after)


def list_tokens(services: Served, limit: Limit = LARGEST_PAGE, after: After = None) -> dict[str, Any]:
    """List tokens, also ended tokens, without their secrets."""
    return _list(services, IdentityKind.TOKEN, limit, after)


def _list(services: ServerRuntime, kind: IdentityKind | None, limit: int, after: str | None) -> dict[str, Any]:
    now = services.clock.now()
    found = [identity for identity in services.identities.list_identities() if kind in (None, identity.kind)]
    page, following = cut_page(found, lambda identity: identity.identity_id, after, limit)
    return show_page(
        "identities", [identity_to_record(identity, now) for identity in page], following, total=len(found)
    )


def create_token(services: Served, identity: Identified, body: TokenBody) -> dict[str, Any]:
    """Create an API token. Its secret is shown once."""
    now = services.clock.now()
    end = None if body.expires_in_days is None else now + timedelta(days=body.expires_in_days)
    permissions = None if body.permissions is None else frozenset(body.permissions)
    scope = TokenScope(permissions, body.organizational_units)
    identity.require_grantable(scope.narrow(PERMISSIONS[body.role]))
    with services.act_as(identity.to_actor(), None) as acting:
        made = acting.identity_service.create_token(body.name, body.role, end, scope)
    return show_one({"token": made.token, "identity": identity_to_record(made.identity, now)})


def add_user(request: Request, services: Served, identity: Identified, body: UserBody) -> dict[str, Any]:
    """Invite a user, who sets the password with a single-use link. The link is shown once."""
    identity.require_grantable(PERMISSIONS[body.role])
    invited = find_invited(request)
    with services.act_as(identity.to_actor(), None) as acting:
        if invited is not None:  # the front adds the link
            admitted = acting.identity_service.admit_server_user(invited, body.role)
            return show_one({**identity_to_record(admitted, services.clock.now()), "link": None})
        made = acting.identity_service.invite(body.name, body.role)
    return show_link(request, services, made)


def make_reset_link(request: Request, services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """End a user's password and sign-ins, and make a single-use link for a new password. The link is shown once."""
    found = services.identities.get(name)
    identity.require_grantable(found.permissions)
    if found.identity_id == identity.identity_id:
        raise InputError("You can't reset your own sign-in.", hint="Change your password instead.")
    with services.act_as(identity.to_actor(), None) as acting:
        made = acting.identity_service.reset_by_link(name)
    return show_link(request, services, made)


def show_link(request: Request, services: ServerRuntime, made: NewLink) -> dict[str, Any]:
    """Show the link with the server's public address; without it, with the address that the caller has used."""
    public = services.settings.server.public_address
    origin = f"{request.url.scheme}://{request.url.netloc}" if public is None else public.origin
    record = identity_to_record(made.identity, services.clock.now())
    return show_one({**record, "link": make_link_address(origin, made.token)})


def disable_identity(services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """Disable a user or token; harmless when repeated."""
    identity.require_grantable(services.identities.get(name).permissions)
    with services.act_as(identity.to_actor(), None) as acting:
        found = acting.identity_service.disable(name)
    return show_one(identity_to_record(found, services.clock.now()))


def set_role(services: Served, identity: Identified, name: Name, body: RoleBody) -> dict[str, Any]:
    """Give a user another role."""
    identity.require_grantable(services.identities.get(name).permissions | PERMISSIONS[body.role])
    with services.act_as(identity.to_actor(), None) as acting:
        found = acting.identity_service.set_role(name, body.role)
    return show_one(identity_to_record(found, services.clock.now()))


_MANAGE = Permission.IDENTITIES_MANAGE

ROWS = (
    read("/identities", _MANAGE, list_identities, IdentityPage),
    read("/users", _MANAGE, list_users, IdentityPage),
    read("/tokens", _MANAGE, list_tokens, IdentityPage),
    change("/tokens", _MANAGE, create_token, NewTokenAnswer, HTTPStatus.CREATED, needs_fresh_factor=True),
    change("/users", _MANAGE, add_user, NewLinkAnswer, HTTPStatus.CREATED, needs_fresh_factor=True),
    change("/identities/{name}/disable", _MANAGE, disable_identity, IdentityAnswer, needs_fresh_factor=True),
    change("/identities/{name}/set-role", _MANAGE, set_role, IdentityAnswer, needs_fresh_factor=True),
    change("/identities/{name}/reset-link", _MANAGE, make_reset_link, NewLinkAnswer, needs_fresh_factor=True),
)


@record_of(SavedView)
class SavedViewRecord(JsonRecord):
    """A saved view of the console."""


class SavedViewAnswer(SavedViewRecord, JsonAnswer):
    """A saved view."""


@record
class SavedViewPage(Page):
    """All saved views of a user."""

    views: list[SavedViewRecord]


class SavedViewBody(Body):
    """Where a view leads."""

    model_config = show_example({"address": "/accounts?status=present"})

    address: Annotated[
        str,
        Field(
            max_length=2000,
            pattern=r"^/([!-.0-\[\]-~][!-~]*)?$",
            description="Path and query of a page of the console. Other hosts are refused.",
        ),
    ]


def list_views(services: Served, identity: Identified) -> dict[str, Any]:
    """List your saved views."""
    found = services.saved_views.list_views(identity.identity_id)
    return show_page("views", [fill_record(SavedViewRecord, view) for view in found], None)


def save_view(services: Served, identity: Identified, name: Name, body: SavedViewBody) -> dict[str, Any]:
    """Save a view under a name; replaces your earlier view of that name."""
    view = SavedView(name, body.address, services.clock.now())
    services.saved_views.save(identity.identity_id, view)
    return show_one(fill_record(SavedViewRecord, view))


def remove_view(services: Served, identity: Identified, name: Name) -> dict[str, Any]:
    """Delete a saved view of yours, and show the others."""
    services.saved_views.remove(identity.identity_id, name)
    return list_views(services, identity)


VIEWS_ROWS = (
    read("/me/views", Permission.ACCOUNTS_READ, list_views, SavedViewPage),
    change("/me/views/{name}", Permission.ACCOUNTS_READ, save_view, SavedViewAnswer, method="PUT"),
    remove("/me/views/{name}", Permission.ACCOUNTS_READ, remove_view, SavedViewPage),
)
