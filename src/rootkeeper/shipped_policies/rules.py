"""The permissions of each command, and the shipped roles and guardrails as policy documents.

A table lists the permissions of each command's reads; the catalogue of actions adds those of its changes and audits. A
role's policy is the union over its commands, so it grants nothing else. Tests run every command with exactly its
actions, and without each of them (promise P17). The table leaves out optional calls, calls inside a root session, and
sts:GetCallerIdentity, which need no grant to the caller. Actions, accounts and principals are sorted, so that the same
input gives the same text.

A principal with a role can use it without Rootkeeper. So each role is limited to its tasks by ``sts:TaskPolicyArn`` and
to its targets by their ARNs. ``trust`` says who may assume it. A session with a source identity other than its own name
opens no root session, even if the trust policy was changed. No role of a server creates or deletes root user
credentials of the failsafe. Only the role ``set-up``, which people assume in the management account, can. The role
``report`` opens no root session, and writes only to Security Hub of its own account and to the bucket for reports.

The first guardrail denies everything to long-term root. It exempts root sessions by ``aws:AssumedRoot``; otherwise it
would break every tool that uses them. The second limits the root sessions of a delegated administrator.

Source: STS AssumeRoot; Service Authorization Reference, AWS STS; IAM User Guide, "AWS global condition context keys",
aws:AssumedRoot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.catalogue import CATALOGUE, OPEN_ROOT_SESSION
from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.shipped_policies.documents import (
    INLINE_POLICY_CHARACTERS,
    MANAGED_POLICY_CHARACTERS,
    SERVICE_CONTROL_POLICY_CHARACTERS,
    PolicyDocument,
    Statement,
    make_document,
    measure_guardrail,
    measure_iam_policy,
    require_fits,
)
from rootkeeper.shipped_policies.trust import DENY_ANOTHER_NAME, RoleTrust, make_trust_policy
from rootkeeper.windows.rules import LONGEST_DURATION


class ShippedRole(StrEnum):
    """The roles with Rootkeeper's permissions. A server can assume the first five; only people set up."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    REPORT = "report"
    UNLOCK = "unlock"
    SET_UP = "set-up"
    """Only in the management account, because no other account can enable the features. Also creates the failsafe's
    root login.
    """

    @property
    def role_name(self) -> str:
        """The name of the IAM role. It has no path, because the ARNs of sessions don't contain a path."""
        return f"rootkeeper-{self.value}"


SERVER_ROLES = (ShippedRole.AUDIT, ShippedRole.DELETE, ShippedRole.RECOVER, ShippedRole.REPORT, ShippedRole.UNLOCK)


@dataclass(frozen=True, slots=True)
class CommandPermissions:
    """The permissions that a command needs."""

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
"""DescribeAccount is for an account that left since the last listing, ListAccountsForParent for a partition where
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

_MAKE_POLICIES = _READ_SET_UP | {"organizations:ListRoots"}

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

_IMPORT_FINDINGS = CATALOGUE[Action.FINDINGS_IMPORT]
PUT_REPORTS = tuple(sorted(CATALOGUE[Action.REPORT_SEND].permissions))
"""HeadObject, which reads back the stored report, needs s3:GetObject."""


def _command(command: str, role: ShippedRole, reads: frozenset[str]) -> CommandPermissions:
    """Add the permissions of the command's actions, as in the catalogue, to those of its other reads."""
    rows = [row for row in CATALOGUE.values() if command in row.commands]
    return CommandPermissions(
        command,
        role,
        reads.union(*(row.permissions for row in rows)),
        frozenset[TaskPolicy]().union(*(row.task_policies for row in rows)),
    )


def _audit(command: str, reads: frozenset[str]) -> CommandPermissions:
    return _command(command, ShippedRole.AUDIT, reads)


COMMANDS = (
    _audit("status", _READ_SET_UP | _READ_GUARDRAILS | {"account:ListRegions", "events:DescribeRule"}),
    _audit("audit", _READ_INVENTORY | _INFER_SET_UP | _READ_GUARDRAILS | _SELECT_BY_TAG | {"iam:GetAccountSummary"}),
    _audit("preflight", _READ_INVENTORY | _READ_GUARDRAILS | _SELECT_BY_TAG),
    _audit("emails list", _READ_INVENTORY | _SELECT_BY_TAG),
    _audit("emails attest", _NAME_ORGANIZATION),
    _audit("controls attest", _NAME_ORGANIZATION),
    _audit("failsafe check", _READ_INVENTORY | _READ_GUARDRAILS_OF_ONE),
    _audit("failsafe runbook", _READ_INVENTORY),
    _audit("failsafe attest", _FIND_ACCOUNT),
    _audit("failsafe record-drill", _FIND_ACCOUNT),
    _audit("breakglass", _READ_INVENTORY | _READ_GUARDRAILS_OF_ONE | _READ_OPENERS),
    _audit("plan", _READ_INVENTORY | _READ_GUARDRAILS | _SELECT_BY_TAG),
    _audit("policies alarms", _MAKE_POLICIES),
    _audit("policies cloudformation", _MAKE_POLICIES),
    _audit("policies roles", _MAKE_POLICIES),
    _audit("policies scp", _MAKE_POLICIES),
    _audit("policies terraform", _MAKE_POLICIES),
    _audit("jobs list", _NAME_ORGANIZATION),
    _audit("jobs show", _NAME_ORGANIZATION),
    _audit("jobs cancel", _NAME_ORGANIZATION),
    _audit("exceptions list", _NAME_ORGANIZATION),
    _audit("windows list", _NAME_ORGANIZATION),
    _audit("windows report", _NAME_ORGANIZATION),
    _audit("windows show", _NAME_ORGANIZATION),
    _command("delete", ShippedRole.DELETE, _READ_INVENTORY | _READ_GUARDRAILS | _SELECT_BY_TAG),
    _command("apply", ShippedRole.DELETE, _READ_INVENTORY | _READ_GUARDRAILS),
    _command("jobs resume", ShippedRole.DELETE, _READ_INVENTORY | _READ_GUARDRAILS),
    _command("exceptions add", ShippedRole.DELETE, _FIND_ACCOUNT),
    _command("exceptions remove", ShippedRole.DELETE, _FIND_ACCOUNT),
    _command("recover", ShippedRole.RECOVER, _READ_INVENTORY | _READ_GUARDRAILS),
    _command("windows close", ShippedRole.RECOVER, _NAME_ORGANIZATION),
    _command("failsafe set-up", ShippedRole.SET_UP, _READ_INVENTORY | _READ_GUARDRAILS),
    _command("emails change", ShippedRole.RECOVER, _READ_INVENTORY),
    _command("report send", ShippedRole.REPORT, _NAME_ORGANIZATION),
    _command("unlock s3", ShippedRole.UNLOCK, _READ_INVENTORY | _READ_GUARDRAILS),
    _command("unlock sqs", ShippedRole.UNLOCK, _READ_INVENTORY | _READ_GUARDRAILS | {"account:ListRegions"}),
    _command("enable", ShippedRole.SET_UP, _INFER_SET_UP | {"organizations:DescribeAccount"}),
    _command("disable", ShippedRole.SET_UP, _INFER_SET_UP),
)
"""Every command that speaks to AWS; the others need nothing."""


@dataclass(frozen=True, slots=True)
class PermissionGrant:
    """The permissions that several commands need together."""

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
    """Return the union of the commands' permissions."""
    wanted = tuple(commands)
    return PermissionGrant(
        actions=tuple(sorted({action for command in wanted for action in command.actions})),
        task_policies=tuple(sorted({task for command in wanted for task in command.task_policies})),
    )


_DESCRIPTIONS = {
    ShippedRole.AUDIT: "Reads the organization and audits root user credentials; changes nothing",
    ShippedRole.DELETE: "Deletes root user credentials of member accounts and reads them again",
    ShippedRole.RECOVER: "Opens and closes recovery windows of member accounts",
    ShippedRole.REPORT: "Sends reports to Security Hub and to one bucket; opens no root session",
    ShippedRole.UNLOCK: "Removes or replaces bucket and queue policies that lock everyone out",
    ShippedRole.SET_UP: "Switches root access management on and off, sets up the failsafe; in the management account",
}


@dataclass(frozen=True, slots=True)
class RoleTargets:
    """On which accounts a role may open root sessions, and where it may send reports."""

    partition: str
    account_ids: tuple[AccountId, ...] = ()
    """Empty for every member account: AWS itself refuses any other."""
    failsafe_ids: tuple[AccountId, ...] = ()
    """The failsafes. Their root user credentials are for the role ``set-up``, unless ``account_ids`` names them."""
    role_account_id: AccountId | None = None
    """The account of the roles, with the findings in its Security Hub; ``None`` for any."""
    report_place: tuple[str, str] | None = None
    """Bucket and prefix of reports; ``None`` where none is sent to S3."""

    @property
    def kept_ids(self) -> tuple[AccountId, ...]:
        """Failsafes with root user credentials that the other roles can't change."""
        return tuple(sorted(set(self.failsafe_ids) - set(self.account_ids)))

    @property
    def arns(self) -> list[str]:
        wanted: list[str] = [*sorted(set(self.account_ids))] or ["*"]
        return [self.root_user_arn(account_id) for account_id in wanted]

    def root_user_arn(self, account_id: str) -> str:
        return f"arn:{self.partition}:iam::{account_id}:root"

    def list_resources(self, action: str) -> list[str]:
        """List the resources of an action on a resource of its own; empty if there are none."""
        account_id = self.role_account_id or "*"
        place = f"arn:{self.partition}:securityhub:*:{account_id}"
        if action in _IMPORT_FINDINGS.operations:
            return [f"{place}:product/{account_id}/default"]
        if action in _IMPORT_FINDINGS.reads:
            return [f"{place}:hub/default"]
        return [] if self.report_place is None else [f"arn:{self.partition}:s3:::{'/'.join(self.report_place)}*"]


@dataclass(frozen=True, slots=True)
class ShippedCallerRole:
    """A role, ready to be made."""

    role: ShippedRole
    description: str
    commands: tuple[str, ...]
    """The commands that it is enough for."""
    grant: PermissionGrant
    permission_policy: PolicyDocument
    trust_policy: PolicyDocument
    max_session_seconds: int
    """The role's MaxSessionDuration. The session of another role that assumes it never lasts longer than an hour."""

    @property
    def name(self) -> str:
        return self.role.role_name

    def arn(self, partition: str, account_id: AccountId) -> str:
        return f"arn:{partition}:iam::{account_id}:role/{self.name}"


_SHORTEST_SESSION, _LONGEST_SESSION = timedelta(hours=1), timedelta(hours=12)
"""Source: IAM CreateRole, MaxSessionDuration."""

_UNUSED_SESSION_TIME = timedelta(minutes=15)
"""How long a session lasts beyond a window: signing in and the confirmation before it, a minute for closing, and ten
minutes in which botocore doesn't use a session any more that it can't renew.
"""

_OPENS_WINDOWS = frozenset({ShippedRole.RECOVER, ShippedRole.SET_UP})


def find_max_session(role: ShippedRole, longest_window: timedelta) -> timedelta:
    """Return the MaxSessionDuration with which a session of the role can close the longest window, if IAM allows it."""
    if role not in _OPENS_WINDOWS:
        return _SHORTEST_SESSION
    return max(_SHORTEST_SESSION, min(longest_window + _UNUSED_SESSION_TIME, _LONGEST_SESSION))


def make_role(
    role: ShippedRole, targets: RoleTargets, trust: RoleTrust, longest_window: timedelta = LONGEST_DURATION
) -> ShippedCallerRole:
    """:raises InputError: if a policy is larger than AWS takes."""
    commands = list_commands(role)
    return ShippedCallerRole(
        role=role,
        description=_DESCRIPTIONS[role],
        commands=tuple(command.command for command in commands),
        grant=combine(commands),
        permission_policy=make_permission_policy(commands, targets),
        trust_policy=make_trust_policy(trust),
        max_session_seconds=int(find_max_session(role, longest_window).total_seconds()),
    )


def make_permission_policy(commands: Sequence[CommandPermissions], targets: RoleTargets) -> PolicyDocument:
    """Make the policy that allows the commands of a role, and nothing else.

    :raises InputError: if it is larger than AWS takes.
    """
    document = make_document(_list_permissions(commands, targets))
    require_fits(
        measure_iam_policy(document),
        MANAGED_POLICY_CHARACTERS,
        "The permission policy",
        f"Name fewer accounts. Inline, IAM takes {INLINE_POLICY_CHARACTERS:,} characters, but not as a managed policy.",
    )
    return document


def _list_permissions(commands: Sequence[CommandPermissions], targets: RoleTargets) -> Iterator[Statement]:
    grant = combine(commands)
    for service, sid in _OWN_CALLS.items():
        actions = [action for action in grant.actions if action.startswith(f"{service}:")]
        if actions:
            yield {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"}
    for sid, on_resource in _ON_RESOURCES.items():
        wanted = [action for action in on_resource if action in grant.actions]
        if wanted and (resources := targets.list_resources(wanted[0])):
            yield {"Sid": sid, "Effect": "Allow", "Action": wanted, "Resource": resources}
    is_set_up = any(command.role is ShippedRole.SET_UP for command in commands)
    reached = (
        [targets.root_user_arn(account_id) for account_id in sorted(targets.failsafe_ids)]
        if is_set_up
        else targets.arns
    )
    if grant.task_policies and reached:
        yield {
            "Sid": "OpenRootSessions",
            "Effect": "Allow",
            "Action": OPEN_ROOT_SESSION,
            "Resource": reached,
            "Condition": _pin_tasks(grant.task_policies, targets.partition),
        }
        yield DENY_ANOTHER_NAME
    changing = [task for task in grant.task_policies if task in _CHANGING_CREDENTIALS]
    if targets.kept_ids and changing and not is_set_up:
        yield {
            "Sid": "KeepTheFailsafe",
            "Effect": "Deny",
            "Action": OPEN_ROOT_SESSION,
            "Resource": [targets.root_user_arn(account_id) for account_id in targets.kept_ids],
            "Condition": _pin_tasks(changing, targets.partition),
        }


_CHANGING_CREDENTIALS = frozenset({TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE})

_OWN_CALLS = {
    "organizations": "Organization",
    "iam": "IdentityAndAccess",
    "account": "Accounts",
    "events": "EventRules",
    "sso": "IdentityCenter",
    "identitystore": "IdentityStore",
}
"""The Sid for each service that is asked with the caller's own credentials. Source: Service Authorization Reference;
the actions in use take no resource narrower than ``*``, or concern every account.
"""


_ON_RESOURCES = {
    "ImportFindings": _IMPORT_FINDINGS.operations,
    "ReadFindings": _IMPORT_FINDINGS.reads,
    "PutReports": PUT_REPORTS,
}
"""The actions on resources of their own, by the Sid of their statement, in which all have the same resource."""


def _pin_tasks(tasks: Sequence[TaskPolicy], partition: str) -> dict[str, dict[str, list[str]]]:
    return {"ArnEquals": {"sts:TaskPolicyArn": [task.arn(partition) for task in tasks]}}


class GuardrailKind(StrEnum):
    """The policies by what they do; their names in the organization."""

    DENY_LONG_TERM_ROOT = "deny-long-term-root"
    CAP_DELEGATED_ADMINISTRATOR = "cap-delegated-administrator"

    @property
    def policy_name(self) -> str:
        return f"rootkeeper-{self.value}"


DEFAULT_CAP = (TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE)
"""The tasks that the failsafe needs when it is the only way in that is left: audit, create and delete."""


@dataclass(frozen=True, slots=True)
class ShippedGuardrail:
    """A service control policy, and where it belongs."""

    kind: GuardrailKind
    description: str
    attach_to: tuple[str, ...]
    """Where to attach it; ``root`` is the organization's root. Rootkeeper never attaches it."""
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
