"""A replacement for the access portal of IAM Identity Center: pick a person, an account and a permission set, get keys.

It asks for no password, because the directory's own sign-in isn't imitated. While it is switched down, it gives no
keys.

Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies" (names and path of the
roles).
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from rootkeeper_sandbox.exchange import Credential, HttpResponse, Principal, PrincipalKind
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.people.events import FederationEvent
from rootkeeper_sandbox.people.layout import redirect
from rootkeeper_sandbox.people.visits import PageRequest, render_exports
from rootkeeper_sandbox.state.accounts import (
    Account,
    IamRole,
    derive_bytes,
    derive_unique_id,
)
from rootkeeper_sandbox.state.people import Assignment, IdentityUser, PermissionSet
from rootkeeper_sandbox.state.policies import MANAGED_DOCUMENTS
from rootkeeper_sandbox.state.world import World

_PATH = "/aws-reserved/sso.amazonaws.com/"
_DURATION = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,3})M)?")


def provision_role(world: World, account: Account, permission_set: PermissionSet, now: datetime) -> IamRole:
    """Bring a permission set's role in an account up to date; unknown policies grant nothing."""
    suffix = derive_bytes("reserved-role", permission_set.arn, account.account_id).hex()[:16]
    name = f"AWSReservedSSO_{permission_set.name}_{suffix}"
    role = account.identities.roles.get(name)
    if role is None:
        role_id = derive_unique_id("AROA", account.account_id, name)
        role = IamRole(name, role_id, now, _trust_policy(world, account, suffix), path=_PATH)
        account.identities.roles[name] = role
    role.max_session_seconds = session_seconds(permission_set)
    inline = permission_set.inline_policy
    role.permissions.inline_policies = {"AwsSSOInlinePolicy": inline} if inline else {}
    role.permissions.managed_policies = {
        arn: MANAGED_DOCUMENTS[known]
        for arn, known in permission_set.managed_policies.items()
        if known in MANAGED_DOCUMENTS
    }
    return role


def _trust_policy(world: World, account: Account, suffix: str) -> str:
    provider = f"arn:{world.partition}:iam::{account.account_id}:saml-provider/AWSSSO_{suffix}_DO_NOT_DELETE"
    condition = {"StringEquals": {"SAML:aud": PARTITIONS[world.partition].saml_audience}}
    actions = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def session_seconds(permission_set: PermissionSet) -> int:
    """Read how long sessions last; an hour where it isn't said as IAM Identity Center says it."""
    match = _DURATION.fullmatch(permission_set.session_duration)
    hours, minutes = (int(part or 0) for part in match.groups()) if match else (1, 0)
    return hours * 3600 + minutes * 60 or 3600


def open_session(world: World, account: Account, role: IamRole, user_name: str, now: datetime) -> Credential:
    """Issue credentials of a role session in the person's name."""
    principal = Principal(
        kind=PrincipalKind.ROLE_SESSION,
        arn=f"arn:{world.partition}:sts::{account.account_id}:assumed-role/{role.name}/{user_name}",
        account_id=account.account_id,
        user_id=f"{role.role_id}:{user_name}",
        access_key_id="",
        identity_name=role.name,
        role_arn=world.role_arn(account.account_id, role),
        session_issued_at=now,
    )
    return world.sessions.issue(principal, now, now + timedelta(seconds=role.max_session_seconds))


_SHOWN_USERS = 100


async def show(page_request: PageRequest) -> HttpResponse:
    """Show the users, or the assignments of the chosen user."""
    center = page_request.world.identity_center
    user = None if center.is_down else center.users.get(page_request.query.get("user", ""))
    return _render_assignments(page_request, user) if user else _render_users(page_request)


def _render_users(page_request: PageRequest) -> HttpResponse:
    """Render the people to choose from, or that no one can sign in, and the button that starts or ends an outage."""
    center = page_request.world.identity_center
    return page_request.page(
        "identity_center",
        "Identity Center",
        503 if center.is_down else 200,
        is_down=center.is_down,
        users=list(center.users.values())[:_SHOWN_USERS],
    )


async def set_status(page_request: PageRequest) -> HttpResponse:
    """Switch it down or up."""
    wanted = page_request.text("status")
    if wanted in ("up", "down"):
        page_request.world.identity_center.is_down = wanted == "down"
    return redirect("/identity-center")


def _render_assignments(page_request: PageRequest, user: IdentityUser, **outcome: Any) -> HttpResponse:
    held = page_request.world.identity_center.held_by("USER", user.user_id)
    entries = [entry for assignment in held if (entry := _find_entry(page_request, assignment))]
    values: dict[str, Any] = {"credential": None, **outcome}
    return page_request.page("assignments", "Identity Center", user=user, entries=entries, **values)


def _find_entry(page_request: PageRequest, assignment: Assignment) -> tuple[Account, PermissionSet] | None:
    account = page_request.world.find_account(assignment.account_id)
    permission_set = page_request.world.identity_center.permission_sets.get(assignment.permission_set_arn)
    return (account, permission_set) if account and permission_set else None


async def issue_credentials(page_request: PageRequest) -> HttpResponse:
    """Open a role session for a user who holds the permission set in the account."""
    center = page_request.world.identity_center
    if center.is_down:
        return _render_users(page_request)
    user = center.users.get(page_request.text("user"))
    if user is None:
        return redirect("/identity-center")
    wanted = (page_request.text("account_id"), page_request.text("permission_set"))
    for held in center.held_by("USER", user.user_id):
        entry = _find_entry(page_request, held)
        if entry and (held.account_id, held.permission_set_arn) == wanted:
            return _enter(page_request, user, *entry)
    return _render_assignments(page_request, user, fault="There is no such assignment.")


def _enter(
    page_request: PageRequest, user: IdentityUser, account: Account, permission_set: PermissionSet
) -> HttpResponse:
    center = page_request.world.identity_center
    role = provision_role(page_request.world, account, permission_set, page_request.now)
    credential = open_session(page_request.world, account, role, user.user_name, page_request.now)
    event = FederationEvent(
        account_id=center.owner_account_id,
        occurred_at=page_request.now,
        source_ip=page_request.request.source_ip,
        user_agent=page_request.request.headers.get("user-agent", ""),
        user_id=user.user_id,
        user_name=user.user_name,
        identity_store_id=center.identity_store_id,
        target_account_id=account.account_id,
        role_name=role.name,
        region=center.region,
    )
    page_request.instance.trail.append(event)
    return _render_assignments(
        page_request,
        user,
        credential=credential,
        entered=(account, permission_set),
        exports=render_exports(page_request, credential),
    )
