"""Everything that identity policies say in an account, in one listing, and the documents of managed policies.

Source: IAM GetAccountAuthorizationDetails, GetPolicy and GetPolicyVersion, API version 2010-05-08.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.iam.listings import render_page
from rootkeeper.sandbox.services.iam.subjects import caller_account, no_such_entity
from rootkeeper.sandbox.state import Account, IamRole, IamUser
from rootkeeper.sandbox.state.accounts import Permissions
from rootkeeper.sandbox.state.managed_policies import find_managed_document

_VERSION = "v1"
_MEMBERS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


def get_account_authorization_details(call: Call) -> dict[str, Any]:
    """List users, roles and the managed policies that are attached to any of them, all in one row of pages."""
    wanted = set(call.parameters.get("Filter") or _MEMBERS)
    items = [item for item in _list_details(call) if item["kind"] in wanted]
    page = render_page(call, "items", items)
    found: dict[str, Any] = {member: [] for member in _MEMBERS.values()}
    for item in page.pop("items"):
        found[_MEMBERS[item["kind"]]].append(item["detail"])
    return found | page


def _list_details(call: Call) -> Iterator[dict[str, Any]]:
    account = caller_account(call)
    identities = account.existing_identities
    users = identities.users.values() if identities else ()
    roles = identities.roles.values() if identities else ()
    for user in users:
        yield {"kind": "User", "detail": _describe_user(call, account, user)}
    for role in roles:
        yield {"kind": "Role", "detail": _describe_role(call, account, role)}
    attached = dict(pair for one in (*users, *roles) for pair in one.permissions.managed_policies.items())
    for arn, document in attached.items():
        yield {"kind": "AWSManagedPolicy", "detail": _describe_policy(call, arn) | _describe_versions(call, document)}


def _describe_user(call: Call, account: Account, user: IamUser) -> dict[str, Any]:
    described = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.user_id,
        "Arn": call.world.user_arn(account.account_id, user),
        "CreateDate": user.created_at,
        "UserPolicyList": _describe_inline(user.permissions),
        "GroupList": [],
    }
    return described | _describe_attached(user.permissions) | _describe_tags(user.permissions)


def _describe_role(call: Call, account: Account, role: IamRole) -> dict[str, Any]:
    described = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.role_id,
        "Arn": call.world.role_arn(account.account_id, role),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": quote(role.trust_policy, safe=""),
        "InstanceProfileList": [],
        "RolePolicyList": _describe_inline(role.permissions),
    }
    return described | _describe_attached(role.permissions) | _describe_tags(role.permissions)


def _describe_inline(permissions: Permissions) -> list[dict[str, str]]:
    documents: Mapping[str, str] = permissions.inline_policies
    return [{"PolicyName": name, "PolicyDocument": quote(text, safe="")} for name, text in documents.items()]


def _describe_attached(permissions: Permissions) -> dict[str, Any]:
    arns = permissions.managed_policies
    return {"AttachedManagedPolicies": [{"PolicyName": _name_of(arn), "PolicyArn": arn} for arn in arns]}


def _describe_tags(permissions: Permissions) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in permissions.tags.items()]}


def _describe_policy(call: Call, arn: str) -> dict[str, Any]:
    return {
        "PolicyName": _name_of(arn),
        "Arn": arn,
        "Path": "/",
        "DefaultVersionId": _VERSION,
        "AttachmentCount": 0,
        "IsAttachable": True,
        "CreateDate": call.world.account(call.principal.account_id).created_at,
    }


def _describe_versions(call: Call, document: str) -> dict[str, Any]:
    return {"PolicyVersionList": [_describe_version(call, document)]}


def _describe_version(call: Call, document: str) -> dict[str, Any]:
    created_at = call.world.account(call.principal.account_id).created_at
    shown = quote(document, safe="")
    return {"Document": shown, "VersionId": _VERSION, "IsDefaultVersion": True, "CreateDate": created_at}


def _name_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def get_policy(call: Call) -> dict[str, Any]:
    """Describe one of the AWS managed policies that the sandbox knows."""
    _get_document(call)
    return {"Policy": _describe_policy(call, call.parameters["PolicyArn"])}


def get_policy_version(call: Call) -> dict[str, Any]:
    """Give the document of one of the AWS managed policies that the sandbox knows."""
    document = _get_document(call)
    if call.parameters["VersionId"] != _VERSION:
        raise no_such_entity(f"Policy {call.parameters['PolicyArn']} version {call.parameters['VersionId']} not found.")
    return {"PolicyVersion": _describe_version(call, document)}


def _get_document(call: Call) -> str:
    arn = call.parameters["PolicyArn"]
    document = find_managed_document(arn, call.world.partition)
    if document is None:
        raise no_such_entity(f"Policy {arn} was not found.")
    return document


def _policy_arn(call: Call) -> str:
    return str(call.parameters["PolicyArn"])


OPERATIONS = {
    "GetAccountAuthorizationDetails": Operation(
        get_account_authorization_details, "iam:GetAccountAuthorizationDetails"
    ),
    "GetPolicy": Operation(get_policy, "iam:GetPolicy", resource=_policy_arn),
    "GetPolicyVersion": Operation(get_policy_version, "iam:GetPolicyVersion", resource=_policy_arn),
}
