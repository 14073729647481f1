"""IAM: the policies of users and roles, and the AWS managed policies that the sandbox knows.

Source: IAM, API version 2010-05-08.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from rootkeeper_sandbox.exchange import Call, ServedOperations, any_resource
from rootkeeper_sandbox.services.iam_credentials import caller_account, describe_user, no_such_entity, render_page
from rootkeeper_sandbox.services.iam_identities import describe_role, get_identity, identity_arn, render_tags
from rootkeeper_sandbox.state.accounts import IamRole, IamUser, Permissions, derive_unique_id
from rootkeeper_sandbox.state.policies import MANAGED_DOCUMENTS, find_managed_document, managed_policy_arn

_VERSION = "v1"


def _policy_arn(call: Call) -> str:
    return str(call.parameters["PolicyArn"])


OPERATIONS = ServedOperations("iam", resource=identity_arn)


@OPERATIONS.read("ListRolePolicies")
@OPERATIONS.read("ListUserPolicies")
def list_inline_policies(call: Call) -> dict[str, Any]:
    """List the names of inline policies."""
    return render_page(call, "PolicyNames", sorted(get_identity(call).permissions.inline_policies))


@OPERATIONS.read("GetRolePolicy")
@OPERATIONS.read("GetUserPolicy")
def get_inline_policy(call: Call) -> dict[str, Any]:
    """Give the document of an inline policy."""
    identity, name = get_identity(call), call.parameters["PolicyName"]
    document = identity.permissions.inline_policies.get(name)
    kind, member = ("user", "UserName") if isinstance(identity, IamUser) else ("role", "RoleName")
    if document is None:
        raise no_such_entity(f"The {kind} policy with name {name} cannot be found.")
    return {member: identity.name, "PolicyName": name, "PolicyDocument": quote(document, safe="")}


@OPERATIONS.read("ListAttachedRolePolicies")
@OPERATIONS.read("ListAttachedUserPolicies")
def list_attached_policies(call: Call) -> dict[str, Any]:
    """List the managed policies that are attached, those under a path if the call names it."""
    prefix = call.parameters.get("PathPrefix", "/")
    attached = [arn for arn in get_identity(call).permissions.managed_policies if _path_of(arn).startswith(prefix)]
    return render_page(call, "AttachedPolicies", _render_attached(attached))


@OPERATIONS.read("ListEntitiesForPolicy", resource=_policy_arn)
def list_entities_for_policy(call: Call) -> dict[str, Any]:
    """List the users and roles that a managed policy is attached to; it is no one's boundary."""
    _get_document(call)
    wanted, prefix = call.parameters.get("EntityFilter"), call.parameters.get("PathPrefix", "/")
    is_boundary = call.parameters.get("PolicyUsageFilter") == "PermissionsBoundary"
    found = [] if is_boundary else _find_holders(call, call.parameters["PolicyArn"])
    items = [
        ("PolicyUsers", {"UserName": identity.name, "UserId": identity.user_id})
        if isinstance(identity, IamUser)
        else ("PolicyRoles", {"RoleName": identity.name, "RoleId": identity.role_id})
        for identity in found
        if wanted in (None, "User" if isinstance(identity, IamUser) else "Role") and identity.path.startswith(prefix)
    ]
    page = render_page(call, "items", items)
    holders: dict[str, list[Any]] = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    for member, holder in page.pop("items"):
        holders[member].append(holder)
    return holders | page


@OPERATIONS.read("ListPolicies", resource=any_resource)
def list_policies(call: Call) -> dict[str, Any]:
    """List the managed policies; all of them are AWS's."""
    asked = call.parameters
    is_none = asked.get("Scope") == "Local" or asked.get("PolicyUsageFilter") == "PermissionsBoundary"
    arns = [] if is_none else [managed_policy_arn(call.world.partition, name) for name in MANAGED_DOCUMENTS]
    described = [
        _describe_policy(call, arn)
        for arn in arns
        if _path_of(arn).startswith(asked.get("PathPrefix", "/"))
        and (not asked.get("OnlyAttached") or _find_holders(call, arn))
    ]
    return render_page(call, "Policies", described)


def _find_holders(call: Call, arn: str) -> list[IamUser | IamRole]:
    return [identity for identity in _list_identities(call) if arn in identity.permissions.managed_policies]


def _list_identities(call: Call) -> list[IamUser | IamRole]:
    identities = caller_account(call).identities
    return [*identities.users.values(), *identities.roles.values()]


def _render_attached(arns: list[str]) -> list[dict[str, str]]:
    return [{"PolicyName": _name_of(arn), "PolicyArn": arn} for arn in arns]


def _name_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def _path_of(arn: str) -> str:
    """Read the path out of a managed policy's ARN, such as ``/`` or ``/root-task/``."""
    return f"/{arn.removesuffix(_name_of(arn)).partition('/')[2]}"


_MEMBERS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


@OPERATIONS.read("GetAccountAuthorizationDetails", resource=any_resource)
def get_account_authorization_details(call: Call) -> dict[str, Any]:
    """List users, roles and the managed policies that are attached to any of them, all in a single row of pages."""
    wanted = set(call.parameters.get("Filter") or _MEMBERS)
    items = [item for item in _list_details(call) if item["kind"] in wanted]
    page = render_page(call, "items", items)
    found: dict[str, Any] = {member: [] for member in _MEMBERS.values()}
    for item in page.pop("items"):
        found[_MEMBERS[item["kind"]]].append(item["detail"])
    return found | page


def _list_details(call: Call) -> Iterator[dict[str, Any]]:
    account, identities = caller_account(call), _list_identities(call)
    for identity in identities:
        if isinstance(identity, IamUser):
            described = describe_user(call, account, identity) | {"GroupList": []}
            yield {"kind": "User", "detail": described | _describe_permissions(identity.permissions, "UserPolicyList")}
        else:
            described = describe_role(call, account, identity) | {"InstanceProfileList": []}
            yield {"kind": "Role", "detail": described | _describe_permissions(identity.permissions, "RolePolicyList")}
    attached = dict(pair for identity in identities for pair in identity.permissions.managed_policies.items())
    for arn, document in attached.items():
        versions = {"PolicyVersionList": [_describe_version(call, document)]}
        yield {"kind": "AWSManagedPolicy", "detail": _describe_policy(call, arn) | versions}


def _describe_permissions(permissions: Permissions, inline_name: str) -> dict[str, Any]:
    """Give inline policies, as the member ``inline_name``, attached policies and tags."""
    inline, attached, tags = permissions.inline_policies, permissions.managed_policies, permissions.tags
    return {
        inline_name: [{"PolicyName": name, "PolicyDocument": quote(text, safe="")} for name, text in inline.items()],
        "AttachedManagedPolicies": _render_attached(list(attached)),
        "Tags": render_tags(tags),
    }


def _describe_policy(call: Call, arn: str) -> dict[str, Any]:
    return {
        "PolicyName": _name_of(arn),
        "Arn": arn,
        "PolicyId": derive_unique_id("ANPA", arn),
        "Path": _path_of(arn),
        "DefaultVersionId": _VERSION,
        "AttachmentCount": len(_find_holders(call, arn)),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": call.world.account(call.principal.account_id).created_at,
    }


def _describe_version(call: Call, document: str) -> dict[str, Any]:
    created_at = call.world.account(call.principal.account_id).created_at
    shown = quote(document, safe="")
    return {"Document": shown, "VersionId": _VERSION, "IsDefaultVersion": True, "CreateDate": created_at}


@OPERATIONS.read("GetPolicy", resource=_policy_arn)
def get_policy(call: Call) -> dict[str, Any]:
    """Describe an AWS managed policy that the sandbox knows."""
    _get_document(call)
    return {"Policy": _describe_policy(call, call.parameters["PolicyArn"])}


@OPERATIONS.read("GetPolicyVersion", resource=_policy_arn)
def get_policy_version(call: Call) -> dict[str, Any]:
    """Give the document of an AWS managed policy that the sandbox knows."""
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
