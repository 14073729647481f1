"""IAM: users and roles, enough to set up callers, and the listing of all that their policies say.

Groups, customer managed policies and boundaries aren't imitated.

Source: IAM, API version 2010-05-08.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError, any_resource
from rootkeeper_sandbox.services.iam_credentials import (
    caller_account,
    describe_user,
    get_subject,
    no_such_entity,
    render_page,
    require_user_name,
    subject_arn,
    user_not_found,
)
from rootkeeper_sandbox.state.accounts import (
    ACTIVE,
    INACTIVE,
    AccessKey,
    Account,
    IamRole,
    IamUser,
    Permissions,
    new_access_key_id,
    new_secret_access_key,
    new_unique_id,
)
from rootkeeper_sandbox.state.policies import find_managed_document
from rootkeeper_sandbox.state.world import KeyOwner

_KEYS_PER_USER = 2


def _identity_arn(call: Call) -> str:
    """Spell the ARN of the user or role that a call names, whether or not it exists yet."""
    account, path = caller_account(call), call.parameters.get("Path", "/")
    if "RoleName" not in call.parameters:
        found = account.find_user(call.parameters["UserName"])
        name = f"user{found.path if found else path}{call.parameters['UserName']}"
    else:
        role = account.find_role(call.parameters["RoleName"])
        name = f"role{role.path if role else path}{call.parameters['RoleName']}"
    return f"arn:{call.world.partition}:iam::{account.account_id}:{name}"


def _policy_arn(call: Call) -> str:
    return str(call.parameters["PolicyArn"])


OPERATIONS = ServedOperations("iam", resource=_identity_arn)


@OPERATIONS.change("CreateUser")
def create_user(call: Call) -> dict[str, Any]:
    """Create a user without any permission."""
    account, name = caller_account(call), call.parameters["UserName"]
    if account.find_user(name):
        raise ServiceError("EntityAlreadyExists", f"User with name {name} already exists.", 409)
    user = IamUser(name, new_unique_id("AIDA"), call.now, call.parameters.get("Path", "/"))
    user.permissions.tags.update(_read_tags(call))
    account.identities.users[name] = user
    return {"User": describe_user(call, account, user)}


@OPERATIONS.read("ListUsers", resource=any_resource)
def list_users(call: Call) -> dict[str, Any]:
    account = caller_account(call)
    users = account.existing_identities.users.values() if account.existing_identities else ()
    return render_page(call, "Users", [describe_user(call, account, user) for user in users])


@OPERATIONS.change("DeleteUser")
def delete_user(call: Call) -> dict[str, Any]:
    """Delete a user that has nothing any more."""
    account, user = _get_user(call)
    held = user.credentials
    if held.login_profile or held.access_keys or held.mfa_devices or held.signing_certificates:
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409)
    if user.permissions.documents():
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    del account.identities.users[user.name]
    return {}


@OPERATIONS.change("CreateRole")
def create_role(call: Call) -> dict[str, Any]:
    """Create a role that the trust policy's principals may assume."""
    account, name = caller_account(call), call.parameters["RoleName"]
    if account.find_role(name):
        raise ServiceError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    role = IamRole(
        name=name,
        role_id=new_unique_id("AROA"),
        created_at=call.now,
        trust_policy=_read_document(call, "AssumeRolePolicyDocument", PolicyKind.RESOURCE),
        path=call.parameters.get("Path", "/"),
        description=call.parameters.get("Description", ""),
        max_session_seconds=call.parameters.get("MaxSessionDuration", 3600),
    )
    role.permissions.tags.update(_read_tags(call))
    account.identities.roles[name] = role
    return {"Role": _describe_role(call, account, role)}


@OPERATIONS.read("GetRole")
def get_role(call: Call) -> dict[str, Any]:
    account, role = _get_role(call)
    return {"Role": _describe_role(call, account, role)}


@OPERATIONS.read("ListRoles", resource=any_resource)
def list_roles(call: Call) -> dict[str, Any]:
    account = caller_account(call)
    roles = account.existing_identities.roles.values() if account.existing_identities else ()
    return render_page(call, "Roles", [_describe_role(call, account, role) for role in roles])


@OPERATIONS.change("DeleteRole")
def delete_role(call: Call) -> dict[str, Any]:
    """Delete a role without policies; its sessions lose their permissions."""
    account, role = _get_role(call)
    if role.permissions.documents():
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    del account.identities.roles[role.name]
    return {}


@OPERATIONS.change("PutRolePolicy")
@OPERATIONS.change("PutUserPolicy")
def put_policy(call: Call) -> dict[str, Any]:
    """Give a user or role an inline policy, in the place of one of the same name."""
    document = _read_document(call, "PolicyDocument", PolicyKind.IDENTITY)
    _identity(call).permissions.inline_policies[call.parameters["PolicyName"]] = document
    return {}


@OPERATIONS.change("DeleteRolePolicy")
@OPERATIONS.change("DeleteUserPolicy")
def delete_policy(call: Call) -> dict[str, Any]:
    """Take an inline policy away."""
    identity, name = _identity(call), call.parameters["PolicyName"]
    if identity.permissions.inline_policies.pop(name, None) is None:
        kind = "user" if isinstance(identity, IamUser) else "role"
        raise no_such_entity(f"The {kind} policy with name {name} cannot be found.")
    return {}


@OPERATIONS.change("AttachRolePolicy")
@OPERATIONS.change("AttachUserPolicy")
def attach_policy(call: Call) -> dict[str, Any]:
    """Attach one of the AWS managed policies that the sandbox knows; task policies can't be attached."""
    identity, arn = _identity(call), call.parameters["PolicyArn"]
    document = find_managed_document(arn, call.world.partition)
    if document is None:
        raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")
    identity.permissions.managed_policies[arn] = document
    return {}


@OPERATIONS.change("DetachRolePolicy")
@OPERATIONS.change("DetachUserPolicy")
def detach_policy(call: Call) -> dict[str, Any]:
    identity, arn = _identity(call), call.parameters["PolicyArn"]
    if identity.permissions.managed_policies.pop(arn, None) is None:
        raise no_such_entity(f"Policy {arn} was not found.")
    return {}


@OPERATIONS.change("CreateAccessKey", resource=subject_arn, validate=require_user_name)
def create_access_key(call: Call) -> dict[str, Any]:
    """Create an access key; its secret is shown this once."""
    subject = get_subject(call)
    if len(subject.credentials.access_keys) >= _KEYS_PER_USER:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {_KEYS_PER_USER}", 409)
    account_id = subject.account.account_id
    secret = new_secret_access_key()
    key = AccessKey(new_access_key_id("AKIA", account_id), call.now, secret_access_key=secret)
    call.world.add_access_key(KeyOwner(account_id, subject.user.name if subject.user else None), key)
    shown = {"AccessKeyId": key.access_key_id, "Status": key.status, "SecretAccessKey": secret, "CreateDate": call.now}
    return {"AccessKey": subject.render_user_name() | shown}


@OPERATIONS.change("UpdateAccessKey", resource=subject_arn, validate=require_user_name)
def update_access_key(call: Call) -> dict[str, Any]:
    """Make a key active or inactive."""
    key = get_subject(call).credentials.access_keys.get(call.parameters["AccessKeyId"])
    if key is None:
        raise no_such_entity(f"The Access Key with id {call.parameters['AccessKeyId']} cannot be found.")
    if call.parameters["Status"] not in (ACTIVE, INACTIVE):
        raise ServiceError("ValidationError", f"Status must be {ACTIVE} or {INACTIVE}.")
    key.status = call.parameters["Status"]
    return {}


def _describe_role(call: Call, account: Account, role: IamRole) -> dict[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.role_id,
        "Arn": call.world.role_arn(account.account_id, role),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": quote(role.trust_policy, safe=""),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_seconds,
    }


def _read_document(call: Call, name: str, kind: PolicyKind) -> str:
    text = str(call.parameters[name])
    document = unquote(text) if text.lstrip().startswith("%7B") else text
    try:
        compile_policy(document, kind)
    except PolicyDocumentError as error:
        raise ServiceError("MalformedPolicyDocument", str(error)) from error
    return document


def _read_tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call.parameters.get("Tags", ())}


def _identity(call: Call) -> IamUser | IamRole:
    return _get_role(call)[1] if "RoleName" in call.parameters else _get_user(call)[1]


def _get_user(call: Call) -> tuple[Account, IamUser]:
    account, name = caller_account(call), call.parameters["UserName"]
    user = account.find_user(name)
    if user is None:
        raise user_not_found(name)
    return account, user


def _get_role(call: Call) -> tuple[Account, IamRole]:
    account, name = caller_account(call), call.parameters["RoleName"]
    role = account.find_role(name)
    if role is None:
        raise no_such_entity(f"The role with name {name} cannot be found.")
    return account, role


_VERSION = "v1"

_MEMBERS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


@OPERATIONS.read("GetAccountAuthorizationDetails", resource=any_resource)
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
        described = describe_user(call, account, user) | {"GroupList": []}
        yield {"kind": "User", "detail": described | _describe_permissions(user.permissions, "UserPolicyList")}
    for role in roles:
        described = _describe_role(call, account, role) | {"InstanceProfileList": []}
        yield {"kind": "Role", "detail": described | _describe_permissions(role.permissions, "RolePolicyList")}
    attached = dict(pair for one in (*users, *roles) for pair in one.permissions.managed_policies.items())
    for arn, document in attached.items():
        versions = {"PolicyVersionList": [_describe_version(call, document)]}
        yield {"kind": "AWSManagedPolicy", "detail": _describe_policy(call, arn) | versions}


def _describe_permissions(permissions: Permissions, inline_name: str) -> dict[str, Any]:
    """Give inline policies, as the member ``inline_name``, attached ones and tags."""
    inline, attached, tags = permissions.inline_policies, permissions.managed_policies, permissions.tags
    return {
        inline_name: [{"PolicyName": name, "PolicyDocument": quote(text, safe="")} for name, text in inline.items()],
        "AttachedManagedPolicies": [{"PolicyName": _name_of(arn), "PolicyArn": arn} for arn in attached],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


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


def _describe_version(call: Call, document: str) -> dict[str, Any]:
    created_at = call.world.account(call.principal.account_id).created_at
    shown = quote(document, safe="")
    return {"Document": shown, "VersionId": _VERSION, "IsDefaultVersion": True, "CreateDate": created_at}


def _name_of(arn: str) -> str:
    return arn.rpartition("/")[2]


@OPERATIONS.read("GetPolicy", resource=_policy_arn)
def get_policy(call: Call) -> dict[str, Any]:
    """Describe one of the AWS managed policies that the sandbox knows."""
    _get_document(call)
    return {"Policy": _describe_policy(call, call.parameters["PolicyArn"])}


@OPERATIONS.read("GetPolicyVersion", resource=_policy_arn)
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
