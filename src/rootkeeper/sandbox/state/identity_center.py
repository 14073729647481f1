"""IAM Identity Center: its one instance, the people in its store, and who holds which permission set where.

``is_down`` is the switch for trying what happens when nobody can sign in through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.sandbox.state.identifiers import derive_bytes
from rootkeeper.sandbox.state.organization import Organization

HOME_REGION = "us-east-1"


@dataclass(slots=True)
class IdentityUser:
    """Somebody in the identity store."""

    user_id: str
    user_name: str
    display_name: str
    email: str


@dataclass(slots=True)
class IdentityGroup:
    """A group in the identity store."""

    group_id: str
    display_name: str
    description: str = ""
    member_ids: dict[str, str] = field(default_factory=dict)
    """Membership ids by user id."""


@dataclass(slots=True)
class PermissionSet:
    """What somebody may do in the accounts in which they hold it."""

    arn: str
    name: str
    created_at: datetime
    description: str = ""
    session_duration: str = "PT1H"
    inline_policy: str = ""
    """JSON text; empty for none."""
    managed_policies: dict[str, str] = field(default_factory=dict)
    """Names by ARN."""
    customer_policies: dict[str, str] = field(default_factory=dict)
    """Paths by name; their bodies live in each account."""
    boundary_arn: str | None = None
    """The AWS managed policy that bounds it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One permission set, in one account, to one user or group."""

    account_id: str
    permission_set_arn: str
    principal_type: str
    """``USER`` or ``GROUP``."""
    principal_id: str


@dataclass(slots=True)
class IdentityCenter:
    """The organization's instance."""

    instance_arn: str
    identity_store_id: str
    owner_account_id: str
    region: str
    created_at: datetime
    name: str = ""
    is_down: bool = False
    users: dict[str, IdentityUser] = field(default_factory=dict)
    groups: dict[str, IdentityGroup] = field(default_factory=dict)
    permission_sets: dict[str, PermissionSet] = field(default_factory=dict)
    """By ARN."""
    assignments: list[Assignment] = field(default_factory=list)

    def group_ids_of(self, user_id: str) -> list[str]:
        return [group.group_id for group in self.groups.values() if user_id in group.member_ids]

    def account_ids_with(self, permission_set_arn: str) -> list[str]:
        """List the accounts into which a permission set is provisioned: those in which somebody holds it."""
        held = (a.account_id for a in self.assignments if a.permission_set_arn == permission_set_arn)
        return list(dict.fromkeys(held))

    def arns_in(self, account_id: str) -> list[str]:
        """List the permission sets provisioned into an account."""
        return list(dict.fromkeys(a.permission_set_arn for a in self.assignments if a.account_id == account_id))

    def held_by(self, principal_type: str, principal_id: str) -> Iterator[Assignment]:
        """Give somebody's assignments, a user's with those of the groups that the user is in."""
        holders = {(principal_type, principal_id)}
        if principal_type == "USER":
            holders |= {("GROUP", group_id) for group_id in self.group_ids_of(principal_id)}
        for assignment in self.assignments:
            if (assignment.principal_type, assignment.principal_id) in holders:
                yield assignment


def make_identity_center(organization: Organization, seed: str, now: datetime) -> IdentityCenter:
    """Make the instance that every organization has, without anybody in it."""
    noise = derive_bytes("identity-center", seed, organization.organization_id).hex()
    return IdentityCenter(
        instance_arn=f"arn:{organization.partition}:sso:::instance/ssoins-{noise[:16]}",
        identity_store_id=f"d-{noise[16:26]}",
        owner_account_id=organization.management_account_id,
        region=HOME_REGION,
        created_at=now,
    )
