"""What each command needs of AWS, and so what each role may do.

One table. A role's policy is the union over its commands, so that nothing is granted that no command needs. Whether
each line is enough and minimal is tried in the tests: every command runs with exactly its actions, and with any one
taken away it fails or says what it couldn't read (promise P17).

Left out on purpose: what a command asks for and does without. Calls inside a root session need no grant to the caller.
sts:GetCallerIdentity needs none at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import InputError


class ShippedRole(StrEnum):
    """The roles that hold Rootkeeper's power. A server may assume the first four; setting up is left to people."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    UNLOCK = "unlock"
    SET_UP = "set-up"
    """Only in the management account: AWS lets nobody else switch the features on."""

    @property
    def role_name(self) -> str:
        """Of the IAM role. Without a path, since the ARNs of sessions don't tell it."""
        return f"rootkeeper-{self.value}"


SERVER_ROLES = (ShippedRole.AUDIT, ShippedRole.DELETE, ShippedRole.RECOVER, ShippedRole.UNLOCK)

OPEN_ROOT_SESSION = "sts:AssumeRoot"


@dataclass(frozen=True, slots=True)
class CommandPermissions:
    """What one command needs."""

    command: str
    """As it is typed, without ``rootkeeper``."""
    role: ShippedRole
    actions: frozenset[str]
    """``service:Operation``, sts:AssumeRoot apart."""
    task_policies: frozenset[TaskPolicy] = frozenset()
    """The tasks for which it opens root sessions."""


_NAME_ORGANIZATION = frozenset({"organizations:DescribeOrganization"})
_FIND_ACCOUNT = _NAME_ORGANIZATION | {
    "organizations:DescribeAccount",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListRoots",
}
"""DescribeAccount only for an account that has left since the last listing, ListAccountsForParent only where
ListAccounts doesn't tell the accounts' places: in both cases nothing can be concluded without them.
"""
_READ_INVENTORY = _FIND_ACCOUNT | {"organizations:ListDelegatedAdministrators"}
"""The delegated administrators are the failsafes, which are shown and guarded as such."""
_SELECT_BY_TAG = frozenset({"organizations:ListTagsForResource"})
_READ_SET_UP = _NAME_ORGANIZATION | {
    "iam:ListOrganizationsFeatures",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListDelegatedAdministrators",
}
_READ_GUARDRAILS = frozenset(
    {
        "organizations:DescribePolicy",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTargetsForPolicy",
    }
)
"""Each policy of the organization, and what it is attached to. Whatever opens root sessions needs it to name the policy
that blocks in one, where AWS doesn't.
"""
_READ_GUARDRAILS_OF_ONE = frozenset({"organizations:DescribePolicy", "organizations:ListPoliciesForTarget"})
_INFER_SET_UP = _READ_SET_UP - {"organizations:ListAWSServiceAccessForOrganization"}
"""Without that call trusted access shows in whether AWS tells the features."""
_READ_OPENERS = frozenset(
    {
        "iam:GenerateCredentialReport",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetAccountSummary",
        "iam:GetCredentialReport",
        "iam:GetLoginProfile",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListAccessKeys",
        "iam:ListMFADevices",
        "identitystore:DescribeGroup",
        "identitystore:DescribeUser",
        "identitystore:ListGroupMemberships",
        "sso:DescribePermissionSet",
        "sso:GetInlinePolicyForPermissionSet",
        "sso:GetPermissionsBoundaryForPermissionSet",
        "sso:ListAccountAssignments",
        "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
        "sso:ListInstances",
        "sso:ListManagedPoliciesInPermissionSet",
        "sso:ListPermissionSetsProvisionedToAccount",
    }
)
"""Who could open root sessions: the caller's own account, and IAM Identity Center."""

_AUDIT = frozenset({TaskPolicy.AUDIT})
_DELETE = _AUDIT | {TaskPolicy.DELETE}
_RECOVER = _DELETE | {TaskPolicy.CREATE_PASSWORD}


def _audit(command: str, actions: frozenset[str], tasks: frozenset[TaskPolicy] = frozenset()) -> CommandPermissions:
    return CommandPermissions(command, ShippedRole.AUDIT, actions, tasks)


COMMANDS = (
    _audit("status", _READ_SET_UP | _READ_GUARDRAILS),
    _audit(
        "audit",
        _READ_INVENTORY | _INFER_SET_UP | _READ_GUARDRAILS | _SELECT_BY_TAG | {"iam:GetAccountSummary"},
        _AUDIT,
    ),
    _audit("preflight", _READ_INVENTORY | _READ_GUARDRAILS | _SELECT_BY_TAG),
    _audit("emails list", _READ_INVENTORY | _SELECT_BY_TAG),
    _audit("emails attest", _NAME_ORGANIZATION),
    _audit("failsafe check", _READ_INVENTORY | _READ_GUARDRAILS_OF_ONE, _AUDIT),
    _audit("failsafe runbook", _READ_INVENTORY),
    _audit("failsafe record-drill", _FIND_ACCOUNT),
    _audit("breakglass", _READ_INVENTORY | _READ_GUARDRAILS_OF_ONE | _READ_OPENERS, _AUDIT),
    _audit("plan", _READ_INVENTORY | _READ_GUARDRAILS | _SELECT_BY_TAG, _AUDIT),
    _audit("policies alarms", _READ_SET_UP),
    _audit("policies cloudformation", _READ_SET_UP),
    _audit("policies roles", _READ_SET_UP),
    _audit("policies scp", _READ_SET_UP),
    _audit("policies terraform", _READ_SET_UP),
    _audit("jobs list", _NAME_ORGANIZATION),
    _audit("jobs show", _NAME_ORGANIZATION),
    _audit("jobs cancel", _NAME_ORGANIZATION),
    _audit("exceptions list", _NAME_ORGANIZATION),
    _audit("windows list", _NAME_ORGANIZATION),
    _audit("windows report", _NAME_ORGANIZATION),
    _audit("windows show", _NAME_ORGANIZATION),
    CommandPermissions("delete", ShippedRole.DELETE, _READ_INVENTORY | _READ_GUARDRAILS | _SELECT_BY_TAG, _DELETE),
    CommandPermissions("apply", ShippedRole.DELETE, _READ_INVENTORY | _READ_GUARDRAILS, _DELETE),
    CommandPermissions("jobs resume", ShippedRole.DELETE, _READ_INVENTORY | _READ_GUARDRAILS, _DELETE),
    CommandPermissions("exceptions add", ShippedRole.DELETE, _FIND_ACCOUNT),
    CommandPermissions("exceptions remove", ShippedRole.DELETE, _FIND_ACCOUNT),
    CommandPermissions("recover", ShippedRole.RECOVER, _READ_INVENTORY | _READ_GUARDRAILS, _RECOVER),
    CommandPermissions("windows close", ShippedRole.RECOVER, _NAME_ORGANIZATION, _DELETE),
    CommandPermissions("failsafe set-up", ShippedRole.RECOVER, _READ_INVENTORY | _READ_GUARDRAILS, _RECOVER),
    CommandPermissions(
        "emails change",
        ShippedRole.RECOVER,
        _READ_INVENTORY
        | {
            "account:AcceptPrimaryEmailUpdate",
            "account:GetPrimaryEmail",
            "account:GetPrimaryEmailUpdateStatus",
            "account:StartPrimaryEmailUpdate",
        },
    ),
    CommandPermissions(
        "unlock s3",
        ShippedRole.UNLOCK,
        _READ_INVENTORY | _READ_GUARDRAILS,
        frozenset({TaskPolicy.UNLOCK_BUCKET}),
    ),
    CommandPermissions(
        "unlock sqs",
        ShippedRole.UNLOCK,
        _READ_INVENTORY | _READ_GUARDRAILS | {"account:ListRegions"},
        frozenset({TaskPolicy.UNLOCK_QUEUE}),
    ),
    CommandPermissions(
        "enable",
        ShippedRole.SET_UP,
        _INFER_SET_UP
        | {
            "iam:EnableOrganizationsRootCredentialsManagement",
            "iam:EnableOrganizationsRootSessions",
            "organizations:DescribeAccount",
            "organizations:EnableAWSServiceAccess",
            "organizations:RegisterDelegatedAdministrator",
        },
    ),
    CommandPermissions(
        "disable",
        ShippedRole.SET_UP,
        _INFER_SET_UP
        | {
            "iam:DisableOrganizationsRootCredentialsManagement",
            "iam:DisableOrganizationsRootSessions",
            "organizations:DeregisterDelegatedAdministrator",
            "organizations:DisableAWSServiceAccess",
        },
    ),
)
"""Every command that speaks to AWS; the others need nothing."""


@dataclass(frozen=True, slots=True)
class PermissionGrant:
    """What several commands need together."""

    actions: tuple[str, ...]
    """Sorted; sts:AssumeRoot apart."""
    task_policies: tuple[TaskPolicy, ...]
    """Sorted by name."""


def list_commands(role: ShippedRole) -> tuple[CommandPermissions, ...]:
    return tuple(command for command in COMMANDS if command.role is role)


def get_command(name: str) -> CommandPermissions:
    """:raises InputError: if no command that speaks to AWS has that name."""
    for command in COMMANDS:
        if command.command == name:
            return command
    raise InputError(
        f"{name!r} is no command that needs permissions of AWS.",
        hint=f"Those are: {', '.join(command.command for command in COMMANDS)}.",
    )


def combine(commands: Iterable[CommandPermissions]) -> PermissionGrant:
    """The union of what the commands need."""
    wanted = tuple(commands)
    return PermissionGrant(
        actions=tuple(sorted({action for command in wanted for action in command.actions})),
        task_policies=tuple(sorted({task for command in wanted for task in command.task_policies})),
    )
