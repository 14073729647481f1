"""The caller roles: what each may do, and who may assume it.

Whoever holds a role can do without Rootkeeper what Rootkeeper does with it, so each is pinned to its tasks by
``sts:TaskPolicyArn`` and to its targets by their ARNs. People assume it with MFA. A server assumes it only with a
source identity, so that CloudTrail names the person behind it. Source: STS AssumeRoot; Service Authorization Reference,
AWS STS; IAM User Guide, "Monitor and control actions taken with assumed roles".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.shipped_policies.documents import (
    INLINE_POLICY_CHARACTERS,
    MANAGED_POLICY_CHARACTERS,
    TRUST_POLICY_CHARACTERS,
    PolicyDocument,
    Statement,
    make_document,
    measure_iam_policy,
    require_fits,
)
from rootkeeper.domain.shipped_policies.permissions import (
    OPEN_ROOT_SESSION,
    CommandPermissions,
    PermissionGrant,
    ShippedRole,
    combine,
    list_commands,
)
from rootkeeper.domain.shipped_policies.principals import TrustedPrincipal
from rootkeeper.domain.task_policies import TaskPolicy

_DESCRIPTIONS = {
    ShippedRole.AUDIT: "Reads the organization and audits root user credentials; changes nothing",
    ShippedRole.DELETE: "Deletes root user credentials of member accounts and reads them again",
    ShippedRole.RECOVER: "Opens and closes recovery windows of member accounts",
    ShippedRole.UNLOCK: "Removes or replaces bucket and queue policies that lock everybody out",
    ShippedRole.SET_UP: "Switches root access management on and off; only in the management account",
}


@dataclass(frozen=True, slots=True)
class RoleTargets:
    """On which accounts a role may open root sessions."""

    partition: str
    account_ids: tuple[AccountId, ...] = ()
    """Empty for every member account: AWS itself refuses any other."""
    kept_ids: tuple[AccountId, ...] = ()
    """The failsafe: its root login is never deleted with the role that deletes."""

    @property
    def arns(self) -> list[str]:
        wanted: list[str] = [*sorted(set(self.account_ids))] or ["*"]
        return [self.root_user_arn(account_id) for account_id in wanted]

    def root_user_arn(self, account_id: str) -> str:
        return f"arn:{self.partition}:iam::{account_id}:root"


@dataclass(frozen=True, slots=True)
class RoleTrust:
    """Who may assume the roles."""

    people: tuple[TrustedPrincipal, ...]
    server: TrustedPrincipal | None = None


@dataclass(frozen=True, slots=True)
class ShippedCallerRole:
    """One role, ready to be made."""

    role: ShippedRole
    description: str
    commands: tuple[str, ...]
    """The commands that it is enough for."""
    grant: PermissionGrant
    permission_policy: PolicyDocument
    trust_policy: PolicyDocument

    @property
    def name(self) -> str:
        return self.role.role_name

    def arn(self, partition: str, account_id: AccountId) -> str:
        return f"arn:{partition}:iam::{account_id}:role/{self.name}"


def make_role(role: ShippedRole, targets: RoleTargets, trust: RoleTrust) -> ShippedCallerRole:
    """The role with both its policies.

    :raises InputError: if a policy is larger than AWS takes.
    """
    commands = list_commands(role)
    return ShippedCallerRole(
        role=role,
        description=_DESCRIPTIONS[role],
        commands=tuple(command.command for command in commands),
        grant=combine(commands),
        permission_policy=make_permission_policy(commands, targets),
        trust_policy=make_trust_policy(trust),
    )


def make_permission_policy(commands: Sequence[CommandPermissions], targets: RoleTargets) -> PolicyDocument:
    """What is enough for the commands, and not more.

    :raises InputError: if it is larger than AWS takes.
    """
    deletes = any(command.role is ShippedRole.DELETE for command in commands)
    kept = targets.kept_ids if deletes else ()
    document = make_document(_list_permissions(combine(commands), targets, kept))
    require_fits(
        measure_iam_policy(document),
        MANAGED_POLICY_CHARACTERS,
        "The permission policy",
        f"Name fewer accounts. Inline, IAM takes {INLINE_POLICY_CHARACTERS:,} characters, but not as a managed policy.",
    )
    return document


def _list_permissions(
    grant: PermissionGrant, targets: RoleTargets, kept_ids: Sequence[AccountId]
) -> Iterator[Statement]:
    for service, sid in _OWN_CALLS.items():
        actions = [action for action in grant.actions if action.startswith(f"{service}:")]
        if actions:
            yield {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"}
    if grant.task_policies:
        yield {
            "Sid": "OpenRootSessions",
            "Effect": "Allow",
            "Action": OPEN_ROOT_SESSION,
            "Resource": targets.arns,
            "Condition": _pin_tasks(grant.task_policies, targets.partition),
        }
    if kept_ids and TaskPolicy.DELETE in grant.task_policies:
        yield {
            "Sid": "KeepTheFailsafe",
            "Effect": "Deny",
            "Action": OPEN_ROOT_SESSION,
            "Resource": [targets.root_user_arn(account_id) for account_id in sorted(kept_ids)],
            "Condition": _pin_tasks((TaskPolicy.DELETE,), targets.partition),
        }


_OWN_CALLS = {
    "organizations": "Organization",
    "iam": "IdentityAndAccess",
    "account": "Accounts",
    "sso": "IdentityCenter",
    "identitystore": "IdentityStore",
}
"""The Sid for each service that is asked with the caller's own credentials. Source: Service Authorization Reference;
what is used of these services takes no resource narrower than ``*``, or is asked about every account.
"""


def _pin_tasks(tasks: Sequence[TaskPolicy], partition: str) -> dict[str, dict[str, list[str]]]:
    return {"ArnEquals": {"sts:TaskPolicyArn": [task.arn(partition) for task in tasks]}}


def make_trust_policy(trust: RoleTrust) -> PolicyDocument:
    """Who may assume a role, and under which condition.

    :raises InputError: if it is larger than AWS takes.
    """
    document = make_document(_list_trust(trust))
    require_fits(
        measure_iam_policy(document),
        TRUST_POLICY_CHARACTERS,
        "The trust policy",
        "Trust fewer principals: a role that people assume first, or a group's account.",
    )
    return document


def _list_trust(trust: RoleTrust) -> Iterator[Statement]:
    with_mfa = [principal for principal in trust.people if principal.can_show_mfa]
    roles = [principal for principal in trust.people if not principal.can_show_mfa]
    yield from _list_trust_statements("PeopleWithMfa", with_mfa, _WITH_MFA)
    yield from _list_trust_statements("RolesWhoseSignInDemandsMfa", roles, {})
    if trust.server is not None:
        yield from _list_trust_statements(
            "ServerInTheNameOfAPerson", [trust.server], {"StringLike": {"sts:SourceIdentity": "?*"}}
        )


_WITH_MFA = {
    "Bool": {"aws:MultiFactorAuthPresent": "true"},
    # An IAM user can name nobody but itself.
    "StringEqualsIfExists": {"sts:SourceIdentity": "${aws:username}"},
}


def _list_trust_statements(
    sid: str, principals: Sequence[TrustedPrincipal], condition: Mapping[str, Any]
) -> Iterator[Statement]:
    """One statement for principals by name; one for patterns, which AWS takes only as a condition on an account."""
    named = sorted({principal.arn for principal in principals if not principal.is_pattern})
    patterns = sorted({principal.arn for principal in principals if principal.is_pattern})
    accounts = sorted({principal.account_arn for principal in principals if principal.is_pattern})
    if named:
        yield _trust(sid, named, condition)
    if patterns:
        yield _trust(f"{sid}ByPattern", accounts, {**condition, "ArnLike": {"aws:PrincipalArn": patterns}})


def _trust(sid: str, arns: Sequence[str], condition: Mapping[str, Any]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": list(arns)},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        **({"Condition": condition} if condition else {}),
    }
