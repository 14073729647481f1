"""The permissions of each command, and the shipped roles and guardrails as policy documents.

One table lists what each command needs. A role's policy is the union over its commands, so it grants nothing else.
Tests run every command with exactly its actions, and without each of them (promise P17). The table leaves out optional
calls, calls inside a root session, and sts:GetCallerIdentity, which need no grant to the caller. Actions, accounts and
principals are sorted, so that the same input gives the same text.

A principal with a role can use it without Rootkeeper. So each role is limited to its tasks by ``sts:TaskPolicyArn`` and
to its targets by their ARNs. People assume it with MFA. A server assumes it only with a source identity, so that
CloudTrail names the person. A role session never carries ``aws:MultiFactorAuthPresent``, so a trust policy can't
require it of a role.

The first guardrail denies everything to long-term root. It exempts root sessions by ``aws:AssumedRoot``; otherwise it
would break every tool that uses them. The second limits the root sessions of a delegated administrator.

Source: STS AssumeRoot; Service Authorization Reference, AWS STS; IAM User Guide, "Secure API access with MFA", "Monitor
and control actions taken with assumed roles" and "AWS global condition context keys", aws:AssumedRoot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId

PolicyDocument: TypeAlias = Mapping[str, Any]
Statement: TypeAlias = Mapping[str, Any]
POLICY_VERSION = "2012-10-17"
MANAGED_POLICY_CHARACTERS = 6_144

INLINE_POLICY_CHARACTERS = 10_240
"""All inline policies of a role together."""

TRUST_POLICY_CHARACTERS = 2_048
"""Can be raised; nothing shipped needs it.

Source of the three: IAM User Guide, "IAM and AWS STS quotas"; white space doesn't count.
"""

SERVICE_CONTROL_POLICY_CHARACTERS = 10_240
"""Source: Organizations User Guide, "Quotas and service limits"; white space counts unless the console saves it."""

_WHITE_SPACE = re.compile(r"\s")


def make_document(statements: Iterable[Statement]) -> PolicyDocument:
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def render_document(document: PolicyDocument) -> str:
    """JSON as a person reads it, and as ``--policy-document file://…`` takes it."""
    return json.dumps(document, indent=2) + "\n"


def measure_iam_policy(document: PolicyDocument) -> int:
    """Characters as IAM counts them: without white space."""
    return len(_WHITE_SPACE.sub("", json.dumps(document)))


def measure_guardrail(document: PolicyDocument) -> int:
    """Characters as Organizations counts them when the text that we write is uploaded as it is."""
    return len(render_document(document))


def require_fits(measured: int, limit: int, what: str, hint: str) -> None:
    """Refuse a document that AWS would refuse.

    :raises InputError: if it is larger than AWS takes.
    """
    if measured > limit:
        raise InputError(
            f"{what} would have {measured:,} characters, and AWS takes at most {limit:,}.",
            hint=hint,
        )


class ShippedRole(StrEnum):
    """The roles with Rootkeeper's permissions. A server can assume the first four; only people set up."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    UNLOCK = "unlock"
    SET_UP = "set-up"
    """Only in the management account, because no other account can enable the features."""

    @property
    def role_name(self) -> str:
        """The name of the IAM role. It has no path, because the ARNs of sessions don't contain one."""
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
"""DescribeAccount is for an account that left since the last listing, ListAccountsForParent for a partition whose
ListAccounts doesn't return the accounts' places.
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
"""Each policy of the organization and its attachments. Commands that open root sessions use it to name a blocking
policy if AWS doesn't.
"""

_READ_GUARDRAILS_OF_ONE = frozenset({"organizations:DescribePolicy", "organizations:ListPoliciesForTarget"})

_INFER_SET_UP = _READ_SET_UP - {"organizations:ListAWSServiceAccessForOrganization"}
"""Without that call trusted access is inferred: AWS returns the features only while it is on."""

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


_ARN = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):iam::(?P<account_id>[0-9]{12}):"
    r"(?P<name>root|(?P<kind>user|role)/[\w+=,.@*/-]{1,512})",
    re.ASCII,
)

_ACCOUNT_ID = re.compile(r"[0-9]{12}", re.ASCII)


class PrincipalKind(StrEnum):
    """What an ARN names."""

    ACCOUNT = "account"
    """``…:root``: every principal that the account's own policies allow."""
    ROLE = "role"
    USER = "user"


@dataclass(frozen=True, slots=True)
class TrustedPrincipal:
    """A principal that a role's trust policy names."""

    arn: str
    account_id: AccountId
    kind: PrincipalKind

    @property
    def is_pattern(self) -> bool:
        """Whether it has a wildcard, which AWS takes only in a condition."""
        return "*" in self.arn

    @property
    def can_show_mfa(self) -> bool:
        """Whether AWS knows of its MFA when it assumes a role."""
        return self.kind is not PrincipalKind.ROLE

    @property
    def account_arn(self) -> str:
        return f"{self.arn.rpartition(f':{self.account_id}:')[0]}:{self.account_id}:root"


def parse_principal(text: str, partition: str, subject: str) -> TrustedPrincipal:
    """Parse an ARN of an account, user or role, or an account id.

    :param subject: its name in an error, such as ``The trusted principal``.
    :raises InputError: if it is none of these, or of another partition.
    """
    if _ACCOUNT_ID.fullmatch(text):
        text = f"arn:{partition}:iam::{text}:root"
    match = _ARN.fullmatch(text)
    if match is None:
        raise InputError(
            f"{subject} {text!r} isn't an IAM principal.",
            hint=f"Give the ARN of a user, role or account, such as arn:{partition}:iam::111122223333:user/NAME, or an"
            " account id.",
        )
    if match["partition"] != partition:
        raise InputError(
            f"{subject} {text} is in the partition {match['partition']}, but this organization is in {partition}.",
            hint="A role can only be assumed within its partition.",
        )
    kind = PrincipalKind(match["kind"]) if match["kind"] else PrincipalKind.ACCOUNT
    return TrustedPrincipal(text, AccountId(match["account_id"]), kind)


_DESCRIPTIONS = {
    ShippedRole.AUDIT: "Reads the organization and audits root user credentials; changes nothing",
    ShippedRole.DELETE: "Deletes root user credentials of member accounts and reads them again",
    ShippedRole.RECOVER: "Opens and closes recovery windows of member accounts",
    ShippedRole.UNLOCK: "Removes or replaces bucket and queue policies that lock everyone out",
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
    with_mfa = [principal for principal in trust.people if principal.can_show_mfa]
    roles = [principal for principal in trust.people if not principal.can_show_mfa]
    statements = [
        *_list_trust_statements("PeopleWithMfa", with_mfa, _WITH_MFA),
        *_list_trust_statements("RolesWhoseSignInDemandsMfa", roles, {}),
    ]
    if trust.server is not None:
        condition = {"StringLike": {"sts:SourceIdentity": "?*"}}
        statements += _list_trust_statements("ServerInTheNameOfAPerson", [trust.server], condition)
    document = make_document(statements)
    require_fits(
        measure_iam_policy(document),
        TRUST_POLICY_CHARACTERS,
        "The trust policy",
        "Trust fewer principals: a role that people assume first, or a group's account.",
    )
    return document


_WITH_MFA = {
    "Bool": {"aws:MultiFactorAuthPresent": "true"},
    # An IAM user can only name itself.
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


class GuardrailKind(StrEnum):
    """The policies by what they do; their names in the organization."""

    DENY_LONG_TERM_ROOT = "deny-long-term-root"
    CAP_DELEGATED_ADMINISTRATOR = "cap-delegated-administrator"

    @property
    def policy_name(self) -> str:
        return f"rootkeeper-{self.value}"


DEFAULT_CAP = (TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)
"""What the failsafe must be able to do when it is the only way in that is left: audit, create and delete."""


@dataclass(frozen=True, slots=True)
class ShippedGuardrail:
    """One service control policy, and where it belongs."""

    kind: GuardrailKind
    description: str
    attach_to: tuple[str, ...]
    """Ids of what it is meant for; ``root`` for the organization's root. Nothing attaches it by itself."""
    content: PolicyDocument


def make_deny_long_term_root(
    partition: str, failsafe_ids: Iterable[AccountId], open_window_ids: Iterable[AccountId]
) -> ShippedGuardrail:
    """Deny everything to a signed-in root user or a root access key. Root sessions, the failsafe and accounts with an
    open recovery window are exempt.

    :raises InputError: if it is larger than AWS allows.
    """
    spared = sorted({*failsafe_ids, *open_window_ids})
    condition: dict[str, dict[str, object]] = {
        "ArnLike": {"aws:PrincipalArn": [f"arn:{partition}:iam::*:root"]},
        "Null": {"aws:AssumedRoot": "true"},
    }
    if spared:
        condition["StringNotEquals"] = {"aws:PrincipalAccount": spared}
    content = make_document(
        [{"Sid": "DenyLongTermRoot", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}]
    )
    _require_fits(content, "Close recovery windows that aren't needed any more.")
    return ShippedGuardrail(
        kind=GuardrailKind.DENY_LONG_TERM_ROOT,
        description="Denies work as the root user, except root sessions, the failsafe and open recovery windows",
        attach_to=("root",),
        content=content,
    )


def make_delegate_cap(
    partition: str, delegate_ids: Iterable[AccountId], tasks: Iterable[TaskPolicy] = DEFAULT_CAP
) -> ShippedGuardrail:
    """Deny the delegated administrator's principals every root session but those for ``tasks``.

    :raises InputError: if it is larger than AWS takes.
    """
    allowed = [task.arn(partition) for task in sorted(set(tasks))]
    content = make_document(
        [
            {
                "Sid": "CapRootSessions",
                "Effect": "Deny",
                "Action": OPEN_ROOT_SESSION,
                "Resource": "*",
                "Condition": {"ArnNotEquals": {"sts:TaskPolicyArn": allowed}},
            }
        ]
    )
    _require_fits(content, "Allow fewer tasks.")
    return ShippedGuardrail(
        kind=GuardrailKind.CAP_DELEGATED_ADMINISTRATOR,
        description="The delegated administrator opens root sessions for the agreed tasks alone",
        attach_to=tuple(sorted(delegate_ids)),
        content=content,
    )


def _require_fits(content: PolicyDocument, hint: str) -> None:
    require_fits(measure_guardrail(content), SERVICE_CONTROL_POLICY_CHARACTERS, "The service control policy", hint)
